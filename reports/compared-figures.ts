import { LATENCY_KINDS } from '../record/run.js';

/** One figure of run.json that two runs are compared by. */
export interface ComparedFigure {
  path: string;
  label: string;
  /** The direction in which a run gets worse; `neither`: shown, and never a regression. */
  worse: 'higher' | 'lower' | 'neither';
  /**
   * A change smaller than this, in the figure's own unit, is noise whatever share of the base it is:
   * 0.2 ms that become 0.3 are no 50 % regression worth waking anybody for.
   */
  noise: number;
  /** Any step for the worse counts, however small: a messaging server loses nothing. */
  isStrict: boolean;
}

/** Half a millisecond is what a busy scheduler adds by itself. */
const LATENCY_NOISE_MS = 0.5;
/** Growth is measured on whole processes, whose garbage collectors come and go. */
const MEMORY_NOISE_BYTES = 128;

/** In the order in which the comparison shows them. */
export const COMPARED_FIGURES: readonly ComparedFigure[] = [
  lower('connections.peak', 'peak connections'),
  higher('connections.failed', 'connections failed'),
  higher('connections.dropped', 'connections dropped'),
  lower('connections.connectsPerSecond', 'connects a second'),
  neither('messages.sent', 'messages sent'),
  lower('messages.delivered', 'messages delivered'),
  strict('messages.lost', 'messages lost'),
  strict('messages.duplicated', 'messages duplicated'),
  strict('messages.outOfOrder', 'messages out of order'),
  higher('messages.refused', 'messages refused'),
  ...LATENCY_KINDS.flatMap((kind) => [
    higher(`latency.${kind}.p50`, `${kind} p50`, LATENCY_NOISE_MS),
    higher(`latency.${kind}.p90`, `${kind} p90`, LATENCY_NOISE_MS),
    higher(`latency.${kind}.p99`, `${kind} p99`, LATENCY_NOISE_MS),
    // One stray pause decides these, so they inform and do not judge.
    neither(`latency.${kind}.p999`, `${kind} p99.9`),
    neither(`latency.${kind}.max`, `${kind} max`),
  ]),
  neither('backlog.max', 'longest queue'),
  higher('memory.bytesPerConnection.server', 'server bytes a connection', MEMORY_NOISE_BYTES),
  higher('memory.bytesPerConnection.kernel', 'kernel bytes a connection', MEMORY_NOISE_BYTES),
  neither('memory.bytesPerConnection.client', 'client bytes a connection'),
  higher('memory.bytesPerConnection.total', 'bytes a connection', MEMORY_NOISE_BYTES),
  neither('generator.lagMs.p99', 'generator lag p99'),
];

function lower(path: string, label: string, noise = 0): ComparedFigure {
  return { path, label, worse: 'lower', noise, isStrict: false };
}

function higher(path: string, label: string, noise = 0): ComparedFigure {
  return { path, label, worse: 'higher', noise, isStrict: false };
}

function strict(path: string, label: string): ComparedFigure {
  return { path, label, worse: 'higher', noise: 0, isStrict: true };
}

function neither(path: string, label: string): ComparedFigure {
  return { path, label, worse: 'neither', noise: 0, isStrict: false };
}
