import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../loadgen/random.js';
import type { ServerStats } from '../protocol/stats.js';
import type { ServerConfigInput } from '../server/config.js';
import { type SpawnedServer, spawnServer } from '../server/processes/spawn.js';
import { descendantsOf, isAlive, killAll, type ProcessName, waitForEnd } from './crash-processes.js';

export interface Shape {
  name: string;
  workers: number;
  homes: number;
}

/** Two neighbours keep the mailboxes in another number of homes, so that a start with the other one shares them out. */
export const SHAPES: readonly Shape[] = [
  { name: '1 process', workers: 1, homes: 0 },
  { name: '2 workers', workers: 2, homes: 0 },
  { name: '2 workers, 3 homes', workers: 2, homes: 3 },
  { name: '2 workers, 2 homes', workers: 2, homes: 2 },
];

/** How many processes share the mailboxes. */
export function homesOf({ workers, homes }: Shape): number {
  return homes > 0 ? homes : workers;
}

export interface StoreSettings {
  folder: string;
  maxBytes?: number;
  /** Where killed servers leave what they would have removed. */
  temporaryFolder: string;
}

/** So long that a machine with much else to do is not taken for a server that hangs. */
const LONGEST_START_MS = 180_000;
const LONGEST_RECOVERY_MS = 120_000;
/** Homes that have lost their parent notice it within this time. */
const LONGEST_END_MS = 20_000;

/** A server that does not come back, refuses its store, or leaves processes behind. The message says which. */
export class CrashServerError extends Error {}

/** A server in processes of its own, which are killed and started again. */
export class CrashServer {
  readonly shape: Shape;
  readonly startMs: number;
  readonly #server: SpawnedServer;

  private constructor(shape: Shape, startMs: number, server: SpawnedServer) {
    this.shape = shape;
    this.startMs = startMs;
    this.#server = server;
  }

  /** @throws CrashServerError with the reason that the server gave */
  static async start(shape: Shape, store: StoreSettings): Promise<CrashServer> {
    const startedMs = performance.now();
    const starting = spawn(shape, store);
    const server = await Promise.race([
      starting.catch((error: Error) => {
        throw new CrashServerError(`the server (${shape.name}) does not start: ${error.message}`);
      }),
      sleep(LONGEST_START_MS, undefined, { ref: false }).then(() => {
        throw new CrashServerError(
          `the server (${shape.name}) does not start within ${LONGEST_START_MS / 1000} s`,
        );
      }),
    ]);
    return new CrashServer(shape, performance.now() - startedMs, server);
  }

  /** Starts one, and kills it once `when` resolves, wherever it is then. @returns whether it was listening already */
  static async startAndKill(shape: Shape, store: StoreSettings, when: () => Promise<void>): Promise<boolean> {
    let wasUp = false;
    const starting = spawn(shape, store).then(
      () => {
        wasUp = true;
      },
      // That it was killed.
      () => undefined,
    );
    await when();
    await killTree();
    await starting;
    return wasUp;
  }

  /** Whatever runs, ours or left over from a start that failed. */
  static async killEverything(): Promise<void> {
    await killTree();
  }

  get port(): number {
    return this.#server.addresses[0]?.port as number;
  }

  /** Resolves with the reason when it ends. */
  get exited(): Promise<string | undefined> {
    return this.#server.exited;
  }

  async stats(): Promise<ServerStats> {
    return (await (await fetch(`${this.#server.adminUrl}/stats`)).json()) as ServerStats;
  }

  get processes(): ProcessName[] {
    return descendantsOf(process.pid);
  }

  /**
   * Kills one process of the server by chance, and waits until the server is as before; if that was the one that
   * starts all others, until all have gone.
   * @param onGone called when the latter is about to happen: its port is anybody's then
   * @returns what it was, and whether the server has to be started again
   */
  async killOne(random: Random, onGone: () => void): Promise<{ what: string; isGone: boolean }> {
    const { processes } = this;
    const victim = processes[random.below(processes.length)] as ProcessName;
    if (victim.pid === this.#server.pid) {
      onGone();
      killAll([victim]);
      const left = await waitForEnd(processes, LONGEST_END_MS);
      if (left.length === 0)
        return { what: processes.length > 1 ? 'the supervisor' : 'the process', isGone: true };
      killAll(left);
      throw new CrashServerError(`${left.length} processes outlive the supervisor that started them`);
    }
    const { workers } = await this.stats();
    const worker = workers.find(({ pid }) => pid === victim.pid)?.worker;
    killAll([victim]);
    await this.#recovers(victim, processes.length);
    const isHome = worker !== undefined && worker >= this.shape.workers;
    return { what: worker === undefined ? 'a helper' : isHome ? 'a home' : 'a worker', isGone: false };
  }

  /** Kills all of its processes at once. */
  async kill(): Promise<void> {
    await killTree();
    await this.#server.exited;
  }

  /** Ends it as an operator would. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  async #recovers(victim: ProcessName, processes: number): Promise<void> {
    const deadlineMs = performance.now() + LONGEST_RECOVERY_MS;
    let ended: string | undefined;
    this.#server.exited.then((reason) => {
      ended = reason;
    });
    for (;;) {
      if (ended !== undefined) throw new CrashServerError(`a process was killed, and ${ended}`);
      const isWhole =
        !isAlive(victim) && this.processes.length >= processes && (await this.#isListening(victim));
      if (isWhole) return;
      if (performance.now() > deadlineMs) {
        throw new CrashServerError(`process ${victim.pid} was killed, and the server does not replace it`);
      }
      await sleep(20);
    }
  }

  async #isListening(victim: ProcessName): Promise<boolean> {
    const stats = await this.stats().catch(() => undefined);
    const all = this.shape.workers + this.shape.homes;
    return stats?.workers.length === all && stats.workers.every(({ pid }) => pid !== victim.pid);
  }
}

/** Every process that descends from this one belongs to a server. */
async function killTree(): Promise<void> {
  for (;;) {
    const processes = descendantsOf(process.pid);
    if (processes.length === 0) return;
    killAll(processes);
    await waitForEnd(processes, LONGEST_END_MS);
  }
}

function spawn(shape: Shape, { temporaryFolder, ...lmdb }: StoreSettings): Promise<SpawnedServer> {
  const config: ServerConfigInput = {
    listen: ['tcp://127.0.0.1:0'],
    workers: shape.workers,
    homes: shape.homes,
    store: 'lmdb',
    lmdb,
    admin: { port: 0 },
    logLevel: 'silent',
    // Here processes die all the time.
    limits: { restartsPerMinute: 100_000 },
  };
  return spawnServer(config, temporaryFolder);
}
