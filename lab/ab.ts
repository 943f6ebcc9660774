import { join } from 'node:path';
import type { NatsOptions } from '../nats/connect.js';
import { compareSets, type SetComparison } from '../record/comparison/compare-sets.js';
import { differingPaths } from '../record/comparison/differences.js';
import { interleavedOrder, type Side } from '../record/comparison/interleaving.js';
import { secondLook } from '../record/comparison/second-look.js';
import type { RunRecord } from '../record/run.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { checkScenario } from './agents.js';
import { type RunObservers, type RunOutcome, runScenario } from './run-scenario.js';

export interface AbOptions {
  variants: Record<Side, LoadedScenario>;
  /** For people: what each of them is. */
  names: Record<Side, string>;
  /** Runs of each variant, before suspects are run again. */
  runs: number;
  smallestEffect?: number;
  /** The records go into `a` and `b` of it, a folder each. */
  folder: string;
  signal?: AbortSignal;
  /** As in `RunOptions`. */
  agents?: NatsOptions;
}

export interface AbObservers {
  /** A run begins: the number of it on its side, from 1. */
  begins?(side: Side, number: number, runs: number): RunObservers;
  /** It is over; the records of both sides are kept by whoever wants them. */
  recorded?(side: Side, number: number, folder: string, record: RunRecord): Promise<void>;
  /** What seems worse is run again before it fails a job. */
  looksAgain?(suspects: string[], moreRuns: number): void;
}

export interface AbOutcome {
  /** Undefined: it ended before both sides had a run. */
  comparison: SetComparison | undefined;
  folders: Record<Side, string[]>;
  failure: Error | undefined;
  /** Pairs of which a run proved nothing, because its generator could not keep up. */
  droppedPairs: number;
}

/**
 * Two variants of a scenario, each run with a fresh server, interleaved A B B A …, so that what the machine does meanwhile
 * hits both; what seems worse then is run again as often, and judged once more with all runs together.
 * @throws as runScenario does, for what is wrong with the input
 */
export async function ab(options: AbOptions, observers: AbObservers = {}): Promise<AbOutcome> {
  const { variants, names, runs, smallestEffect } = options;
  // What is wrong with the second of them is told before the first is run.
  for (const { scenario } of [variants.base, variants.current]) await checkScenario(scenario, options.agents);
  const series = new Series(options, observers);
  const differing = withoutDetail(differingPaths(variants.base.scenario, variants.current.scenario));
  const compare = (level?: number): SetComparison =>
    compareSets(
      { name: names.base, runs: series.records.base },
      { name: names.current, runs: series.records.current },
      {
        differing,
        ...(smallestEffect !== undefined && { smallestEffect }),
        ...(level !== undefined && { level }),
      },
    );
  await series.run(runs);
  if (series.records.base.length === 0) return { comparison: undefined, ...series.outcome };
  const first = compare();
  const again = series.isOver ? null : secondLook(first.rows, first.level);
  if (again === null || first.faults.length > 0) return { comparison: first, ...series.outcome };
  observers.looksAgain?.(again.suspects, again.moreRuns);
  await series.run(again.moreRuns);
  return { comparison: compare(again.level), ...series.outcome };
}

/** Of another server, or another protocol, every setting is another one: that it is another says it all. */
function withoutDetail(paths: string[]): string[] {
  const isOther = paths.includes('target.kind') || paths.includes('target.driver.name');
  return isOther ? ['target', ...paths.filter((path) => !path.startsWith('target.'))] : paths;
}

/** The pairs of runs that were made until now. */
class Series {
  readonly records: Record<Side, RunRecord[]> = { base: [], current: [] };
  readonly #folders: Record<Side, string[]> = { base: [], current: [] };
  readonly #options: AbOptions;
  readonly #observers: AbObservers;
  #pairs = 0;
  #droppedPairs = 0;
  #failure: Error | undefined;

  constructor(options: AbOptions, observers: AbObservers) {
    this.#options = options;
    this.#observers = observers;
  }

  get isOver(): boolean {
    return this.#failure !== undefined || (this.#options.signal?.aborted ?? false);
  }

  get outcome(): Omit<AbOutcome, 'comparison'> {
    return { folders: this.#folders, failure: this.#failure, droppedPairs: this.#droppedPairs };
  }

  /** So many more of each side; a pair that proves nothing is made again, and as many of those at most. */
  async run(pairs: number): Promise<void> {
    let [wanted, left] = [pairs, 2 * pairs];
    while (wanted > 0 && left > 0 && !this.isOver) {
      if (await this.#pair(this.records.base.length + wanted)) wanted -= 1;
      left -= 1;
    }
  }

  async #pair(runs: number): Promise<boolean> {
    const found: Partial<Record<Side, { folder: string; record: RunRecord }>> = {};
    this.#pairs += 1;
    for (const side of interleavedOrder(this.#pairs).slice(-2)) {
      const folder = join(this.#options.folder, side === 'base' ? 'a' : 'b', numbered(this.#pairs));
      const { record, failure } = await this.#one(side, folder, runs);
      this.#failure ??= failure;
      if (record) await this.#observers.recorded?.(side, this.#pairs, folder, record);
      if (!record || this.isOver) return false;
      found[side] = { folder, record };
    }
    const { base, current } = found;
    if (!base || !current) return false;
    if ([base, current].some(({ record }) => record.verdict === 'invalid')) {
      this.#droppedPairs += 1;
      return false;
    }
    for (const [side, { folder, record }] of [
      ['base', base],
      ['current', current],
    ] as const) {
      this.records[side].push(record);
      this.#folders[side].push(folder);
    }
    return true;
  }

  #one(side: Side, folder: string, runs: number): Promise<RunOutcome> {
    const { variants, signal, agents } = this.#options;
    return runScenario(
      variants[side],
      { folder, ...(signal && { signal }), ...(agents && { agents }) },
      this.#observers.begins?.(side, this.#pairs, runs) ?? {},
    );
  }
}

/** In the order of their names, as far as anybody goes. */
export function numbered(run: number): string {
  return String(run).padStart(3, '0');
}
