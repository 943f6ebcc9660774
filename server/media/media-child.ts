import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { MediaStats } from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import type { FromMedia, ToMedia } from './media-process.js';

/** It ends within this time, or is ended. */
const EXIT_GRACE_MS = 2000;

/** The process that keeps media, seen from the server; started again when it dies. */
export class MediaChild {
  readonly #config: ServerConfig;
  #child: ChildProcess;
  #isLeaving = false;
  stats: MediaStats = { files: 0, bytes: 0, uploads: 0, downloads: 0, refused: {} };
  /** `http://127.0.0.1:9465` */
  url = '';

  private constructor(config: ServerConfig) {
    this.#config = config;
    this.#child = this.#fork();
  }

  /** @throws Error with the reason that the process gave */
  static async start(config: ServerConfig): Promise<MediaChild> {
    const media = new MediaChild(config);
    await media.#begin(config);
    return media;
  }

  async close(): Promise<void> {
    this.#isLeaving = true;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#tell({ kind: 'stop' });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), EXIT_GRACE_MS);
    await ended;
    clearTimeout(timer);
  }

  #fork(): ChildProcess {
    const entry = createRequire(import.meta.url).resolve('#dist/server/media/media-process.js');
    return fork(entry, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  async #begin(config: ServerConfig): Promise<void> {
    const child = this.#child;
    const port = await new Promise<number>((resolve, reject) => {
      let reason = 'the media process ended';
      child.on('message', (message: FromMedia) => {
        if (message.kind === 'listening') resolve(message.port);
        else if (message.kind === 'stats') this.stats = message.stats;
        else reason = `media: ${message.message}`;
      });
      child.once('exit', () => reject(new Error(reason)));
      this.#tell({ kind: 'start', config });
    });
    const { host = '' } = config.media ?? {};
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    child.once('exit', () => this.#restart(port));
  }

  /** On the port that it had: links name it. */
  #restart(port: number): void {
    const { media } = this.#config;
    if (this.#isLeaving || !media) return;
    this.#child = this.#fork();
    // Where it cannot start again, messages go on without media, and /stats stands still.
    this.#begin({ ...this.#config, media: { ...media, port } }).catch(() => undefined);
  }

  #tell(message: ToMedia): void {
    // Without a callback, a process that was killed meanwhile would be an error that nobody handles.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
