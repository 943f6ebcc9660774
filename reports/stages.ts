import type { RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import { areClientsElsewhere } from './agents/agent-hosts.js';
import { meanServerCores } from './server-cores.js';
import { isServerHere } from './server-place.js';

/** What one phase of a run asked of the host, and what bounded it. Rates are means over the phase. */
export interface Stage {
  name: string;
  seconds: number;
  loginsPerSecond: number;
  messagesPerSecond: number;
  /** Of the slowest second. */
  acceptedP99Ms: number | null;
  /** Cores in use, by whom; `other` is what neither server nor agents account for, null where it is not known. */
  serverCores: number | null;
  generatorCores: number;
  otherCores: number | null;
  /** Both ways, of the packet transport. */
  packetsPerSecond: number | null;
  retransmissionsPerSecond: number | null;
  longestQueue: { name: string; length: number } | null;
  bottleneck: string;
}

/** With less of the cores than this idle, whatever waits is waiting for a core. */
const BUSY_SHARE = 0.9;
/** With less memory left, the kernel begins to take it back from those who use it. */
const SCARCE_MEMORY_SHARE = 0.05;

/** The phases of a run, each with its bottleneck, told from the timeline alone. */
export function stagesOf(record: RunRecord, samples: readonly TimelineSample[]): Stage[] {
  return record.phases.flatMap(({ name }) => {
    const own = samples.filter(({ phase }) => phase === name);
    const before = samples[samples.indexOf(own[0] as TimelineSample) - 1];
    return own.length === 0 ? [] : [stageOf(name, own, before, record)];
  });
}

function stageOf(
  name: string,
  samples: readonly TimelineSample[],
  before: TimelineSample | undefined,
  record: RunRecord,
): Stage {
  const seconds = sum(samples, (sample) => sample.seconds);
  const last = samples.at(-1) as TimelineSample;
  const mean = (value: (sample: TimelineSample) => number): number =>
    sum(samples, (sample) => value(sample) * sample.seconds) / seconds;
  const hasTcp = samples.some(({ generator }) => generator.tcp !== null);
  const serverCores = meanServerCores(samples);
  const generatorCores = mean(({ generator }) => generator.cpu);
  const first = before ?? (samples[0] as TimelineSample);
  const busyCores = (last.kernel.busySeconds - first.kernel.busySeconds) / Math.max(1e-9, last.t - first.t);
  const isHostKnown = last.kernel.busySeconds > 0 && last.t > first.t && isServerHere(record);
  const perSecond = (count: (sample: TimelineSample) => number): number => sum(samples, count) / seconds;
  const isWhole = isHostKnown && !areClientsElsewhere(record);
  const otherCores = isWhole ? Math.max(0, busyCores - (serverCores ?? 0) - generatorCores) : null;
  return {
    name,
    seconds,
    loginsPerSecond: perSecond(({ connections }) => connections.connected),
    messagesPerSecond: perSecond(({ messages }) => messages.delivered),
    acceptedP99Ms: largest(samples.map(({ latency }) => latency.accepted?.p99 ?? null)),
    serverCores,
    generatorCores,
    otherCores,
    packetsPerSecond: hasTcp
      ? perSecond(({ generator: { tcp } }) => (tcp ? tcp.segmentsIn + tcp.segmentsOut : 0))
      : null,
    retransmissionsPerSecond: hasTcp
      ? perSecond(({ generator: { tcp } }) => tcp?.retransmissions ?? 0)
      : null,
    longestQueue: longestQueue(samples),
    bottleneck: bottleneckOf(record, isHostKnown ? busyCores : null, serverCores, otherCores, last),
  };
}

function bottleneckOf(
  { environment }: RunRecord,
  busyCores: number | null,
  serverCores: number | null,
  otherCores: number | null,
  last: TimelineSample,
): string {
  if (last.kernel.availableBytes < environment.memoryBytes * SCARCE_MEMORY_SHARE) return 'memory';
  if (busyCores === null) return 'not known';
  if (busyCores < environment.cores * BUSY_SHARE) return 'none: the scenario set the pace';
  const isTakenByOthers = otherCores !== null && otherCores > (serverCores ?? 0);
  return isTakenByOthers ? 'CPU, most of it taken by others on the host' : 'CPU';
}

function longestQueue(samples: readonly TimelineSample[]): Stage['longestQueue'] {
  let longest: Stage['longestQueue'] = null;
  for (const { server } of samples) {
    for (const [name, length] of Object.entries(server?.queues ?? {})) {
      if (length > (longest?.length ?? 0)) longest = { name, length };
    }
  }
  return longest;
}

function sum(samples: readonly TimelineSample[], value: (sample: TimelineSample) => number): number {
  return samples.reduce((total, sample) => total + value(sample), 0);
}

function largest(values: (number | null)[]): number | null {
  return values.reduce((most, value) => (value !== null && value > (most ?? -1) ? value : most), null);
}
