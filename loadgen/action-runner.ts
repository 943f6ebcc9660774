import type { RunRecord } from '../record/run.js';
import type { Action, ClientAction } from '../scenarios/scenario.js';
import type { AgentPool } from './coordination/agent-pool.js';
import { monotonicMs } from './monotonic-clock.js';
import type { ServerControl } from './run-request.js';

type Mark = RunRecord['marks'][number];

/** Does what a scenario plans for times of its own, and keeps what was done for the report. */
export class ActionRunner {
  /** By time; seconds of the run. */
  readonly marks: Mark[] = [];
  /** Actions that could not be done, in words. */
  readonly failures: string[] = [];
  readonly #pool: AgentPool;
  readonly #server: ServerControl | null;
  readonly #startMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running: Promise<void>[] = [];

  /** @param startMs when the run began, monotonic */
  constructor(pool: AgentPool, server: ServerControl | null, startMs: number) {
    this.#pool = pool;
    this.#server = server;
    this.#startMs = startMs;
  }

  /** @param firstPhaseMs what the times of the actions count from, monotonic */
  plan(actions: Action[], firstPhaseMs: number): void {
    for (const action of actions) {
      const atMs = firstPhaseMs + action.atMs;
      // Agents know now what they will do: who sends what may not hang on when they are told.
      if (isOfClients(action)) this.#pool.tellAll({ kind: 'act', action, atMs });
      const inMs = Math.max(0, atMs - monotonicMs());
      this.#timers.push(setTimeout(() => this.#running.push(this.#do(action)), inMs));
    }
  }

  /** Drops what is still to come, and waits for what has begun. */
  async end(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server?.hurry?.();
    await Promise.all(this.#running);
  }

  /** Seconds of the run. */
  #now(): number {
    return Math.round(monotonicMs() - this.#startMs) / 1000;
  }

  async #do(action: Action): Promise<void> {
    const mark: Mark = { atSeconds: this.#now(), label: action.kind };
    this.marks.push(mark);
    try {
      if (isOfClients(action)) {
        mark.label = `${action.kind} ${Math.round(action.share * 1000) / 10} %`;
        if (action.kind === 'pause' && action.forMs !== null)
          mark.endSeconds = mark.atSeconds + action.forMs / 1000;
      } else {
        const ended = (label: string): void => {
          mark.endSeconds = this.#now();
          this.marks.push({ atSeconds: mark.endSeconds, label, isEnd: true });
        };
        mark.label = (await this.#server?.act(action, ended)) ?? action.kind;
        // What it began may go on, and says so when it ends.
        mark.endSeconds ??= this.#now();
      }
    } catch (error) {
      mark.label = `${action.kind} failed`;
      this.failures.push(`${action.kind} at ${mark.atSeconds} s failed: ${(error as Error).message}`);
    }
  }
}

function isOfClients(action: Action): action is ClientAction {
  return action.kind === 'cut' || action.kind === 'pause';
}
