import type { Logger } from 'pino';
import type { ServerState } from '../admin/server-state.js';
import type { Engine } from '../engine.js';
import type { HandlerFiles, StagedHandlers } from './handler-files.js';

/** A version that did not go into force; the message says why, and which one stays. */
export class ReloadError extends Error {
  readonly code = 'C2M_RELOAD';
}

/** Loads handlers anew, one load at a time, and tells the log and /stats what came of it. */
export class Reloading {
  readonly #files: HandlerFiles;
  readonly #engine: Engine;
  readonly #state: ServerState;
  readonly #log: Logger;
  #last: Promise<unknown> = Promise.resolve();
  /** What was tried, and may go into force where every other node can take it too. */
  #tried: { reload: string; staged: StagedHandlers } | undefined;

  constructor(files: HandlerFiles, engine: Engine, state: ServerState, log: Logger) {
    this.#files = files;
    this.#engine = engine;
    this.#state = state;
    this.#log = log;
  }

  /** @returns the version in force from now on @throws ReloadError: the version before stays */
  reload(): Promise<string> {
    return this.#inTurn(() => this.#load());
  }

  /**
   * The first of the two steps of a cluster: whether every process can take what the file holds now. Nothing changes.
   * @param reload one word for both steps
   * @returns its version
   * @throws ReloadError
   */
  tryOut(reload: string): Promise<string> {
    return this.#inTurn(async () => {
      this.#tried = undefined;
      try {
        const staged = await this.#files.stage();
        await this.#engine.tryOut(staged);
        this.#tried = { reload, staged };
        return staged.version;
      } catch (error) {
        throw this.#refused(error as Error);
      }
    });
  }

  /** The second one: what was tried goes into force. @returns its version @throws ReloadError: the version before stays */
  activate(reload: string): Promise<string> {
    return this.#inTurn(async () => {
      const tried = this.#tried;
      this.#tried = undefined;
      if (tried?.reload !== reload) throw this.#refused(new Error('something else was tried meanwhile'));
      return this.#enforce(tried.staged);
    });
  }

  /** Another node cannot take what was tried. */
  discard(reload: string, why: string): void {
    if (this.#tried?.reload !== reload) return;
    const { version } = this.#tried.staged;
    this.#tried = undefined;
    this.#log.warn(
      { version },
      `handlers not put into force: ${why}; version ${this.#state.handlersVersion} stays`,
    );
  }

  /** Puts the version before `version` into force everywhere, because that one fails again and again. */
  fallBack(version: string, reason: string): Promise<void> {
    return this.#inTurn(() => this.#return(version, reason));
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #load(): Promise<string> {
    const staged = await this.#files.stage().catch((error: Error) => {
      throw this.#refused(error);
    });
    return this.#enforce(staged);
  }

  async #enforce(staged: StagedHandlers): Promise<string> {
    try {
      await this.#engine.reload(staged);
    } catch (error) {
      throw this.#refused(error as Error);
    }
    this.#state.reloaded(staged.version);
    this.#log.info({ version: staged.version }, 'handlers loaded');
    return staged.version;
  }

  #refused({ message: reason }: Error): ReloadError {
    const stays = this.#state.handlersVersion;
    this.#state.rejected(reason);
    this.#log.warn({ reason }, `handlers not loaded; version ${stays} stays in force`);
    return new ReloadError(`${reason}; version ${stays} stays in force`);
  }

  /** Several processes tell of it: what the first has brought about, the others find done. */
  async #return(version: string, reason: string): Promise<void> {
    if (this.#state.handlersVersion !== version) return;
    const staged = await this.#files.stageBefore(version);
    let became = 'there is none to go back to';
    if (staged) {
      became = await this.#engine.reload(staged).then(
        () => `version ${staged.version} is in force again`,
        (error: Error) => `version ${staged.version} could not be put into force again: ${error.message}`,
      );
      if (this.#files.inForce === staged.file) this.#state.reloaded(staged.version);
    }
    const told = `version ${version} failed on frame after frame (${reason}); ${became}`;
    this.#log.error({ version }, told);
    this.#state.rejected(told);
  }
}
