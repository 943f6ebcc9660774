import type { HomeMessage, ProcessBus } from '../bus/bus.js';
import type { ServerConfig } from '../config.js';
import type { Counters } from '../queues/counters.js';
import type { QueueReport } from '../queues/queue-gauge.js';
import type { HomeStore, StoreUsage } from '../store/home-store.js';
import { openStore, storeBytes } from '../store/open-store.js';
import { Home } from './home.js';

/** The homes that one process keeps, as its worker sees them: one, or in a cluster some of many. */
export interface WorkerHomes {
  /** Changes that the next `commit` hands over. */
  readonly staged: number;
  /** Hot path. @param home whom it is for */
  receive(message: HomeMessage, home: number): void;
  /** Once an event-loop turn. */
  commit(): void;
  /** About once a second, between two turns; `commit` is due afterwards. */
  sweep(): void;
  /** A process is gone, with its connections. */
  lost(process: number): void;
  /** Sends again what that home may not have taken over. */
  resend(home: number): void;
  /** The peaks of its queues start anew. */
  report(): HomesReport;
  /** Resolves once all that was committed is kept, or is not. */
  settled(): Promise<void>;
  /** Gives the stores back. */
  close(): Promise<void>;
}

export interface HomesReport {
  users: number;
  store: StoreUsage & { items: number };
  mailboxes: QueueReport;
  fanOut: QueueReport;
}

/** What a home tells of itself. */
export function reportOf(home: Home, store: HomeStore): HomesReport {
  const { waiting, arrived, length, userCount } = home.mailboxes;
  return {
    users: userCount,
    store: { ...store.usage(), items: length },
    mailboxes: { peak: waiting, arrived, served: arrived - waiting },
    fanOut: home.fanOut.underWay.report(),
  };
}

/** The one home of a process. */
export class SingleHome implements WorkerHomes {
  readonly #home: Home;
  readonly #store: HomeStore;

  private constructor(home: Home, store: HomeStore) {
    this.#home = home;
    this.#store = store;
  }

  /** Opens what this process keeps. @throws StoreError */
  static async open(config: ServerConfig, bus: ProcessBus, counters: Counters): Promise<SingleHome> {
    const store = await openStore(config, bus.homes, bus.self);
    const room = storeBytes(config, bus.homes);
    return new SingleHome(new Home({ store, storeBytes: room, bus, counters, limits: config.limits }), store);
  }

  get staged(): number {
    return this.#store.staged;
  }

  receive(message: HomeMessage): void {
    this.#home.receive(message);
  }

  commit(): void {
    this.#home.commit();
  }

  sweep(): void {
    this.#home.sweep();
  }

  lost(process: number): void {
    this.#home.lost(process);
  }

  resend(home: number): void {
    this.#home.resend(home);
  }

  report(): HomesReport {
    return reportOf(this.#home, this.#store);
  }

  settled(): Promise<void> {
    return this.#home.settled();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
