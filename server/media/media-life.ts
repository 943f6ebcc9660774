import { type ChildProcess, fork } from 'node:child_process';
import { builtEntry } from '../../entries.js';
import type { MediaStats } from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import type { FromMedia, ToMedia } from './media-process.js';

/** It ends within this time, or is ended. */
const EXIT_GRACE_MS = 2000;
/** It tells its figures twice a second; one that says nothing for so long hangs. */
export const HEARTBEAT_TIMEOUT_MS = 10_000;
const READING_GRACE_MS = 1000;
/** To say its first word: a machine that has much to do may take long to start a process. */
const START_TIMEOUT_MS = 120_000;

/** One process that keeps media, from its start to its end. */
export class MediaLife {
  /** The port, once it listens. Rejects with what it said before it ended. */
  readonly listening: Promise<number>;
  /** Resolves with the reason when it has ended, however that came. */
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  #reason: string | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(config: ServerConfig, heartbeatMs: number, onStats: (stats: MediaStats) => void) {
    const child = fork(builtEntry('media'), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process = child;
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        clearTimeout(this.#heartbeat);
        resolve(this.#reason ?? `the media process ended (${how})`);
      };
      child.once('exit', (code, signal) => end(signal ?? `exit ${code}`));
      // One that never came to be has no exit.
      child.once('error', (error) => child.pid === undefined && end(error.message));
    });
    this.listening = new Promise((resolve, reject) => {
      child.on('message', (message: FromMedia) => {
        this.#expectWord(heartbeatMs);
        if (message.kind === 'listening') resolve(message.port);
        else if (message.kind === 'stats') onStats(message.stats);
        else if (message.kind === 'failed') this.#reason = `media: ${message.message}`;
      });
      this.ended.then((reason) => reject(new Error(reason)));
    });
    // Whoever waits for it hears of it; a later end must not count as unhandled.
    this.listening.catch(() => undefined);
    this.#expectWord(START_TIMEOUT_MS);
    this.#tell({ kind: 'start', config });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    this.#tell({ kind: 'stop' });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), EXIT_GRACE_MS);
    await this.ended;
    clearTimeout(timer);
  }

  #expectWord(withinMs: number): void {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = setTimeout(() => {
      // Where this process stood still itself, the words of the other have not been read yet: they are now.
      this.#heartbeat = setTimeout(() => {
        this.#reason ??= `the media process said nothing for ${withinMs / 1000} s`;
        this.#process.kill('SIGKILL');
      }, READING_GRACE_MS);
    }, withinMs);
  }

  #tell(message: ToMedia): void {
    // Without a callback, a process that was killed meanwhile would be an error that nobody handles.
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }
}
