import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Random } from '../loadgen/random.js';
import type { ServerControl } from '../loadgen/run-request.js';
import type { ServerAction } from '../scenarios/scenario.js';
import type { ServerConfig } from '../server/config.js';
import { SHIPPED_HANDLERS } from '../server/hot-code/handler-files.js';
import { type SpawnedServer, spawnServer } from '../server/processes/spawn.js';
import { clearOwnerless, makeTemporaryFolder, type TemporaryFolder } from '../server/temporary-folder.js';
import { removeAtAbruptEnd } from './abrupt-end.js';
import { readStats, reloadServer } from './admin-client.js';
import { startAgain } from './start-again.js';

/** The processes of a server that was killed let go of its ports and mailboxes within this time. */
const RESTART_WITHIN_MS = 10_000;

const HANDLERS = 'handlers.mjs';

/** The server of a run: in processes of its own, with mailboxes in a folder that is gone with it. */
export class EmbeddedServer implements ServerControl {
  /** Resolves with the reason when it ended and nobody had asked for it. */
  readonly died: Promise<string>;
  readonly #config: ServerConfig;
  readonly #folder: TemporaryFolder;
  readonly #leftover: { release(): void };
  /** What the server loads, and what it began with. */
  readonly #handlersFile: string;
  readonly #ownHandlers: string;
  readonly #random: Random;
  #spawned: SpawnedServer;
  #isRestarting = false;
  #reportDeath: (reason: string) => void = () => undefined;

  private constructor(
    config: ServerConfig,
    seed: number,
    folder: TemporaryFolder,
    leftover: { release(): void },
    ownHandlers: string,
    spawned: SpawnedServer,
  ) {
    this.#config = config;
    this.#random = new Random(seed);
    this.#folder = folder;
    this.#leftover = leftover;
    this.#handlersFile = join(folder.path, HANDLERS);
    this.#ownHandlers = ownHandlers;
    this.#spawned = spawned;
    this.died = new Promise((resolve) => {
      this.#reportDeath = resolve;
    });
    this.#watch();
  }

  /**
   * @param seed which worker a `kill-worker` hits follows from it
   * @throws SpawnError with the reason that the process gave
   */
  static async start(config: ServerConfig, seed: number): Promise<EmbeddedServer> {
    await clearOwnerless();
    const folder = await makeTemporaryFolder('c2m-target-');
    const { path } = folder;
    const leftover = removeAtAbruptEnd(path);
    const ownHandlers = config.handlers ?? SHIPPED_HANDLERS;
    // A copy, so that an action can put another file in its place.
    const handlers = join(path, HANDLERS);
    const complete = {
      ...config,
      handlers,
      lmdb: { ...config.lmdb, folder: join(path, 'mailboxes') },
      media: config.media && { ...config.media, folder: join(path, 'media') },
    };
    try {
      await copyFile(ownHandlers, handlers);
      const spawned = await spawnServer(complete, path);
      return new EmbeddedServer(complete, seed, folder, leftover, ownHandlers, spawned);
    } catch (error) {
      await folder.remove();
      leftover.release();
      throw error;
    }
  }

  get addresses(): SpawnedServer['addresses'] {
    return this.#spawned.addresses;
  }

  get mediaUrl(): string | null {
    return this.#spawned.mediaUrl;
  }

  get adminUrl(): string | null {
    return this.#spawned.adminUrl;
  }

  async act(action: ServerAction): Promise<string> {
    switch (action.kind) {
      case 'kill-worker':
        return this.#killWorker(action.worker);
      case 'kill-server':
        return this.#killAndRestart();
      case 'reload':
        return this.#reload(action.handlers, action.isRejected);
      default:
        throw new Error(`${action.kind} is done to a cluster alone`);
    }
  }

  kill(): void {
    process.kill(this.#spawned.pid, 'SIGKILL');
  }

  async close(): Promise<void> {
    await this.#spawned.close();
    await this.#folder.remove();
    this.#leftover.release();
  }

  async #killWorker(wanted: number | null): Promise<string> {
    const { workers } = await readStats(this.adminUrl ?? '');
    // One that was killed a moment ago may still be listed.
    const candidates = workers.filter(
      ({ worker, pid }) => (wanted === null || worker === wanted) && isAlive(pid),
    );
    const victim = candidates[this.#random.below(candidates.length)];
    if (!victim) throw new Error(wanted === null ? 'no worker is alive' : `there is no worker ${wanted}`);
    if (victim.pid === this.#spawned.pid) {
      throw new Error(
        'the only worker is the server itself; write target.embedded.workers: 2, or do: kill-server',
      );
    }
    process.kill(victim.pid, 'SIGKILL');
    return `kill worker ${victim.worker}`;
  }

  async #killAndRestart(): Promise<string> {
    const before = this.#spawned;
    if (this.#config.portPerWorker) throw new Error('the ports of its workers would be others afterwards');
    this.#isRestarting = true;
    this.kill();
    await before.exited;
    this.#spawned = await startAgain({
      config: this.#config,
      before,
      temporaryFolder: this.#folder.path,
      // Workers that have just lost their supervisor may hold the ports for another moment.
      isPassing: ({ message }) => message.includes('EADDRINUSE'),
      withinMs: RESTART_WITHIN_MS,
    });
    this.#isRestarting = false;
    this.#watch();
    return 'kill server';
  }

  #watch(): void {
    const watched = this.#spawned;
    watched.exited.then((reason) => {
      if (!this.#isRestarting && reason !== undefined) this.#reportDeath(reason);
    });
  }

  async #reload(wanted: string | null, isRejected: boolean): Promise<string> {
    await copyFile(wanted ?? this.#ownHandlers, this.#handlersFile);
    const answer = await reloadServer(this.adminUrl ?? '');
    if ('version' in answer) {
      if (isRejected)
        throw new Error(`version ${answer.version} went into force, and was expected to be refused`);
      return `reload: version ${answer.version}`;
    }
    if (!isRejected) throw new Error(answer.error);
    return `reload refused: ${answer.error}`;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
