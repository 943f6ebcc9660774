import { type AgentLoss, agentLosses, lossWords } from '../../record/agent-losses.js';
import type { RecordedHost, RunRecord } from '../../record/run.js';
import { formatBytes, formatCount, formatFigure, formatMilliseconds, plural } from '../format.js';
import { agentsOf, hasLoadSources, hostLoads, sumOf } from './agent-hosts.js';
import { slowestSentence } from './slowest-agent.js';

/** Sentences about where the load came from, which every report says in the same words. */

/** `6 agents on 2 hosts simulated 5,000 clients: 4,990 messages/s, 2.31 cores and 312 MiB, all together`. */
export function loadSentence(record: RunRecord): string {
  const agents = agentsOf(record);
  const clients = agents.reduce((sum, each) => sum + each.clients, 0);
  // The rate of an agent that was lost is that of its own time, which is not that of the others: they have no sum.
  const isWhole = agents.every(({ lost }) => lost === null);
  const rate = isWhole ? sumOf(agents.map(({ messagesPerSecond }) => messagesPerSecond)) : null;
  const cores = record.cpu?.generatorCores.mean ?? sumOf(agents.map(({ cpuCores }) => cpuCores.mean));
  const bytes = sumOf(agents.map(({ privateBytesPeak }) => privateBytesPeak));
  const figures = [
    ...(rate === null ? [] : [`${formatFigure(rate, 'perSecond')} delivered`]),
    ...(cores === null ? [] : [`${formatFigure(cores, 'cores')} in use`]),
    ...(bytes === null ? [] : [`${formatBytes(bytes)} of memory`]),
  ];
  const together = figures.length === 0 ? '' : `; all together ${figures.join(', ')}`;
  return `${plural(agents.length, 'agent')} on ${plural(record.hosts.length, 'host')} simulated ${plural(clients, 'client')}${together}`;
}

/** Who was lost, when and why, at most so many; empty where nobody was. */
export function lossSentences(record: RunRecord, most: number): string[] {
  const losses = agentLosses(record.hosts);
  const more = losses.slice(most);
  const told = losses.slice(0, most).map((loss) => `${lossWords(loss)}; ${unknownWords(loss)}`);
  const agents = more.reduce((sum, loss) => sum + loss.agents.length, 0);
  return more.length === 0 ? told : [...told, `and ${plural(agents, 'more agent')} after that`];
}

function unknownWords({ clients }: AgentLoss): string {
  return `what became of ${clients === 1 ? 'its client' : `${formatCount(clients)} clients`} is not known`;
}

/** For a terminal: hosts with their agents, the slowest agent. Empty for a run in one process of this machine. */
export function agentSentences(record: RunRecord, hostsTold: number): string[] {
  if (!hasLoadSources(record)) return [];
  const loads = hostLoads(record);
  const hosts = loads
    .slice(0, hostsTold)
    .map(
      ({ host, agents, clients }) =>
        `${host.name} ${formatCount(agents.length)} with ${formatCount(clients)}`,
    );
  const more =
    loads.length > hostsTold ? ` and ${formatCount(loads.length - hostsTold)} more, in the report` : '';
  const where = loads.length > 1 ? `: ${hosts.join(', ')}${more}` : '';
  const agents = agentsOf(record).length;
  return [
    `${plural(agents, 'agent')} on ${plural(loads.length, 'host')}, ${plural(record.connections.target, 'client')}${where}`,
    ...[slowestSentence(record) ?? []].flat(),
  ];
}

/** `+12.3 ms ±400 µs`, `this machine’s own` where there is nothing to convert. */
export function clockWords({ clock }: RecordedHost): string {
  if (clock === null) return 'the coordinator’s';
  const { offsetMs, uncertaintyMs, driftMs } = clock;
  const drift = driftMs === null ? '' : `, moved ${formatMilliseconds(Math.abs(driftMs))}`;
  return `${offsetMs < 0 ? '−' : '+'}${formatOffset(Math.abs(offsetMs))} ±${formatMilliseconds(uncertaintyMs)}${drift}`;
}

/** Monotonic clocks begin with their machines: offsets of days tell nothing but which was started first. */
function formatOffset(ms: number): string {
  return ms >= 1000 ? `${formatCount(Math.round(ms / 1000))} s` : formatMilliseconds(ms);
}

/** What hangs on the clocks of the hosts; undefined where all have the coordinator's. */
export function clockSentence({ hosts }: RunRecord): string | undefined {
  const doubts = hosts.flatMap(({ clock }) =>
    clock ? [clock.uncertaintyMs + Math.abs(clock.driftMs ?? 0)] : [],
  );
  if (doubts.length === 0) return undefined;
  return (
    `Phases, actions and the timeline are drawn on the coordinator’s clock, to which those of the hosts are known to ` +
    `±${formatMilliseconds(Math.max(...doubts))} or better. Every latency begins and ends on one clock, so none depends on that.`
  );
}
