import type { Logger } from 'pino';
import { writtenHost } from '../../protocol/address.js';
import type { MediaStats } from '../../protocol/stats.js';
import type { ServerConfig } from '../config.js';
import { HEARTBEAT_TIMEOUT_MS, MediaLife } from './media-life.js';
import { addCounts, NO_MEDIA } from './media-totals.js';

/** Before it is started again; twice as long after every failure, for as long as the server lives. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 10_000;
/** One that served for so long did not die of what made the one before it die. */
const STABLE_MS = 60_000;

/** The process that keeps media, seen from the server; started again when it dies or hangs, on the port that it had. */
export class MediaChild {
  readonly #log: Logger;
  readonly #heartbeatMs: number;
  #config: ServerConfig;
  #life: MediaLife;
  #isLeaving = false;
  #wake: () => void = () => undefined;
  /** The newest of the processes before this one, whose counts go on. */
  #before = NO_MEDIA;
  stats: MediaStats = NO_MEDIA;
  /** Why it does not serve just now; null: it serves. */
  problem: string | null = null;
  /** `http://127.0.0.1:9465` */
  readonly url: string;

  private constructor(config: ServerConfig, life: MediaLife, log: Logger, heartbeatMs: number) {
    this.#config = config;
    this.#life = life;
    this.#log = log;
    this.#heartbeatMs = heartbeatMs;
    const { host = '', port } = config.media ?? {};
    this.url = `http://${writtenHost(host)}:${port}`;
    this.#keepAlive();
  }

  /** @throws Error with the reason that the process gave */
  static async start(
    config: ServerConfig,
    log: Logger,
    heartbeatMs = HEARTBEAT_TIMEOUT_MS,
  ): Promise<MediaChild> {
    if (!config.media) throw new Error('media: there are none in this configuration');
    let take: (stats: MediaStats) => void = () => undefined;
    const life = new MediaLife(config, heartbeatMs, (stats) => take(stats));
    const port = await life.listening;
    // Links name the port, so the next one has the same.
    const samePort = { ...config, media: { ...config.media, port } };
    const media = new MediaChild(samePort, life, log, heartbeatMs);
    take = (stats) => media.#take(stats);
    return media;
  }

  get pid(): number | undefined {
    return this.#life.pid;
  }

  async close(): Promise<void> {
    this.#isLeaving = true;
    this.#wake();
    await this.#life.stop();
  }

  async #keepAlive(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    for (let { ended } = this.#life; ; ) {
      const sinceMs = performance.now();
      const reason = await ended;
      if (this.#isLeaving) return;
      this.problem = reason;
      this.#before = this.stats;
      if (performance.now() - sinceMs > STABLE_MS) waitMs = FIRST_WAIT_MS;
      this.#log.warn(`${reason}; it is started again in ${waitMs} ms`);
      await this.#wait(waitMs);
      if (this.#isLeaving) return;
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
      ended = this.#begin();
    }
  }

  /** Resolves with the reason when what was begun has ended, which may be at once. */
  #begin(): Promise<string> {
    try {
      const life = new MediaLife(this.#config, this.#heartbeatMs, (stats) => this.#take(stats));
      this.#life = life;
      life.listening.then(
        () => {
          this.problem = null;
        },
        (error: Error) => {
          this.problem = error.message;
        },
      );
      return life.ended;
    } catch (error) {
      // Without descriptors or memory for one more process: there may be some later.
      return Promise.resolve(`media: ${(error as Error).message}`);
    }
  }

  #take(stats: MediaStats): void {
    this.stats = addCounts(stats, this.#before);
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
