import { metricAt, unitAt } from '../../record/metrics.js';
import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { areClientsElsewhere } from '../agents/agent-hosts.js';
import { formatBytes, formatCount, formatFigure, formatMilliseconds, formatMoment } from '../format.js';
import { phaseAt } from '../load-phases.js';
import { isServerHere } from '../server-place.js';
import { cpuAt, LEAST_OTHERS } from './cpu.js';
import { isWanted, type JudgedGate } from './gate-limits.js';
import { waitsForReaders } from './queue-symptoms.js';

/** How much of a limit was used at most. */
export interface LimitUse {
  /** `CPU of the host`, `the queue outbound`. */
  what: string;
  /** `1.62 of 2 cores at 3 s, in the phase connect`. */
  how: string;
  /** 1 is the limit itself. */
  share: number;
  isNear: boolean;
}

/** From which share of its limit on each counts as near. */
const NEAR = { cpu: 0.85, queue: 0.5, gate: 0.9, lag: 0.5, memory: 0.9 };

/** What had a limit and kept it, that of which most was used first. */
export function limitUses(
  record: RunRecord,
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
): LimitUse[] {
  return [
    ...cpuUses(record, samples),
    ...queueUses(record, samples, gates),
    ...gates.flatMap(gateUse),
    ...lagUse(record),
    ...memoryUse(record, samples),
  ]
    .filter(({ share }) => share <= 1)
    .sort((one, other) => other.share - one.share);
}

/** With a target elsewhere, only the agents are known to be on this host; with agents elsewhere, only the coordinator. */
export function hostCpu(record: RunRecord): string {
  if (areClientsElsewhere(record))
    return isServerHere(record) ? 'CPU of the server’s host' : 'CPU of the coordinator’s host';
  return isServerHere(record) ? 'CPU of the host' : 'CPU of the agents’ host';
}

function cpuUses(record: RunRecord, samples: readonly TimelineSample[]): LimitUse[] {
  const loads = samples.map((sample, index) => ({ sample, ...cpuAt(record, samples, index) }));
  const { cores } = record.environment;
  const highest = (
    what: string,
    ceiling: number,
    read: (load: (typeof loads)[number]) => number | null,
  ): LimitUse[] => {
    const peak = loads.reduce<(typeof loads)[number] | undefined>(
      (most, load) => ((read(load) ?? -1) > (most ? (read(most) ?? -1) : 0) ? load : most),
      undefined,
    );
    const used = peak ? read(peak) : null;
    if (!peak || used === null) return [];
    // A process has threads beside its one core.
    const share = Math.min(1, used / ceiling);
    const isNear = share >= NEAR.cpu;
    const others = isNear && what === hostCpu(record) ? othersWords(peak.others) : '';
    const how = `${used.toFixed(2)} of ${formatFigure(ceiling, 'cores')} at ${formatMoment(peak.sample.t)}, in the phase ${peak.sample.phase}${others}`;
    return [{ what, how, share, isNear }];
  };
  const agentCores = coresForAgents(record);
  return [
    ...highest(hostCpu(record), cores, ({ host }) => host),
    // An agent runs on one core; with as many agents as cores the host says the same.
    ...(agentCores < cores || areClientsElsewhere(record)
      ? highest('CPU of the agents', agentCores, ({ agents }) => agents)
      : []),
  ];
}

/** A host may be full of what is neither the server nor the load. */
function othersWords(cores: number | null): string {
  return cores !== null && cores >= LEAST_OTHERS ? `, ${cores.toFixed(2)} of them for other programs` : '';
}

/** An agent runs on one core, and those of a machine have no more than it has. */
function coresForAgents({ hosts, generator, environment }: RunRecord): number {
  if (hosts.length === 0) return Math.min(environment.cores, generator.agents);
  return hosts.reduce((sum, host) => sum + Math.min(host.environment.cores, host.agents.length), 0);
}

function queueUses(
  record: RunRecord,
  samples: readonly TimelineSample[],
  gates: readonly JudgedGate[],
): LimitUse[] {
  return record.backlog.queues.flatMap(({ name, max, threshold }) => {
    if (threshold === null || threshold <= 0 || isWanted(gates, /^backlog\./)) return [];
    const longest = samples.reduce<TimelineSample | undefined>(
      (most, sample) =>
        (sample.server?.queues[name] ?? 0) > (most?.server?.queues[name] ?? 0) ? sample : most,
      undefined,
    );
    if (longest && waitsForReaders(name, samples, longest.t)) return [];
    const share = max / threshold;
    const when = longest ? ` at ${formatMoment(longest.t)}, in the phase ${longest.phase}` : '';
    const how = `${formatCount(max)} of its threshold of ${formatCount(threshold)}${when}`;
    return [{ what: `the queue ${name}`, how, share, isNear: share >= NEAR.queue }];
  });
}

/** Only upper limits: that a gate asks for enough connections or messages says how much load there was, and no more. */
function gateUse({ metric, operator, limit, value, expression }: JudgedGate): LimitUse[] {
  const isUpper = metricAt(metric)?.worse === 'higher' && (operator === '<' || operator === '<=');
  if (value === null || limit <= 0 || !isUpper) return [];
  const share = value / limit;
  const how = formatFigure(value, unitAt(metric));
  return [{ what: `the gate ${expression}`, how, share, isNear: share >= NEAR.gate }];
}

function lagUse({ generator }: RunRecord): LimitUse[] {
  const { lagMs, lagLimitMs } = generator;
  if (lagMs.p99 === null || lagLimitMs <= 0) return [];
  const share = lagMs.p99 / lagLimitMs;
  const how = `p99 ${formatMilliseconds(lagMs.p99)} of ${formatMilliseconds(lagLimitMs)}`;
  return [{ what: 'lag of the generator', how, share, isNear: share >= NEAR.lag }];
}

/** Much of a host's memory is in use before the run, so it is told only where it became short. */
function memoryUse(record: RunRecord, samples: readonly TimelineSample[]): LimitUse[] {
  const { memoryBytes } = record.environment;
  const least = samples.reduce<TimelineSample | undefined>(
    (lowest, sample) =>
      sample.kernel.availableBytes < (lowest?.kernel.availableBytes ?? Number.POSITIVE_INFINITY)
        ? sample
        : lowest,
    undefined,
  );
  if (!least || memoryBytes <= 0) return [];
  const share = 1 - least.kernel.availableBytes / memoryBytes;
  if (share < NEAR.memory) return [];
  const phase = phaseAt(record, least.t) ?? least.phase;
  const how = `${formatBytes(least.kernel.availableBytes)} of ${formatBytes(memoryBytes)} left at ${formatMoment(least.t)}, in the phase ${phase}`;
  const what = areClientsElsewhere(record) ? 'memory of the coordinator’s host' : 'memory of the host';
  return [{ what, how, share, isNear: true }];
}
