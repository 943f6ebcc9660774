import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ClusterWorkerStats, OpenedHome } from '../../protocol/stats.js';
import type { ClusterConfig } from '../config.js';
import type { HomeOptions } from '../home/home.js';
import {
  JetStreamStore,
  type JetStreamStoreOptions,
  type Takeover,
} from '../store/jetstream/jetstream-store.js';
import type { LocalHomes, LoggedStore } from './local-homes.js';
import type { HomeKeeper } from './membership.js';

/** Of the homes that were opened here so many are told. */
const MOST_OPENED = 100;

/** What a home is kept in. */
export interface KeptStore extends LoggedStore {
  readonly takeover: Takeover;
}

export interface LogKeeperParts {
  connection: NatsConnection;
  cluster: ClusterConfig;
  homes: LocalHomes;
  /** What each home is made of, beside its store. */
  partsOf(home: number, epoch: number): Omit<HomeOptions, 'store'>;
  /** For what homes keep here of their logs; gone with the server. */
  folder: string;
  /** All was said that is to be said to a home which is handed over, and all of it is kept and answered. */
  handOver(home: number, epoch: number): Promise<void>;
  /** Its log takes nothing more from here, though nobody has said that it is another's. */
  refused(home: number, epoch: number, reason: string): void;
  /** Whether its owner before has handed it over. */
  isHandedOn(home: number): boolean;
  /** The turn has an end. */
  schedule(): void;
  log(line: string): void;
  /** A log of JetStream, in a folder of its own, unless said otherwise. */
  makeStore?(options: JetStreamStoreOptions): KeptStore;
  disk?: { mkdir: typeof mkdir; rm: typeof rm };
}

/** A home that is open here, or on its way. */
interface Kept {
  store: KeptStore;
  folder: string;
  opening: Promise<void>;
  /** Rejects when it is not to be kept here any more. */
  lost: Promise<never>;
  lose(reason: string): void;
}

/** Keeps homes in logs of JetStream: opens, serves, hands over and drops them. */
export class LogKeeper implements HomeKeeper {
  /** The newest, oldest first. */
  readonly opened: OpenedHome[] = [];
  /** All of them. */
  readonly openings: ClusterWorkerStats['openings'] = {
    handedOn: { count: 0, tookMs: 0 },
    takenOver: { count: 0, tookMs: 0 },
  };
  readonly #parts: LogKeeperParts;
  readonly #kept = new Map<number, Kept>();
  #folders = 0;

  constructor(parts: LogKeeperParts) {
    this.#parts = parts;
  }

  async open(home: number, epoch: number): Promise<void> {
    const { homes, partsOf, schedule } = this.#parts;
    const startedMs = performance.now();
    const kept = this.#make(home, epoch);
    try {
      await Promise.race([kept.opening, kept.lost]);
      if (this.#kept.get(home) !== kept) throw new Error('it is not to be kept here any more');
    } catch (error) {
      this.#forget(home, kept);
      throw error;
    }
    homes.add(home, kept.store, epoch, partsOf(home, epoch));
    schedule();
    this.#note(home, epoch, kept.store, performance.now() - startedMs);
  }

  async handOver(home: number, epoch: number): Promise<void> {
    const kept = this.#kept.get(home);
    if (!kept) throw new Error('it is not open here');
    await Promise.race([this.#parts.handOver(home, epoch), kept.lost]);
    this.#parts.homes.remove(home);
    this.#kept.delete(home);
    await this.#end(kept);
  }

  drop(home: number, reason: string): void {
    const kept = this.#kept.get(home);
    if (!kept) return;
    this.#parts.log(`home ${home} is kept here no longer: ${reason}`);
    this.#parts.homes.remove(home);
    kept.lose(reason);
    this.#forget(home, kept);
  }

  /** It is there from the call on: also what is about to be opened can be dropped. */
  #make(home: number, epoch: number): Kept {
    const { connection, cluster, log, refused, disk = { mkdir, rm } } = this.#parts;
    const { makeStore = (options) => new JetStreamStore(options) } = this.#parts;
    this.#folders += 1;
    const folder = join(this.#parts.folder, `home-${home}-${process.pid}-${this.#folders}`);
    const { name, replicas, homeBytes: maxBytes, snapshotBytes } = cluster;
    const store = makeStore({
      ...{ connection, cluster: name, home, replicas, maxBytes, snapshotBytes, folder, log },
      fenced: (reason) => {
        // Whoever is in the middle of handing it over must not wait for what never comes.
        if (this.#kept.get(home)?.store === store) kept.lose(reason);
        refused(home, epoch, reason);
      },
    });
    let lose: (reason: string) => void = () => undefined;
    const lost = new Promise<never>((_resolve, reject) => {
      lose = (reason) => reject(new Error(reason));
    });
    lost.catch(() => undefined);
    const opening = disk.mkdir(folder, { recursive: true }).then(() => store.open(epoch));
    // Whoever drops it meanwhile does not wait for it.
    opening.catch(() => undefined);
    const kept: Kept = { store, folder, opening, lost, lose };
    this.#kept.set(home, kept);
    return kept;
  }

  #forget(home: number, kept: Kept): void {
    if (this.#kept.get(home) === kept) this.#kept.delete(home);
    this.#end(kept).catch((error: Error) => this.#parts.log(`home ${home}: ${error.message}`));
  }

  /** What is kept of a log here is of no use to whoever opens it next. */
  async #end({ store, opening, folder }: Kept): Promise<void> {
    await opening.catch(() => undefined);
    await store.close();
    await (this.#parts.disk ?? { rm }).rm(folder, { recursive: true, force: true });
  }

  #note(home: number, epoch: number, { takeover }: KeptStore, tookMs: number): void {
    const { fencedMs: fenceMs, snapshotMs, replayMs, records, bytes } = takeover;
    const isHandedOn = this.#parts.isHandedOn(home);
    this.opened.push({
      ...{ home, epoch, isHandedOn, atMs: Date.now(), tookMs },
      ...{ fenceMs, snapshotMs, replayMs, records, bytes },
    });
    if (this.opened.length > MOST_OPENED) this.opened.shift();
    const openings = isHandedOn ? this.openings.handedOn : this.openings.takenOver;
    openings.count += 1;
    openings.tookMs += tookMs;
  }
}
