import { LATENCY_KINDS, type LatencySummary, type RunRecord } from './run.js';

type Figures = Omit<RunRecord, 'gates' | 'verdict'>;

/**
 * Where the counts of a record contradict each other, in words; empty in a right one. docs/run-record.md lists these sums.
 * They hold for a run that came to its end, of the agents that were lost on the way as far as those told.
 */
export function contradictions(record: Figures): string[] {
  return [...ofMessages(record), ...ofConnections(record), ...ofLatencies(record), ...ofAgents(record)];
}

function ofMessages({ messages, connections }: Figures): string[] {
  const { due, sent, unsent, accepted, impliedAccepted, delivered, receipted, refused, lost } = messages;
  const { acceptedNotDelivered, deliveredNotReceipted, receiptedEarly } = messages;
  const unknown = messages.unknown ?? 0;
  // Of what fell due in an agent that was lost, some may have been sent after it was last heard.
  const isWhole = (connections.unknown ?? 0) === 0;
  return [
    check('messages.due', due, isWhole ? '==' : '>=', 'sent + unsent', sent + unsent),
    // What was refused may have been delivered all the same, so it is between the two.
    check(
      'messages.sent',
      sent,
      '>=',
      isWhole ? 'delivered + lost' : 'delivered + lost + unknown',
      delivered + lost + unknown,
    ),
    check(
      'messages.sent',
      sent,
      '<=',
      `delivered + lost + refused${isWhole ? '' : ' + unknown'}`,
      delivered + lost + refused + unknown,
    ),
    check(
      'messages.accepted',
      accepted === null ? null : accepted + (impliedAccepted ?? 0),
      '<=',
      'sent',
      sent,
    ),
    check(
      'messages.receipted',
      receipted,
      '<=',
      'delivered + receiptedEarly',
      delivered + (receiptedEarly ?? 0),
    ),
    check('messages.acceptedNotDelivered', acceptedNotDelivered, '<=', 'lost', lost),
    check('messages.deliveredNotReceipted', deliveredNotReceipted, '<=', 'delivered', delivered),
  ].flat();
}

function ofConnections({ connections }: Figures): string[] {
  const { peak, target, failed, dropped, failures, unknown } = connections;
  const reasons = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return [
    check('connections.peak', peak, '<=', 'target', target),
    check('connections.unknown', unknown, '<=', 'target', target),
    check('connections.failures', reasons, '==', 'failed + dropped', failed + dropped),
  ].flat();
}

function ofLatencies({ latency, messages, phases }: Figures): string[] {
  return [
    check('latency.delivered.count', latency.delivered.count, '<=', 'messages.delivered', messages.delivered),
    check(
      'latency.receipt.count',
      latency.receipt.count,
      '==',
      'messages.receipted',
      messages.receipted ?? 0,
    ),
    check(
      'latency.accepted.count',
      latency.accepted.count,
      '<=',
      'messages.accepted',
      messages.accepted ?? 0,
    ),
    check(
      'latency.waiting.count',
      latency.waiting.count,
      '<=',
      'messages.awayAdjusted',
      messages.awayAdjusted ?? 0,
    ),
    ...LATENCY_KINDS.map((kind) => {
      const ofPhases = phases.map((phase) => phase.latency?.[kind].count ?? 0);
      const sum = ofPhases.reduce((total, count) => total + count, 0);
      return check(`latency.${kind}.count`, latency[kind].count, '==', 'that of all phases', sum);
    }),
    ...LATENCY_KINDS.map((kind) => inOrder(`latency.${kind}`, latency[kind])),
  ].flat();
}

/** What each agent has is in the sums of all. */
function ofAgents({ hosts, connections, messages, generator }: Figures): string[] {
  // Older records do not tell.
  if (hosts.length === 0) return [];
  const agents = hosts.flatMap((host) => host.agents);
  const all = (of: (agent: (typeof agents)[number]) => number): number =>
    agents.reduce((sum, agent) => sum + of(agent), 0);
  const lost = agents.filter((agent) => agent.lost !== null);
  const clientsLost = lost.reduce((sum, { clients }) => sum + clients, 0);
  return [
    check('generator.agents', generator.agents, '==', 'the number of them on all hosts', agents.length),
    check(
      'connections.target',
      connections.target,
      '==',
      'clients of all agents',
      all(({ clients }) => clients),
    ),
    check('connections.unknown', connections.unknown, '==', 'clients of those that were lost', clientsLost),
    check(
      'messages.sent',
      messages.sent,
      '==',
      'that of all agents',
      all(({ sent }) => sent),
    ),
    check(
      'messages.delivered',
      messages.delivered,
      '==',
      'that of all agents',
      all(({ delivered }) => delivered),
    ),
  ].flat();
}

function inOrder(path: string, { min, p50, p90, p99, p999, max }: LatencySummary): string[] {
  const values = [min, p50, p90, p99, p999, max].filter((value) => value !== null);
  const isInOrder = values.every((value, index) => index === 0 || value >= (values[index - 1] as number));
  return isInOrder ? [] : [`${path}: its percentiles are not in order`];
}

function check(
  path: string,
  value: number | null,
  operator: '==' | '<=' | '>=',
  words: string,
  sum: number,
): string[] {
  if (value === null) return [];
  const holds = operator === '==' ? value === sum : operator === '<=' ? value <= sum : value >= sum;
  return holds ? [] : [`${path} is ${value}, and ${words} is ${sum}`];
}
