import { endChildrenAtAbruptEnd } from '../lab/abrupt-end.js';
import { together } from '../lab/observers.js';
import { type RunObservers, type RunOptions, runScenario } from '../lab/run-scenario.js';
import { printable } from '../record/printable.js';
import type { RunRecord } from '../record/run.js';
import { writeRecord } from '../reports/write.js';
import type { LoadedScenario } from '../scenarios/load.js';
import { LONE_RUN, type RunPlace } from '../telemetry/run-place.js';
import type { LivePageServer, ShownRun } from '../ui/live-page-server.js';
import { type CiFlags, tellCi } from './ci-reports.js';
import { ExitStatus } from './exit-status.js';
import { type Interrupts, listenForInterrupts } from './interrupts.js';
import { type LiveView, liveView, noView } from './live-view.js';
import { printRun, statusOfRun } from './run-outcome.js';
import { livePlanOf, observersOf } from './run-page.js';
import type { Telemetry } from './start-telemetry.js';

export interface ViewOptions extends CiFlags {
  json?: true;
  quiet?: true;
}

/** Runs that one command makes, one after the other: each with its view, its record and its summary. */
export class RecordedRuns {
  readonly records: RunRecord[] = [];
  readonly interrupts: Interrupts;
  readonly #children = endChildrenAtAbruptEnd();
  readonly #options: ViewOptions;
  readonly #page: LivePageServer | undefined;
  #view: LiveView = noView;
  #statuses: ExitStatus[] = [];
  readonly #telemetry: Telemetry | undefined;

  /** @param others are told of each run as well; whoever has opened them closes them */
  constructor(
    options: ViewOptions,
    others: { telemetry?: Telemetry; page?: LivePageServer | undefined } = {},
  ) {
    this.#options = options;
    this.#telemetry = others.telemetry;
    this.#page = others.page;
    this.interrupts = listenForInterrupts({ hangup: true });
    this.interrupts.onRequest(() => this.#view.interrupted());
  }

  get isInterrupted(): boolean {
    return this.interrupts.isRequested;
  }

  /** The worst of all of them. */
  get status(): ExitStatus {
    const worstFirst = [ExitStatus.Interrupted, ExitStatus.GateFailed, ExitStatus.Incomplete];
    return worstFirst.find((status) => this.#statuses.includes(status)) ?? ExitStatus.Passed;
  }

  /** @throws why it could not be completed, once what was measured is written */
  async run(
    loaded: LoadedScenario,
    folder: string,
    {
      words,
      place,
      ...options
    }: Omit<RunOptions, 'folder' | 'signal'> & { words?: string; place?: RunPlace },
  ): Promise<void> {
    if (words !== undefined && !this.#options.json) process.stdout.write(`${words}\n`);
    const { signal } = this.interrupts;
    const shown = this.#page?.begin(livePlanOf(loaded, folder, words));
    const outcome = await runScenario(
      loaded,
      { ...options, folder, signal },
      together(this.observe(loaded, place), shown ? observersOf(shown) : {}),
    );
    this.endView();
    if (outcome.record) {
      await this.write(folder, outcome.record, shown);
      await this.#telemetry?.ended(outcome.record);
    } else {
      shown?.finished(undefined);
    }
    if (outcome.failure) throw outcome.failure;
    if (!outcome.record) this.#statuses.push(ExitStatus.Interrupted);
  }

  /**
   * Shows a run while it goes on, and tells of it whoever is told; what is wrong with the input is told on a screen without
   * a view.
   * @param place among the runs of the command; left out: it is the only one
   */
  observe(loaded: LoadedScenario, place: RunPlace = LONE_RUN): RunObservers {
    return together(this.#viewed(loaded), this.#telemetry?.observe(loaded, place) ?? {});
  }

  #viewed(loaded: LoadedScenario): RunObservers {
    return {
      machines: (words) => {
        const { json, quiet } = this.#options;
        if (!quiet) (json ? process.stderr : process.stdout).write(`${printable(words)}\n`);
      },
      begun: () => {
        this.#view = this.#viewFor(loaded);
      },
      stopped: () => this.interrupts.request(),
      phase: (phase) => this.#view.phase(phase),
      sample: (sample) => this.#view.sample(sample),
      agents: (agents) => this.#view.agents(agents),
    };
  }

  /** Writes a record with its reports, and prints it. @param shown its page, which ends as the report */
  async write(folder: string, record: RunRecord, shown?: ShownRun): Promise<void> {
    this.endView();
    const { text, run } = await writeRecord(folder, record);
    shown?.finished(run);
    printRun(run, folder, this.#options.json ? text : undefined);
    await tellCi(run, folder, this.#options, this.#options.json ?? false);
    this.records.push(record);
    // A run that ended early by itself, because a process died, was not interrupted.
    const isCut = record.verdict === 'partial' && !this.isInterrupted;
    this.#statuses.push(isCut ? ExitStatus.Incomplete : statusOfRun(run));
  }

  /** Writes a record with its reports, and prints nothing of it: for runs that were only observed. */
  async keep(folder: string, record: RunRecord): Promise<void> {
    this.endView();
    await writeRecord(folder, record);
    this.records.push(record);
    await this.#telemetry?.ended(record);
  }

  endView(): void {
    this.#view.end();
    this.#view = noView;
  }

  release(): void {
    this.endView();
    this.#children.release();
    this.interrupts.release();
  }

  #viewFor({ scenario }: LoadedScenario): LiveView {
    const { json, quiet } = this.#options;
    if (quiet) return noView;
    if (!json) return liveView(scenario, process.stdout);
    return process.stderr.isTTY ? liveView(scenario, process.stderr) : noView;
  }
}
