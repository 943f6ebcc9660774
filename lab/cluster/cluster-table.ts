import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { KvLeaseTable } from '../../server/cluster/kv-lease-table.js';
import type { LeaseTable, TableEntry, WriteOutcome } from '../../server/cluster/lease-table.js';
import type { HomePlace, Peer } from '../../server/cluster/membership.js';
import {
  CLUSTER_KEY,
  type ClusterShape,
  readNode,
  readPeer,
  readPlace,
  readShape,
} from '../../server/cluster/table-entries.js';
import { ClusterError } from './cluster-error.js';

const STREAM_OF_TABLE = 'KV_c2m-';
/** A leader of its stream is elected within; a table that says nothing for longer has lost its quorum. */
const READ_WITHIN_MS = 15_000;

/** What the table of a cluster says at a moment. */
export interface TableState {
  shape: ClusterShape;
  /** By number. */
  peers: Peer[];
  homes: HomePlace[];
  /** Nodes that operators want drained. */
  drains: string[];
  /** Node by home, where operators want it. */
  pins: ReadonlyMap<number, string>;
}

/** The table of a cluster as operators read it, and what they write into it. */
export class ClusterTable {
  readonly #table: LeaseTable;
  readonly #shape: ClusterShape;
  readonly #entries: ReadonlyMap<string, TableEntry>;
  readonly #listeners: Set<() => void>;
  readonly #stop: () => void;

  private constructor(
    table: LeaseTable,
    shape: ClusterShape,
    entries: ReadonlyMap<string, TableEntry>,
    listeners: Set<() => void>,
    stop: () => void,
  ) {
    this.#table = table;
    this.#shape = shape;
    this.#entries = entries;
    this.#listeners = listeners;
    this.#stop = stop;
  }

  /** @throws ClusterError where NATS has no such cluster, or does not answer */
  static async open(connection: NatsConnection, cluster: string): Promise<ClusterTable> {
    const replicas = await replicasOf(connection, cluster);
    const table = await KvLeaseTable.open(connection, { cluster, replicas, log: () => undefined });
    const entries = new Map<string, TableEntry>();
    const listeners = new Set<() => void>();
    let stop: () => void = () => undefined;
    try {
      await withinTime(
        new Promise<void>((resolve) => {
          stop = table.watch({
            changed: (entry) => {
              if (entry.value === undefined) entries.delete(entry.key);
              else entries.set(entry.key, entry);
              for (const listener of listeners) listener();
            },
            ready: resolve,
          });
        }),
        `the table of the cluster "${cluster}" is not to be read: see that most of the servers of NATS that keep it run`,
      );
      const shape = readShape(entries.get(CLUSTER_KEY)?.value);
      if (!shape)
        throw new ClusterError(
          `no node has come into the cluster "${cluster}" yet, or it is of a release that this one cannot read`,
        );
      return new ClusterTable(table, shape, entries, listeners, stop);
    } catch (error) {
      stop();
      throw error;
    }
  }

  get state(): TableState {
    const peers: Peer[] = [];
    const drains: string[] = [];
    const pins = new Map<number, string>();
    const homes = Array.from(
      { length: this.#shape.homes },
      (_, home): HomePlace => ({ home, owner: 0, epoch: 0, state: 'opening' }),
    );
    for (const { key, value } of this.#entries.values()) {
      const dot = key.indexOf('.');
      const number = Number(key.slice(dot + 1));
      const node = readNode(value);
      const kind = key.slice(0, Math.max(0, dot));
      if (kind === 'peer') {
        const entry = readPeer(value, number);
        if (entry) peers.push(entry.peer);
      } else if (kind === 'home' && number in homes) {
        const place = readPlace(value, number);
        if (place) homes[number] = place;
      } else if (kind === 'drain' && node !== undefined) drains.push(node);
      else if (kind === 'pin' && node !== undefined && number in homes) pins.set(number, node);
    }
    peers.sort((a, b) => a.number - b.number);
    return { shape: this.#shape, peers, homes, drains: drains.sort(), pins };
  }

  /**
   * Resolves when it is so; looks whenever the table changes.
   * @returns false: it was aborted before
   */
  until(isSo: (state: TableState) => boolean, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (outcome: boolean): void => {
        this.#listeners.delete(look);
        signal.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const abort = (): void => end(false);
      const look = (): void => {
        if (isSo(this.state)) end(true);
      };
      this.#listeners.add(look);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      else look();
    });
  }

  /** @throws ClusterError where it is not known that it was written */
  put(key: string, value: unknown): Promise<void> {
    return written((done) => this.#table.put(key, value, done));
  }

  /** Deleting what is not there is harmless. @throws ClusterError where it is not known that it was deleted */
  delete(key: string): Promise<void> {
    return written((done) => this.#table.delete(key, undefined, done));
  }

  close(): void {
    this.#stop();
  }
}

function written(write: (done: (outcome: WriteOutcome) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    write((outcome) => {
      if (outcome.kind === 'unknown')
        reject(
          new ClusterError(`nothing is known to be written in the cluster: ${outcome.reason}; try again`),
        );
      else resolve();
    });
  });
}

/** Of the table itself: opening it must make nothing where there is no such cluster. */
async function replicasOf(connection: NatsConnection, cluster: string): Promise<number> {
  const server = connection.getServer();
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: READ_WITHIN_MS });
  try {
    const { config } = await manager.streams.info(`${STREAM_OF_TABLE}${cluster}`);
    return config.num_replicas;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) {
      const others = await clustersOf(manager);
      const words =
        others.length > 0
          ? `there ${others.length === 1 ? 'is' : 'are'} ${others.join(', ')}`
          : 'there is none';
      throw new ClusterError(
        `NATS at ${server} has no cluster "${cluster}": ${words}; say which with --cluster-name`,
      );
    }
    const { name, message } = error as Error;
    const cause =
      name === 'NoRespondersError' || /503|no responders|not enabled/i.test(message)
        ? 'it has no JetStream, or no leader of it: see that most of its servers run, with `jetstream` in their configuration'
        : message;
    throw new ClusterError(`JetStream of NATS at ${server} does not answer: ${cause}`);
  }
}

async function clustersOf(manager: JetStreamManager): Promise<string[]> {
  const names: string[] = [];
  for await (const name of manager.streams.names())
    if (name.startsWith(STREAM_OF_TABLE)) names.push(name.slice(STREAM_OF_TABLE.length));
  return names.sort();
}

async function withinTime(work: Promise<void>, otherwise: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ClusterError(otherwise)), READ_WITHIN_MS);
  });
  try {
    await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
