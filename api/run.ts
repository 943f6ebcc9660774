import { resolve } from 'node:path';
import type { RunRecord } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import type { LoadedScenario } from '../scenarios/load.js';

export type { TimelineSample };

/** Runs that begin in the same second. */
const MOST_AT_ONCE = 100;

/** How a scenario is run. */
export interface RunOptions {
  /** Values in place of those of the scenario, by path, as `--set` does: `{ 'clients.count': 200, 'phases.talk.rate': '50/s' }`. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Where the record goes, made where it is not there; default: `runs/<time>-<name>` in the current folder. */
  readonly folder?: string;
  /** A record that the folder holds already goes. Without it that is an error. */
  readonly replace?: boolean;
  /** What gates with `baseline` are set against: a folder of a record or of several, or records that were read. */
  readonly baseline?: string | readonly RunRecord[];
  /** Ends the run in good order, within a few seconds. */
  readonly signal?: AbortSignal;
  /**
   * Lets the scenario start a program (`target.command`), run code of its own (a driver, handlers), have the server read
   * files, and listen beyond this machine. It is for scenarios that you know.
   */
  readonly trust?: boolean;
  /** A phase begins. What this or `onSample` throws ends the run, and the promise rejects with it. */
  readonly onPhase?: (phase: RunPhase) => void;
  /** Called once a second with what happened in it. */
  readonly onSample?: (sample: TimelineSample) => void;
}

/** A phase of a run: `connect`, those of the scenario, and `drain`. */
export interface RunPhase {
  readonly name: string;
  /** Milliseconds; null: it ends when it ends. */
  readonly durationMs: number | null;
}

/** A run that is over, and judged. */
export interface FinishedRun {
  /** Of its record, absolute, with `report.html`, `junit.xml`, `summary.md`. */
  readonly folder: string;
  /** What was measured, and how it was judged: run.json. */
  readonly record: RunRecord;
  /** Every gate held, and the figures can be believed: the exit status of `c2m run` would be 0. */
  readonly passed: boolean;
  /** A line for each gate that did not hold, and for whatever else keeps it from having passed; empty: it has. */
  readonly problems: readonly string[];
}

/**
 * Runs a scenario once and judges it, as `c2m run` does: starts the server if the scenario says so, simulates the clients,
 * measures, writes the record with its reports. Nothing is printed. A gate that does not hold is no error: see `passed`.
 *
 * The clients are simulated in processes of their own, which end with this one, however that ends. With
 * `generator.transport: packets` this process moves into a network of its own and stays there: give it a process for that.
 *
 * @param scenario - a YAML file, the name of a scenario that ships with c2m (`ci-smoke`), or what such a file would hold, as
 * plain data; then the files that it names are looked for in the current folder
 * @throws {@link C2mError}: what is wrong with the scenario or its target (nothing was started then), or why the run could not be
 * completed (`C2M_RUN` and others; what was measured until then is in the folder). Where the signal is aborted the run
 * resolves with a record whose verdict is `partial`, and rejects with the signal's reason if nothing was measured yet.
 */
export async function runScenario(
  scenario: string | URL | Readonly<Record<string, unknown>>,
  options: RunOptions = {},
): Promise<FinishedRun> {
  const { signal, onPhase, onSample, replace = false } = options;
  signal?.throwIfAborted();
  const lab = await import('../lab/run-scenario.js');
  const loaded = await load(scenario, options);
  const baseline = await readBaseline(options.baseline);
  const callbacks = new AbortController();
  // What a callback throws is the caller's own error, and none of the run; it may be a function that returns a promise.
  const calling =
    <Event>(callback: (event: Event) => void) =>
    (event: Event): void => {
      (async () => callback(event))().catch((error: unknown) => callbacks.abort({ error }));
    };
  const runIn = async (folder: string) => ({
    folder,
    outcome: await lab.runScenario(
      loaded,
      {
        folder,
        isReplacing: replace,
        baseline,
        signal: AbortSignal.any([callbacks.signal, ...(signal ? [signal] : [])]),
      },
      { ...(onPhase && { phase: calling(onPhase) }), ...(onSample && { sample: calling(onSample) }) },
    ),
  });
  const { folder, outcome } =
    options.folder === undefined ? await inFreeFolder(loaded, runIn) : await runIn(resolve(options.folder));
  const run = outcome.record && (await write(folder, outcome.record));
  if (callbacks.signal.aborted) throw callbacks.signal.reason.error;
  if (outcome.failure) throw outcome.failure;
  if (run) return run;
  signal?.throwIfAborted();
  const { RunError } = await import('../loadgen/run-error.js');
  throw new RunError('C2M_RUN', 'the run was stopped before anything was measured');
}

async function load(
  scenario: string | URL | Readonly<Record<string, unknown>>,
  { set = {}, trust = false }: RunOptions,
): Promise<LoadedScenario> {
  const { loadOne } = await import('../scenarios/load-one.js');
  return loadOne(scenario, set, { isTrusted: trust });
}

/** Runs of the same scenario that begin in the same second have folders of their own all the same. */
async function inFreeFolder<Outcome>(
  { scenario }: LoadedScenario,
  runIn: (folder: string) => Promise<Outcome>,
): Promise<Outcome> {
  const { defaultRecordFolder, FolderTakenError } = await import('../lab/record-folder.js');
  const first = resolve(defaultRecordFolder(scenario.name));
  for (let number = 1; ; number += 1) {
    try {
      return await runIn(number === 1 ? first : `${first}-${number}`);
    } catch (error) {
      if (!(error instanceof FolderTakenError) || number === MOST_AT_ONCE) throw error;
    }
  }
}

async function readBaseline(baseline: RunOptions['baseline'] = []): Promise<RunRecord[]> {
  if (typeof baseline !== 'string') return [...baseline];
  const { readRecordsAt } = await import('../record/branch/records-at.js');
  return (await readRecordsAt(baseline)).map(({ record }) => record);
}

async function write(folder: string, record: RunRecord): Promise<FinishedRun> {
  const [{ writeRecord }, { problemsOf }] = await Promise.all([
    import('../reports/write.js'),
    import('../reports/run-cases.js'),
  ]);
  const { run } = await writeRecord(folder, record);
  const problems = problemsOf(run);
  return { folder, record, passed: record.verdict === 'passed' && run.damage.length === 0, problems };
}
