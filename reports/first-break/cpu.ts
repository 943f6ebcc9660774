import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { areClientsElsewhere } from '../agents/agent-hosts.js';
import { meanServerCores } from '../server-cores.js';
import { isServerHere } from '../server-place.js';

/** Cores in use around one second; null: not known. */
export interface CpuLoad {
  /** All processes of the server together; null where the target does not tell. */
  server: number | null;
  agents: number;
  /** The whole host of the coordinator, whoever used it; an embedded server is on it, and agents that are on no other. */
  host: number | null;
  /** What neither server nor agents account for; null where one of them may be elsewhere. */
  others: number | null;
  /** Of the host. */
  cores: number;
  /** The agents are on that host, all of them. */
  areAgentsHere: boolean;
}

/** The server is read once a second at times of its own, so one line may have two readings in it, and the next none. */
const WINDOW_SAMPLES = 3;
/** With less of the cores than this idle, whatever waits is waiting for a core. */
export const CEILING_SHARE = 0.95;

/** Cores; the rest of a host is never quite still. */
export const LEAST_OTHERS = 0.25;

/** Means over the three seconds that end with the sample at `index`. */
export function cpuAt(record: RunRecord, samples: readonly TimelineSample[], index: number): CpuLoad {
  const window = samples.slice(Math.max(0, index - WINDOW_SAMPLES + 1), index + 1);
  const seconds = window.reduce((sum, sample) => sum + sample.seconds, 0);
  const mean = (read: (sample: TimelineSample) => number): number =>
    window.reduce((sum, sample) => sum + read(sample) * sample.seconds, 0) / Math.max(seconds, 0.001);
  const before = samples[index - window.length];
  const [from, to] = [before ?? window[0], window.at(-1)];
  const isHostKnown = from !== undefined && to !== undefined && to.kernel.busySeconds > 0 && to.t > from.t;
  const { cores } = record.environment;
  const areAgentsHere = !areClientsElsewhere(record);
  const agents = mean(({ generator }) => generator.cpu);
  const host = isHostKnown
    ? Math.min(cores, (to.kernel.busySeconds - from.kernel.busySeconds) / (to.t - from.t))
    : null;
  // After a stall one reading may hold the CPU time of many seconds, more than the host has had.
  const most = isServerHere(record) ? (host ?? cores) : Number.POSITIVE_INFINITY;
  const used = meanServerCores(window);
  const server = used === null ? null : Math.min(most, used);
  const isWhole = host !== null && server !== null && isServerHere(record) && areAgentsHere;
  return {
    server,
    agents,
    host,
    others: isWhole ? Math.max(0, host - server - agents) : null,
    cores,
    areAgentsHere,
  };
}

/** Index of the sample from which on the host had no core left until `index`; undefined: it had one. */
export function ceilingSince(
  record: RunRecord,
  samples: readonly TimelineSample[],
  index: number,
): number | undefined {
  let since: number | undefined;
  for (let each = index; each >= 0; each -= 1) {
    const { host, cores } = cpuAt(record, samples, each);
    if (host === null || host < cores * CEILING_SHARE) break;
    since = each;
  }
  return since;
}
