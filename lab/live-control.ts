import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { RunAnnouncement, RunControl } from '../loadgen/coordination/run-control.js';
import type { RunHandle } from '../loadgen/run.js';
import { RunError } from '../loadgen/run-error.js';

/** A run of this process as others may change it while it goes on: from before its server is started to its end. */
export class LiveControl implements RunControl {
  readonly #announcement: Omit<RunAnnouncement, 'phase'>;
  readonly #stopped: () => void;
  readonly #stopping = new AbortController();
  #handle: Pick<RunHandle, 'changeRate'> | undefined;
  #phase: string | null = null;
  #whyStopped: string | undefined;

  /**
   * @param name of the scenario
   * @param stopped told that somebody ends the run, so that none follows it
   */
  constructor(name: string, stopped: () => void = () => undefined) {
    this.#stopped = stopped;
    this.#announcement = {
      run: randomBytes(4).toString('hex'),
      name,
      coordinator: hostname(),
      startedAt: new Date().toISOString(),
    };
  }

  /** Aborted when somebody stops the run. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Who stopped it, for the notes of the record; undefined: nobody did. */
  get whyStopped(): string | undefined {
    return this.#whyStopped;
  }

  /** The load begins. */
  attach(handle: Pick<RunHandle, 'changeRate' | 'on'>): void {
    this.#handle = handle;
    handle.on('phase', ({ name }) => {
      this.#phase = name;
    });
  }

  announce(): RunAnnouncement {
    return { ...this.#announcement, phase: this.#phase };
  }

  rate(perSecond: number, by: string): string {
    if (!this.#handle) {
      throw new RunError(
        'C2M_RUN',
        'the rate cannot be changed now: the server of the run is still being started',
      );
    }
    return this.#handle.changeRate(perSecond, by);
  }

  /** @param how it was asked for, for the record */
  stop(by: string, why: string | null, how = 'with c2m stop'): string {
    const { name } = this.#announcement;
    if (this.signal.aborted) return `${name} is ending already`;
    this.#whyStopped = `stopped ${how} by ${by}${why === null ? '' : `: ${why}`}`;
    this.#stopping.abort();
    this.#stopped();
    return `${name} ends now, and is recorded as partial`;
  }
}
