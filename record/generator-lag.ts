import { figureAt } from './figure.js';
import type { RunRecord } from './run.js';

type Figures = Omit<RunRecord, 'gates' | 'verdict'>;

/** What a figure would be without the generator's own lag, and words for how much that is. */
export interface LagBehind {
  valueWithout: number;
  note: string;
}

/**
 * How much of a latency, or of a rate of connects, is the lag of the generator itself; undefined where none is known, or
 * where it has no part in the figure. Percentiles cannot be taken from each other exactly: the difference stands for a
 * server that was given the load late, and is at most what is told.
 */
export function lagBehind(figures: Figures, metric: string): LagBehind | undefined {
  const value = figureAt(figures, metric);
  if (value === null) return undefined;
  if (metric === 'connections.connectsPerSecond') return lateConnects(figures, value);
  const media = /^(media\.\w+\.)latency\.(p50|p90|p99|p999|max)$/.exec(metric);
  if (media) return ofLag(value, figureAt(figures, `${media[1]}lagMs.${lagStatistic(media[2] ?? '')}`));
  const [, phase = '', kind = '', statistic = ''] =
    /^(phases\.[^.]+\.)?latency\.(\w+)\.(p50|p90|p99|p999|max)$/.exec(metric) ?? [];
  if (kind === '' || kind === 'waiting' || kind === 'deliveredSinceSent') return undefined;
  const lagPath = kind === 'connect' ? 'connectLagMs' : 'lagMs';
  const of = phase === '' ? 'generator.' : phase;
  const lagMs = figureAt(figures, `${of}${lagPath}.${lagStatistic(statistic)}`);
  const sinceSent =
    kind === 'delivered' ? figureAt(figures, `${phase}latency.deliveredSinceSent.${statistic}`) : null;
  return ofLag(value, sinceSent === null ? lagMs : value - sinceSent);
}

function ofLag(value: number, lagMs: number | null): LagBehind | undefined {
  if (lagMs === null) return undefined;
  const ownMs = Math.round(Math.min(value, lagMs) * 10) / 10;
  return {
    valueWithout: Math.max(0, value - lagMs),
    note: `undecided: ${ownMs} ms of it may be the lag of the generator itself`,
  };
}

/** p90 of the lag is not kept: its p99 is at least as much, so the server gets the benefit of the doubt. */
function lagStatistic(statistic: string): string {
  return statistic === 'p90' ? 'p99' : statistic;
}

/** Connects that the generator began late are missing from its rate. */
function lateConnects(figures: Figures, value: number): LagBehind | undefined {
  const { connectLagMs, lagLimitMs } = figures.generator;
  if (connectLagMs.p99 === null || connectLagMs.p99 <= lagLimitMs) return undefined;
  const { connectRate } = (figures.scenario.resolved.clients ?? {}) as { connectRate?: unknown };
  if (typeof connectRate !== 'number') return undefined;
  const lateMs = Math.round(connectLagMs.p99);
  return {
    valueWithout: Math.max(value, connectRate),
    note: `undecided: the generator began connects up to ${lateMs} ms late (p99)`,
  };
}
