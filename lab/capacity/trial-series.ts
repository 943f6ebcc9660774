import { join } from 'node:path';
import type { NatsOptions } from '../../nats/connect.js';
import type { CapacityTrial, ServerSize } from '../../record/capacity.js';
import type { RunRecord } from '../../record/run.js';
import { expectedDurationMs } from '../../scenarios/expected-duration.js';
import type { LoadedScenario } from '../../scenarios/load.js';
import { numbered } from '../ab.js';
import { checkScenario } from '../agents.js';
import { RecordFolderError } from '../record-folder.js';
import { type RunObservers, runScenario } from '../run-scenario.js';
import { HostShare } from './host-share.js';
import { judgeTrial, noRoom, type TrialResult } from './judge-trial.js';
import type { TrialVerdict, WantedTrial } from './search.js';

/** A trial that begins. */
export interface BegunTrial extends WantedTrial {
  number: number;
  size: ServerSize | null;
}

/** Who wants to know how a search is getting on. */
export interface TrialObservers {
  begins?(trial: BegunTrial, loaded: LoadedScenario): RunObservers;
  /** Whoever wants its record in the folder writes it. */
  recorded?(folder: string, record: RunRecord): Promise<void>;
  judged?(trial: CapacityTrial): void;
}

/** How the trials of one search are run. */
export interface SeriesPlan {
  load(trial: WantedTrial): Promise<LoadedScenario>;
  size: ServerSize | null;
  /** Nothing was tried before: what is wrong with the input is told as that. */
  isFirst: boolean;
  /** Of the whole search; the records go into `within` of it, a folder each. */
  folder: string;
  within: string;
  mostTrials: number;
  /** When no further one may last beyond; monotonic. */
  endsAtMs: number;
  signal: AbortSignal | undefined;
  agents: NatsOptions | undefined;
}

/** Trials of one search, one after the other, each with a fresh server where the lab starts it. */
export class TrialSeries {
  readonly trials: CapacityTrial[] = [];
  /** Why no more of them are run; null: nothing speaks against it. */
  whyStopped: string | null = null;
  /** It was an error. */
  failure: Error | undefined;
  /** The time that all searches have together is over, or nobody wants them any more. */
  isLast = false;
  readonly #plan: SeriesPlan;
  readonly #observers: TrialObservers;

  constructor(plan: SeriesPlan, observers: TrialObservers) {
    this.#plan = plan;
    this.#observers = observers;
  }

  /**
   * Undefined: there are no more trials.
   * @throws what is wrong with the input, where the first trial of all tells of it; later it is the level that is too high
   */
  async run(wanted: WantedTrial): Promise<TrialVerdict | undefined> {
    if (!this.#mayGoOn()) return undefined;
    try {
      return await this.#attempt(wanted);
    } catch (error) {
      // What is wrong from the start is the input's fault; later it is the level that asks for too much.
      if (this.#plan.isFirst && this.trials.length === 0) throw error;
      if (isOfInput(error)) return this.#keep(wanted, null, noRoom(error as Error));
      this.#fail(error as Error);
      return undefined;
    }
  }

  async #attempt(wanted: WantedTrial): Promise<TrialVerdict | undefined> {
    const { within, folder, size, signal, agents } = this.#plan;
    const loaded = await this.#plan.load(wanted);
    await checkScenario(loaded.scenario, agents);
    if (performance.now() + expectedDurationMs(loaded.scenario) > this.#plan.endsAtMs) {
      this.#stop('the time was over (--max-time)', true);
      return undefined;
    }
    const number = this.trials.length + 1;
    const own = join(within, numbered(number));
    const observers = this.#observers.begins?.({ ...wanted, number, size }, loaded) ?? {};
    const share = new HostShare();
    const outcome = await runScenario(
      loaded,
      { folder: join(folder, own), ...(signal && { signal }), ...(agents && { agents }) },
      {
        ...observers,
        sample: (sample) => {
          share.add(sample);
          observers.sample?.(sample);
        },
      },
    );
    const { record, failure } = outcome;
    if (record) await this.#observers.recorded?.(join(folder, own), record);
    const isInterrupted = signal?.aborted ?? false;
    // Where nothing could be measured, or nobody was let in from the start, more load would not help.
    if (failure && !isInterrupted && (!record || number === 1)) this.#fail(failure);
    return this.#keep(wanted, record ? own : null, judgeTrial(outcome, isInterrupted, share));
  }

  #mayGoOn(): boolean {
    const { signal, mostTrials } = this.#plan;
    if (this.whyStopped !== null) return false;
    if (signal?.aborted) this.#stop('it was interrupted', true);
    else if (this.trials.length >= mostTrials)
      this.#stop(
        `${mostTrials === 1 ? 'one trial was all' : `${mostTrials} trials were all`} that was allowed (--max-trials)`,
        false,
      );
    return this.whyStopped === null;
  }

  #keep(
    { level, length }: WantedTrial,
    folder: string | null,
    result: TrialResult,
  ): TrialVerdict | undefined {
    const trial = { number: this.trials.length + 1, folder, level, length, ...result };
    this.trials.push(trial);
    this.#observers.judged?.(trial);
    if (trial.verdict !== 'stopped') return this.failure ? undefined : trial.verdict;
    if (this.whyStopped === null) this.#stop('it was interrupted', true);
    return undefined;
  }

  #fail(failure: Error): void {
    this.failure = failure;
    this.#stop(failure.message, true);
  }

  #stop(why: string, isLast: boolean): void {
    this.whyStopped = why;
    this.isLast = isLast;
  }
}

/** What a level asks for is refused. A folder that cannot be written, on a full disk say, is none of that. */
function isOfInput(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return (code === 'C2M_INPUT' || code === 'C2M_SCENARIO') && !(error instanceof RecordFolderError);
}
