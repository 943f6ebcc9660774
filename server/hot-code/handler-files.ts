import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtEntry } from '../../entries.js';
import { HotCode } from './hot-code.js';

const run = promisify(execFile);

/** Loading and checking take milliseconds. */
const TRIAL_MS = 5000;

/** A version that was tried and may go into force. */
export interface StagedHandlers {
  file: string;
  version: string;
  /** Its text: the copy lies in a temporary folder, which others clear. */
  source: string;
  /** It was in force before, and takes the place of one that failed, which is not to come back. */
  isReturn: boolean;
}

/** The handlers that ship with the server. */
export const SHIPPED_HANDLERS = builtEntry('handlers');

/**
 * Copies of the file with the handlers, one for each load: a process that is started again loads what is in force, and
 * not what somebody has put in its place meanwhile.
 */
export class HandlerFiles {
  readonly #source: string;
  readonly #folder: string;
  #loads = 0;
  #inForce: StagedHandlers | undefined;
  #before: StagedHandlers | undefined;

  /** @param folder of the server's own, gone with it */
  constructor(source: string | undefined, folder: string) {
    this.#source = source ?? SHIPPED_HANDLERS;
    this.#folder = folder;
  }

  /** The copy that new processes load. */
  get inForce(): string {
    return this.#inForce?.file ?? '';
  }

  /** Writes the copy that new processes load again, where it was cleared away. */
  async restore(): Promise<void> {
    if (!this.#inForce) return;
    const { file, source } = this.#inForce;
    await writeFile(file, source, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  /**
   * Copies the file as it is now, and tries it, in a process of its own unless it is what ships.
   * @throws Error where it cannot be read, cannot be loaded, or fails its check
   */
  async stage(): Promise<StagedHandlers> {
    const text = await readHandlers(this.#source).catch((error: Error) => {
      throw new Error(`the handlers in ${this.#source} cannot be read: ${error.message}`);
    });
    const file = await this.#copy(text);
    // Those that ship do here what they do in every worker: a process of their own would be half of the time of a start.
    const isShipped = text === (await readHandlers(SHIPPED_HANDLERS));
    const version = isShipped ? (await HotCode.start(file)).inForce.version : await tryOut(file);
    return { file, version, source: text, isReturn: false };
  }

  /**
   * The version that was in force before `version`, to be put into force again.
   * @returns undefined where there was none, or `version` is in force no longer
   */
  async stageBefore(version: string): Promise<StagedHandlers | undefined> {
    if (this.#inForce?.version !== version || !this.#before) return undefined;
    return { ...this.#before, file: await this.#copy(this.#before.source), isReturn: true };
  }

  accept(staged: StagedHandlers): void {
    this.#before = staged.isReturn ? undefined : this.#inForce;
    this.#inForce = staged;
  }

  async #copy(source: string): Promise<string> {
    this.#loads += 1;
    const file = join(this.#folder, `handlers-${this.#loads}.mjs`);
    await writeFile(file, source);
    return file;
  }
}

/** The map lies beside the original, not beside a copy. */
async function readHandlers(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/m, '');
}

async function tryOut(file: string): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [builtEntry('handlerTrial'), file], {
      timeout: TRIAL_MS,
      killSignal: 'SIGKILL',
    });
    if (stdout === '') throw new Error('it ended the process that loaded it');
    return stdout;
  } catch (error) {
    const { killed, stderr, message } = error as Error & { killed?: boolean; stderr?: string };
    if (killed) throw new Error(`it was not done with loading and its check within ${TRIAL_MS / 1000} s`);
    throw new Error(stderr || message);
  }
}
