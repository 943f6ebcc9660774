import { JetStreamApiCodes, JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { KvWatch, type KvWatchParts } from './kv-watch.js';
import type { LeaseTable, TableListener, WhenWritten, WriteOutcome } from './lease-table.js';

/** A write that is not answered by then is taken for unknown: it may be done all the same. */
const ANSWER_WITHIN_MS = 2000;

export interface KvTableOptions {
  /** Of the cluster: letters, digits, `-` and `_`. */
  readonly cluster: string;
  /** How many servers of NATS keep it: 1, 3 or 5. Counts where the table is made by this call. */
  readonly replicas: number;
  readonly log: (words: string) => void;
}

/** A lease table in a bucket of NATS: values are JSON, of each key the last value alone is kept. */
export class KvLeaseTable implements LeaseTable {
  readonly #connection: NatsConnection;
  readonly #kv: KV;
  readonly #parts: Pick<KvWatchParts, 'bucket' | 'remake' | 'log'>;
  readonly #watches = new Set<KvWatch>();
  #isConnected = true;

  private constructor(
    connection: NatsConnection,
    kv: KV,
    parts: Pick<KvWatchParts, 'bucket' | 'remake' | 'log'>,
  ) {
    this.#connection = connection;
    this.#kv = kv;
    this.#parts = parts;
    void this.#followConnection();
  }

  /**
   * Opens the table of a cluster, and makes it where there is none. The connection stays the caller's, who makes it so that it is
   * made again for ever.
   * @throws Error where JetStream refuses or does not answer
   */
  static async open(connection: NatsConnection, options: KvTableOptions): Promise<KvLeaseTable> {
    const bucket = `c2m-${options.cluster}`;
    const kvm = new Kvm(jetstream(connection, { timeout: ANSWER_WITHIN_MS }));
    const make = (): Promise<KV> => kvm.create(bucket, { history: 1, replicas: options.replicas });
    return new KvLeaseTable(connection, await make(), { bucket, remake: make, log: options.log });
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#connection.isClosed();
  }

  put(key: string, value: unknown, done: WhenWritten): void {
    this.#write(() => this.#kv.put(key, JSON.stringify(value)), done);
  }

  create(key: string, value: unknown, done: WhenWritten): void {
    this.#write(() => this.#kv.create(key, JSON.stringify(value)), done);
  }

  update(key: string, value: unknown, revision: number, done: WhenWritten): void {
    this.#write(() => this.#kv.update(key, JSON.stringify(value), revision), done);
  }

  delete(key: string, revision: number | undefined, done: WhenWritten): void {
    const options = revision === undefined ? {} : { previousSeq: revision };
    // What the marker of a deletion has for a revision is told to those who watch, and needed by nobody else.
    this.#write(() => this.#kv.delete(key, options).then(() => 0), done);
  }

  watch(listener: TableListener): () => void {
    const manager = jetstreamManager(this.#connection, { checkAPI: false, timeout: ANSWER_WITHIN_MS });
    const watch = new KvWatch({ ...this.#parts, connection: this.#connection, manager }, listener);
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
      watch.stop();
    };
  }

  #write(write: () => Promise<number>, done: WhenWritten): void {
    const send = async (): Promise<number> => {
      // What is sent without a link waits in the client, and would be written when nobody means it any more.
      if (!this.isConnected) throw new Error('the connection to NATS is lost');
      return write();
    };
    send().then(
      (revision) => {
        this.#wasWritten(revision);
        done({ kind: 'done', revision });
      },
      (error: unknown) => {
        const there = revisionIn(error);
        if (there !== undefined) this.#wasWritten(there);
        done(outcomeOf(error));
      },
    );
  }

  #wasWritten(revision: number): void {
    for (const watch of this.#watches) watch.wasWritten(revision);
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') this.#isConnected = false;
      if (type === 'reconnect') this.#isConnected = true;
    }
  }
}

/** Of the key, where a write was refused because it is at another one than was said. */
function revisionIn(error: unknown): number | undefined {
  const [, revision] = /wrong last sequence: (\d+)/.exec((error as Error).message) ?? [];
  return revision === undefined ? undefined : Number(revision);
}

function outcomeOf(error: unknown): WriteOutcome {
  const codes: number[] = [
    JetStreamApiCodes.StreamWrongLastSequence,
    JetStreamApiCodes.StreamWrongLastSequenceUnknown,
  ];
  const isConflict = error instanceof JetStreamApiError && codes.includes(error.code);
  return isConflict ? { kind: 'conflict' } : { kind: 'unknown', reason: String((error as Error).message) };
}
