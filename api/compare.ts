import type {
  ComparedFigure as Compared,
  SetComparison,
  SetOfRuns,
} from '../record/comparison/compare-sets.js';
import type { JudgedFigure } from '../record/comparison/judge-sets.js';
import type { RunRecord } from '../record/run.js';

/** One side of a comparison: a folder of a record or of a set of them, a record that was read, or several of either. */
export type Records = string | RunRecord | readonly (string | RunRecord)[];

/** What is judged, and how finely. */
export interface CompareOptions {
  /** The smallest change worth reporting, as a share: 0.05 (the default) is 5 %. */
  readonly smallestEffect?: number;
  /** Paths of the resolved scenario that are meant to differ, such as `target.store`. */
  readonly differing?: readonly string[];
}

/** What the runs of one side recorded for a figure, in its unit. */
export interface FigureSample {
  /** Of the runs. */
  readonly median: number;
  /** The least that a run has recorded. */
  readonly lowest: number;
  /** The most. */
  readonly highest: number;
}

/** One figure of both sides. */
export interface ComparedFigure {
  /** Its path in run.json: `latency.delivered.p99`. */
  readonly path: string;
  /** For people. */
  readonly label: string;
  /** `ms`, `s`, `bytes`, `count` and so on, as the catalogue of metrics has it. */
  readonly unit: string;
  /** Null: no run of that side recorded it. */
  readonly base: FigureSample | null;
  /** The same of the other side. */
  readonly current: FigureSample | null;
  /**
   * By how much it changed: a `ratio`, current as a multiple of base, or a `difference` in the unit, where a side recorded
   * zero. The interval has 90 % confidence; null: the runs are too few for one. Null: the figure is missing.
   */
  readonly change: {
    readonly scale: 'ratio' | 'difference';
    readonly estimate: number;
    readonly interval: { readonly low: number; readonly high: number } | null;
  } | null;
  /** Null: it is shown, and not judged. */
  readonly verdict: 'worse' | 'better' | 'same' | 'inconclusive' | 'missing' | null;
  /** Inconclusive: about how many more runs of each side would decide; null: that cannot be said. */
  readonly moreRuns: number | null;
}

/** Two sets of runs, figure by figure. */
export interface Comparison {
  /** `undecided`: something seems worse, and the runs are too few to tell. */
  readonly outcome: 'worse' | 'undecided' | 'not worse';
  /** The runs were made by turns, so that what the machine did meanwhile hit both sides. */
  readonly isInterleaved: boolean;
  /** Why the current runs do not pass, whatever their figures are: one failed, or they were asked for another load. */
  readonly faults: readonly string[];
  /** Why figures may differ for another reason than the code. */
  readonly warnings: readonly string[];
  /** Those that any run has recorded. */
  readonly figures: readonly ComparedFigure[];
  /** One sentence that says how it ended. */
  readonly conclusion: string;
  /** All of it as GitHub-flavoured Markdown, as `c2m compare --markdown` prints it. */
  readonly markdown: string;
}

/**
 * Says whether the runs of one side are worse than those of the other, as `c2m compare` does: by Mann and Whitney's test and
 * Hodges and Lehmann's estimate, corrected for many figures. A run is one sample, so several of each side are wanted. A
 * lost message needs no statistics, and is always worse.
 *
 * @throws {@link C2mError} with the code `C2M_RECORD` where a record cannot be read, `C2M_INPUT` where a side has none
 */
export async function compare(
  base: Records,
  current: Records,
  options: CompareOptions = {},
): Promise<Comparison> {
  const [{ compareSets }, { comparisonAsMarkdown, conclusion }] = await Promise.all([
    import('../record/comparison/compare-sets.js'),
    import('../reports/comparison-text.js'),
  ]);
  const { smallestEffect, differing = [] } = options;
  const compared = compareSets(await readSide(base, 'base'), await readSide(current, 'current'), {
    differing,
    ...(smallestEffect !== undefined && { smallestEffect }),
  });
  return {
    ...toldOf(compared),
    conclusion: conclusion(compared),
    markdown: comparisonAsMarkdown(compared),
  };
}

async function readSide(side: Records, name: string): Promise<SetOfRuns> {
  const [{ readRecordsAt }, { InputError }] = await Promise.all([
    import('../record/branch/records-at.js'),
    import('../record/input-error.js'),
  ]);
  const given = [side].flat() as (string | RunRecord)[];
  const found = await Promise.all(
    given.map(async (each) =>
      typeof each === 'string' ? (await readRecordsAt(each)).map(({ record }) => record) : [each],
    ),
  );
  const runs = found.flat();
  if (runs.length === 0) throw new InputError(`compare: ${name} has no runs; give a folder or a record`);
  const folders = given.filter((each) => typeof each === 'string');
  return { name: folders.length > 0 ? folders.join(', ') : name, runs };
}

function toldOf(compared: SetComparison): Omit<Comparison, 'conclusion' | 'markdown'> {
  const { outcome, isInterleaved, faults, warnings, rows } = compared;
  return { outcome, isInterleaved, faults, warnings, figures: rows.map(figureOf) };
}

function figureOf({
  figure,
  base,
  current,
  change,
  verdict,
  moreRuns,
}: JudgedFigure<Compared>): ComparedFigure {
  const { path, label, unit } = figure;
  return { path, label, unit, base, current, change, verdict, moreRuns };
}
