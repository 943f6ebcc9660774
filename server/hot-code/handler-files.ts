import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Loading and checking take milliseconds. */
const TRIAL_MS = 5000;

/** A version that was tried and may go into force. */
export interface StagedHandlers {
  file: string;
  version: string;
}

/** The handlers that ship with the server. */
export const SHIPPED_HANDLERS = createRequire(import.meta.url).resolve('#dist/server/hot-code/handlers.js');

/**
 * Copies of the file with the handlers, one for each load: a process that is started again loads what is in force, and
 * not what somebody has put in its place meanwhile.
 */
export class HandlerFiles {
  readonly #source: string;
  readonly #folder: string;
  #loads = 0;
  #inForce = '';

  /** @param folder of the server's own, gone with it */
  constructor(source: string | undefined, folder: string) {
    this.#source = source ?? SHIPPED_HANDLERS;
    this.#folder = folder;
  }

  /** The copy that new processes load. */
  get inForce(): string {
    return this.#inForce;
  }

  /**
   * Copies the file as it is now, and tries it in a process of its own.
   * @throws Error where it cannot be read, cannot be loaded, or fails its check
   */
  async stage(): Promise<StagedHandlers> {
    this.#loads += 1;
    const copy = join(this.#folder, `handlers-${this.#loads}.mjs`);
    const source = await readFile(this.#source, 'utf8').catch((error: Error) => {
      throw new Error(`the handlers in ${this.#source} cannot be read: ${error.message}`);
    });
    // The map lies beside the original, not beside the copy.
    await writeFile(copy, source.replace(/^\/\/# sourceMappingURL=.*$/m, ''));
    return { file: copy, version: await tryOut(copy) };
  }

  accept({ file }: StagedHandlers): void {
    this.#inForce = file;
  }
}

async function tryOut(file: string): Promise<string> {
  const trial = createRequire(import.meta.url).resolve('#dist/server/hot-code/handler-trial.js');
  try {
    const { stdout } = await run(process.execPath, [trial, file], {
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
