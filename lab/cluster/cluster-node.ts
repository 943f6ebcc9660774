import type { ListenAddress, ServerConfig } from '../../server/config.js';
import { type SpawnedServer, spawnServer } from '../../server/processes/spawn.js';
import { sendSignal, signalTree } from '../send-signal.js';
import { startAgain } from '../start-again.js';

/** What it wants may be gone as well for a while, such as a majority of NATS. */
const RESTART_WITHIN_MS = 60_000;
/** To hand over its homes, and to let go of its clients. */
const DRAIN_WITHIN_MS = 60_000;

/** One server of a cluster, in processes of its own. */
export class ClusterNode {
  readonly name: string;
  /** Resolves with the reason when it ended and nobody had asked for it. */
  readonly died: Promise<string>;
  readonly #config: ServerConfig;
  readonly #temporaryFolder: string;
  #spawned: SpawnedServer;
  #state: 'there' | 'stopped' | 'gone' = 'there';
  #reportDeath: (reason: string) => void = () => undefined;

  private constructor(name: string, config: ServerConfig, temporaryFolder: string, spawned: SpawnedServer) {
    this.name = name;
    this.#config = config;
    this.#temporaryFolder = temporaryFolder;
    this.#spawned = spawned;
    this.died = new Promise((resolve) => {
      this.#reportDeath = resolve;
    });
    this.#watch(spawned);
  }

  /** @throws SpawnError with the reason that the process gave */
  static async start(name: string, config: ServerConfig, temporaryFolder: string): Promise<ClusterNode> {
    return new ClusterNode(name, config, temporaryFolder, await spawnServer(config, temporaryFolder));
  }

  get addresses(): ListenAddress[] {
    return this.#spawned.addresses;
  }

  get adminUrl(): string {
    return this.#spawned.adminUrl ?? '';
  }

  /** It runs, and is not stopped. */
  get isThere(): boolean {
    return this.#state === 'there';
  }

  /** SIGKILL to all its processes; resolves when they are gone. */
  async kill(): Promise<void> {
    this.#state = 'gone';
    signalTree(this.#spawned.pid, 'SIGKILL');
    await this.#spawned.exited;
  }

  /** Of one that is gone: at the same addresses. @throws SpawnError where it does not come back */
  async startAgain(): Promise<void> {
    this.#spawned = await startAgain({
      config: this.#config,
      before: this.#spawned,
      temporaryFolder: this.#temporaryFolder,
      isPassing: () => true,
      withinMs: RESTART_WITHIN_MS,
    });
    this.#state = 'there';
    this.#watch(this.#spawned);
  }

  /** SIGSTOP to all its processes: it holds what it has, and does nothing. */
  stop(): void {
    this.#state = 'stopped';
    signalTree(this.#spawned.pid, 'SIGSTOP');
  }

  continue(): void {
    signalTree(this.#spawned.pid, 'SIGCONT');
    this.#state = 'there';
  }

  /** SIGTERM, as a deploy sends it; resolves when it has ended in good order. @throws Error where it has not */
  async drain(): Promise<void> {
    const { pid, exited } = this.#spawned;
    this.#state = 'gone';
    sendSignal(pid, 'SIGTERM');
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      signalTree(pid, 'SIGKILL');
    }, DRAIN_WITHIN_MS);
    const how = await exited;
    clearTimeout(timer);
    if (isLate) throw new Error(`${this.name} had not ended ${DRAIN_WITHIN_MS / 1000} s after SIGTERM`);
    if (!how?.includes('(exit 0)')) throw new Error(`${this.name} did not end in good order: ${how}`);
  }

  async close(): Promise<void> {
    if (this.#state === 'stopped') this.continue();
    this.#state = 'gone';
    await this.#spawned.close();
  }

  #watch(watched: SpawnedServer): void {
    watched.exited.then((reason) => {
      if (watched === this.#spawned && this.#state !== 'gone' && reason !== undefined)
        this.#reportDeath(`${this.name}: ${reason}`);
    });
  }
}
