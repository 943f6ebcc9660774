import type { FirstContact } from '../loadgen/first-contact/first-contact.js';
import { readHostFacts } from '../loadgen/host-facts.js';
import type { Promises } from '../record/promises.js';
import type { RunRecord } from '../record/run.js';
import { formatBytes, formatCount, formatMilliseconds, plural } from '../reports/format.js';

/** One thing that was tried. */
export interface DriverCheck {
  name: string;
  /** Null: it is measured, and nothing was promised. */
  holds: boolean | null;
  /** What was found, for people. */
  words: string;
  /** The same for programs; null: it could not be measured. */
  figures: Record<string, number | null>;
}

/** Of the memory that is free, what clients may fill. */
const USABLE_MEMORY = 0.85;
/** What the kernel holds for the client's end of a connection that is idle; see host-capacity.ts. */
const SOCKET_BYTES = 4.94 * 1024;

export function loginCheck({ loginMs, notes }: FirstContact): DriverCheck {
  const words = loginMs === null ? notes.join('; ') : formatMilliseconds(loginMs);
  return { name: 'login', holds: loginMs !== null, words, figures: { loginMs } };
}

/** Where nobody had one to send nothing is judged: all messages go to groups, or there is but one client. */
export function messageCheck({ messageMs, notes }: FirstContact, promises: Promises): DriverCheck {
  if (messageMs === null && notes.length === 0)
    return {
      name: 'one message',
      holds: null,
      words: 'none: there is nobody to write to',
      figures: { messageMs },
    };
  const told = ['delivered', promises.accepted && 'accepted', promises.receipt && 'receipted'].filter(
    Boolean,
  );
  const words =
    messageMs === null ? notes.join('; ') : `${told.join(', ')} within ${formatMilliseconds(messageMs)}`;
  return { name: 'one message', holds: messageMs !== null, words, figures: { messageMs } };
}

export function ledgerCheck(record: RunRecord, promises: Promises): DriverCheck {
  const { messages, latency } = record;
  const problems = [...damage(record), ...refused(record)];
  if (messages.lost > 0) problems.push(`${formatCount(messages.lost)} lost`);
  for (const [isPromised, name] of [
    [promises.accepted, 'accepted'],
    [promises.receipt, 'receipted'],
  ] as const) {
    const missing = messages.sent - messages.refused - (messages[name] ?? 0);
    if (isPromised && missing > 0) problems.push(`${formatCount(missing)} not ${name}`);
  }
  return {
    name: 'open workload',
    holds: messages.sent > 0 && problems.length === 0,
    words: sentence(
      plural(messages.sent, 'message'),
      problems,
      `none lost, p50 ${shown(latency.delivered.p50)}, p99 ${shown(latency.delivered.p99)}`,
    ),
    figures: {
      sent: messages.sent,
      lost: messages.lost,
      duplicated: messages.duplicated,
      outOfOrder: messages.outOfOrder,
      deliveredP50Ms: latency.delivered.p50,
      deliveredP99Ms: latency.delivered.p99,
    },
  };
}

export function stormCheck({ connections, latency }: RunRecord): DriverCheck {
  const { target, peak, failed, connectsPerSecond, failures } = connections;
  const reasons = Object.entries(failures).map(([reason, count]) => `${count} × ${reason}`);
  const holds = peak === target && failed === 0;
  return {
    name: 'login storm',
    holds,
    words: holds
      ? `${plural(target, 'client')} at ${formatCount(Math.round(connectsPerSecond))}/s, p99 ${shown(latency.connect.p99)}`
      : `${peak} of ${plural(target, 'client')} (${reasons.join(', ')})`,
    figures: {
      clients: target,
      loggedIn: peak,
      failed,
      connectsPerSecond,
      connectP99Ms: latency.connect.p99,
    },
  };
}

/** What was sent to those who were away has to come only where the protocol lets it wait. */
export function returnCheck(record: RunRecord, promises: Promises): DriverCheck {
  const { messages, connections } = record;
  const waits = promises.storesForAway && promises.delivery !== 'at-most-once';
  const problems = waits ? [...damage(record), ...refused(record)] : damage(record);
  if (connections.reconnects === 0) problems.push('nobody came back');
  if (waits && messages.lost > 0) problems.push(`${formatCount(messages.lost)} lost`);
  const missed = messages.lost + messages.refused;
  const lost = waits ? 'none lost' : `${formatCount(missed)} did not wait for them, and need not`;
  return {
    name: 'away and back',
    holds: problems.length === 0,
    words: sentence(
      `${plural(connections.reconnects, 'client')} came back, ${plural(messages.sent, 'message')}`,
      problems,
      lost,
    ),
    figures: {
      reconnects: connections.reconnects,
      sent: messages.sent,
      lost: messages.lost,
      duplicated: messages.duplicated,
      redelivered: messages.redelivered,
    },
  };
}

export function memoryCheck({ connections, memory }: RunRecord): DriverCheck {
  const { client } = memory.bytesPerConnection;
  const clients = connections.peak;
  const usableBytes = readHostFacts().availableBytes * USABLE_MEMORY;
  const fits = client === null ? null : Math.floor(usableBytes / (client + SOCKET_BYTES));
  return {
    name: 'memory a client',
    holds: null,
    words:
      client === null
        ? `not measured: the memory of the agent did not grow with ${plural(clients, 'client')}`
        : `${formatBytes(client)} in the agent, idle, of ${formatCount(clients)}; about ${formatCount(rounded(fits ?? 0))} with their sockets would fit into the memory of this host`,
    figures: { clients, bytesPerClient: client, fits },
  };
}

export function cpuCheck({ cpu, messages }: RunRecord): DriverCheck {
  const us = cpu?.generatorUsPerMessage ?? null;
  return {
    name: 'CPU a message',
    holds: null,
    words:
      us === null
        ? 'too little CPU to tell'
        : `${formatMilliseconds(us / 1000)} in the agent, of ${formatCount(messages.delivered)} delivered`,
    figures: { delivered: messages.delivered, generatorUsPerMessage: us },
  };
}

/** What no driver may do, whatever it promises. */
function damage({ messages }: RunRecord): string[] {
  return [
    ...(messages.sent === 0 ? ['nothing was sent'] : []),
    ...(messages.unsent > 0 ? [`${formatCount(messages.unsent)} never sent`] : []),
    ...(messages.duplicated > 0 ? [`${formatCount(messages.duplicated)} twice`] : []),
    ...((messages.outOfOrder ?? 0) > 0 ? [`${formatCount(messages.outOfOrder ?? 0)} out of order`] : []),
    ...((messages.corrupted ?? 0) > 0
      ? [`${formatCount(messages.corrupted ?? 0)} with another content`]
      : []),
  ];
}

function refused({ messages, refusals }: RunRecord): string[] {
  if (messages.refused === 0) return [];
  return [`${formatCount(messages.refused)} refused (${Object.keys(refusals).join(', ')})`];
}

function sentence(what: string, problems: readonly string[], otherwise: string): string {
  return `${what}: ${problems.length > 0 ? problems.join(', ') : otherwise}`;
}

function shown(ms: number | null): string {
  return ms === null ? 'not measured' : formatMilliseconds(ms);
}

/** Two digits are all that an estimate has. */
function rounded(value: number): number {
  return value < 100 ? value : Number(value.toPrecision(2));
}
