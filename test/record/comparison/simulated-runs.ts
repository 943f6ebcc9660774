import { interleavedOrder, type Side } from '../../../record/comparison/interleaving.js';
import type { FigureOfSets } from '../../../record/comparison/judge-sets.js';

/** A lab that runs no server: figures of runs, drawn from a seed, with what a shared machine does to them. */
export interface SimulatedLab {
  /** Run to run, as a share: the deviation of a p50's logarithm. A p90 has 1.3 times as much, a p99 twice. */
  noise: number;
  /** How the machine's speed moves by a factor of two while a comparison lasts: not, steadily, or down and up again. */
  drift: 'none' | 'steady' | 'wave';
  /** Share of runs in which every latency is three times as long, for no reason of the server's. */
  strayRuns: number;
  /** By how much current is slower: latencies and CPU a message; 0.2 is 20 %. */
  slowdown: number;
}

export const QUIET_LAB: SimulatedLab = { noise: 0.05, drift: 'none', strayRuns: 0, slowdown: 0 };

type Runs = Record<Side, number[][]>;

interface SimulatedFigure {
  path: string;
  worse: 'higher' | 'lower';
  usual: number;
  /** As a multiple of the lab's noise. */
  noise: number;
  /** 1: takes twice as long on a machine of half the speed; -1: a rate; 0: memory, which knows no speed. */
  bySpeed: 1 | -1 | 0;
  isLatency: boolean;
  isMovedBySlowdown: boolean;
}

/** What noise all latencies of a run have in common; the rest is a figure's own. */
const CORRELATION = 0.7;

const FIGURES: readonly SimulatedFigure[] = [
  ...['accepted', 'delivered', 'receipt'].flatMap((kind) =>
    (
      [
        ['p50', 2, 1],
        ['p90', 5, 1.3],
        ['p99', 12, 2],
      ] as const
    ).map(([percentile, usual, noise]) => ({
      ...timed(`latency.${kind}.${percentile}`, usual, noise),
      isLatency: true,
    })),
  ),
  timed('cpu.microsecondsPerMessage', 15, 0.6),
  {
    ...timed('connections.connectsPerSecond', 8000, 1),
    worse: 'lower',
    bySpeed: -1,
    isMovedBySlowdown: false,
  },
  memory('memory.bytesPerConnection.server', 1400, 0.15),
  memory('memory.bytesPerConnection.kernel', 4000, 0.1),
];

function timed(path: string, usual: number, noise: number): SimulatedFigure {
  return { path, worse: 'higher', usual, noise, bySpeed: 1, isLatency: false, isMovedBySlowdown: true };
}

function memory(path: string, usual: number, noise: number): SimulatedFigure {
  return { path, worse: 'higher', usual, noise, bySpeed: 0, isLatency: false, isMovedBySlowdown: false };
}

export interface Simulation {
  /** Two sets of interleaved runs, with the figures of the first `pairs` pairs of them. */
  comparison(lab: SimulatedLab, pairs: number): SimulatedComparison;
}

export interface SimulatedComparison {
  order: Side[];
  figures: FigureOfSets[];
  /** As many pairs again, on the same machine a little later. */
  runAgain(): SimulatedComparison;
}

export function simulation(seed: number): Simulation {
  const random = generator(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

  const runOf = (lab: SimulatedLab, side: Side, slowness: number): number[] => {
    const shared = normal();
    const isStray = random() < lab.strayRuns;
    return FIGURES.map((figure) => {
      const noise =
        figure.bySpeed === 0
          ? normal()
          : figure.bySpeed * Math.sqrt(CORRELATION) * shared + Math.sqrt(1 - CORRELATION) * normal();
      let logarithm = noise * figure.noise * lab.noise + slowness * figure.bySpeed;
      if (isStray && figure.isLatency) logarithm += Math.log(3);
      if (side === 'current' && figure.isMovedBySlowdown) logarithm += Math.log(1 + lab.slowdown);
      return figure.usual * Math.exp(logarithm);
    });
  };

  /** A further `pairs` pairs, on a machine that goes on from where it was. */
  const runMore = (lab: SimulatedLab, pairs: number, before: Session): SimulatedComparison => {
    const order = interleavedOrder(pairs);
    const drift = driftOf(lab.drift, order.length, random);
    const runs: Runs = { base: [...before.runs.base], current: [...before.runs.current] };
    order.forEach((side, at) => {
      runs[side].push(runOf(lab, side, before.slowness + drift(at)));
    });
    const session: Session = {
      order: [...before.order, ...order],
      runs,
      slowness: before.slowness + drift(order.length),
    };
    return {
      order: session.order,
      figures: figuresOf(runs),
      runAgain: () => runMore(lab, pairs, session),
    };
  };

  return {
    comparison: (lab, pairs) =>
      runMore(lab, pairs, { order: [], runs: { base: [], current: [] }, slowness: 0 }),
  };
}

interface Session {
  order: Side[];
  runs: Runs;
  /** How slow the machine is at its end, as a logarithm. */
  slowness: number;
}

function figuresOf({ base, current }: Runs): FigureOfSets[] {
  return FIGURES.map(({ path, worse }, at) => ({
    path,
    worse,
    noise: 0,
    isStrict: false,
    base: base.map((run) => run[at]!),
    current: current.map((run) => run[at]!),
  }));
}

/** The logarithm of how slow the machine is at each run; its range is a factor of two. */
function driftOf(drift: SimulatedLab['drift'], runs: number, random: () => number): (at: number) => number {
  const direction = random() < 0.5 ? -1 : 1;
  if (drift === 'none') return () => 0;
  if (drift === 'steady') return (at) => (direction * Math.LN2 * at) / runs;
  return (at) => direction * Math.LN2 * Math.sin((Math.PI * at) / runs);
}

/** mulberry32, by T. Ettinger; in [0, 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
