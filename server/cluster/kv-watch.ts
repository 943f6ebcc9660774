import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  JsHeaders,
  ReplayPolicy,
} from '@nats-io/jetstream';
import {
  createInbox,
  type Msg,
  type NatsConnection,
  nanos,
  type Subscription,
} from '@nats-io/transport-node';
import type { TableEntry, TableListener } from './lease-table.js';
import { isPeerKey } from './table-entries.js';

const HEARTBEAT_MS = 1000;
/** Whoever is silent so long has lost its consumer, or the server that had it. */
const SILENT_MS = 2500;
const TRY_AGAIN_MS = 250;
/** What was read is told by then, though the server says that there is more: a process that hears nothing is cut off. */
const TOLD_WITHIN_MS = 5000;
/** NATS forgets a consumer that nobody hears after this time. */
const FORGOTTEN_AFTER_MS = 10_000;

export interface KvWatchParts {
  readonly connection: NatsConnection;
  readonly manager: Promise<JetStreamManager>;
  readonly bucket: string;
  /** Makes the bucket again that somebody has deleted. */
  readonly remake: () => Promise<unknown>;
  readonly log: (words: string) => void;
}

/** One reading of the bucket: everything that is there, then all changes. */
interface Reading {
  readonly subscription: Subscription;
  readonly beganMs: number;
  /** Keys that it has brought; undefined once it has brought all that was there. */
  seen: Set<string> | undefined;
  /**
   * Until all that was there has come: the last of each key, in the order of the table. No more than the bucket holds, which keeps one
   * value of a key. Undefined: it was told, and changes are told as they come.
   */
  gathered: Map<string, TableEntry> | undefined;
  lastDelivered: number;
  lastRevision: number;
}

/**
 * Follows a bucket of NATS. Where anything could have been missed (a gap in the numbers, silence, a connection that was made
 * again) it reads all of the bucket anew, and tells what is not as it was: slower than going on from a number, and right whatever
 * has become of servers, streams and consumers. The bucket has the last value of each key alone, so it delivers a peer where its last
 * beat stands, behind homes that it took long before: peers are told first, those that have gone as well as those that have come.
 */
export class KvWatch {
  readonly #parts: KvWatchParts;
  readonly #listener: TableListener;
  readonly #prefix: string;
  readonly #stream: string;
  /** Revision by key, of those that are there. */
  readonly #known = new Map<string, number>();
  /** When the stream was made: another one counts from the beginning. */
  #made: string | undefined;
  #reading: Reading | undefined;
  /** Rises with each attempt: earlier ones are over. */
  #attempt = 0;
  #lastHeardMs = 0;
  /** The highest revision that is known to have been written, and since when it could have been told; undefined: it was. */
  #written = 0;
  #owedSinceMs: number | undefined;
  #isReady = false;
  #isStopped = false;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: KvWatchParts, listener: TableListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#prefix = `$KV.${parts.bucket}.`;
    this.#stream = `KV_${parts.bucket}`;
    this.#timer = setInterval(() => {
      const longAgoMs = performance.now() - SILENT_MS;
      if (this.#lastHeardMs < longAgoMs) this.#readAnew('nothing is heard of its changes');
      else if ((this.#owedSinceMs ?? Number.POSITIVE_INFINITY) < longAgoMs)
        this.#readAnew('the server that tells of its changes is behind');
      else if (this.#reading?.gathered && this.#reading.beganMs < performance.now() - TOLD_WITHIN_MS)
        this.#tellGathered(this.#reading);
    }, SILENT_MS / 4);
    this.#readAnew();
    void this.#followConnection();
  }

  /**
   * This was written, as a server says: it has to be told before long. A server that has come back, and does not catch up, tells
   * what there was before, and that it is well.
   */
  wasWritten(revision: number): void {
    if (revision <= this.#written) return;
    this.#written = revision;
    const { lastRevision = 0, gathered } = this.#reading ?? {};
    if (gathered || lastRevision < revision) this.#owedSinceMs ??= performance.now();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#endReading();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#parts.connection.status()) {
      if (this.#isStopped) return;
      if (type === 'reconnect') this.#readAnew('the connection was made again');
    }
    this.stop();
  }

  #endReading(): void {
    this.#attempt += 1;
    // With a connection that is closed it is gone already.
    if (!this.#parts.connection.isClosed()) this.#reading?.subscription.unsubscribe();
    this.#reading = undefined;
  }

  #readAnew(why?: string): void {
    if (this.#isStopped || this.#parts.connection.isClosed()) return;
    if (why && this.#isReady) this.#parts.log(`the table of the cluster is read anew: ${why}`);
    this.#endReading();
    this.#lastHeardMs = performance.now();
    if (this.#owedSinceMs !== undefined) this.#owedSinceMs = this.#lastHeardMs;
    const attempt = this.#attempt;
    this.#read(attempt).catch(async (error: unknown) => {
      if (attempt !== this.#attempt) return;
      // Without a link, or while a leader is elected, there is nothing to do but to try.
      if (isStreamMissing(error)) {
        this.#parts.log('the table of the cluster is gone, and is made again');
        await this.#parts.remake().catch((failure: Error) => this.#parts.log(failure.message));
      }
      setTimeout(() => {
        if (attempt === this.#attempt) this.#readAnew();
      }, TRY_AGAIN_MS);
    });
  }

  async #read(attempt: number): Promise<void> {
    const manager = await this.#parts.manager;
    const { created } = await manager.streams.info(this.#stream);
    if (attempt !== this.#attempt) return;
    // Revisions of another stream say nothing about this one's.
    if (this.#made !== undefined && this.#made !== created) {
      for (const key of this.#known.keys()) this.#known.set(key, 0);
      this.#written = 0;
      this.#owedSinceMs = undefined;
    }
    this.#made = created;
    const inbox = createInbox();
    const subscription = this.#parts.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (attempt !== this.#attempt) return;
        if (error) this.#readAnew(error.message);
        else this.#heard(reading, message);
      },
    });
    const reading: Reading = {
      subscription,
      beganMs: performance.now(),
      seen: new Set(),
      gathered: new Map(),
      lastDelivered: 0,
      lastRevision: 0,
    };
    this.#reading = reading;
    const { num_pending: count } = await manager.consumers.add(this.#stream, {
      deliver_subject: inbox,
      deliver_policy: DeliverPolicy.LastPerSubject,
      filter_subject: `${this.#prefix}>`,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    if (attempt === this.#attempt && count === 0 && reading.lastDelivered === 0)
      this.#endOfWhatIsThere(reading);
  }

  #heard(reading: Reading, message: Msg): void {
    this.#lastHeardMs = performance.now();
    if (message.headers?.code === 100) {
      this.#heardStatus(reading, message);
      return;
    }
    const place = placeOf(message.reply ?? '');
    if (!place) return;
    const { delivered, revision, pending } = place;
    if (delivered !== reading.lastDelivered + 1) {
      this.#readAnew('changes were missed');
      return;
    }
    reading.lastDelivered = delivered;
    reading.lastRevision = revision;
    const { gathered } = reading;
    // Who catches up is not behind for long.
    if (this.#owedSinceMs !== undefined)
      this.#owedSinceMs = gathered || revision < this.#written ? this.#lastHeardMs : undefined;
    const key = message.subject.slice(this.#prefix.length);
    const isDeleted = (message.headers?.get('KV-Operation') ?? '') !== '';
    const entry = { key, revision, value: isDeleted ? undefined : parsed(message) };
    reading.seen?.add(key);
    // What has changed again while the rest was read stands where it was delivered last.
    gathered?.delete(key);
    if (gathered) gathered.set(key, entry);
    else if (this.#isNews(entry)) this.#tell(entry);
    if (pending === 0) this.#endOfWhatIsThere(reading);
  }

  #heardStatus(reading: Reading, message: Msg): void {
    const { headers } = message;
    if (message.reply) {
      // Flow control: more is sent when this has come back.
      message.respond();
      return;
    }
    const stalled = headers?.get(JsHeaders.ConsumerStalledHdr);
    if (stalled) this.#parts.connection.publish(stalled);
    if (Number(headers?.get(JsHeaders.LastConsumerSeqHdr)) !== reading.lastDelivered)
      this.#readAnew('changes were missed');
    else this.#endOfWhatIsThere(reading);
  }

  #endOfWhatIsThere(reading: Reading): void {
    const { seen, lastRevision } = reading;
    if (!seen) return;
    reading.seen = undefined;
    this.#tellGathered(reading, this.#vanished(seen, lastRevision));
    if (this.#isReady) return;
    this.#isReady = true;
    this.#listener.ready();
  }

  #tellGathered(reading: Reading, vanished: readonly TableEntry[] = []): void {
    const gathered = [...(reading.gathered?.values() ?? [])];
    reading.gathered = undefined;
    if (reading.lastRevision >= this.#written) this.#owedSinceMs = undefined;
    const entries = [...vanished, ...gathered.filter((entry) => this.#isNews(entry))];
    for (const entry of entries) if (isPeerKey(entry.key)) this.#tell(entry);
    for (const entry of entries) if (!isPeerKey(entry.key)) this.#tell(entry);
  }

  /** What was known and is not there any more was deleted without a trace. */
  #vanished(there: ReadonlySet<string>, lastRevision: number): TableEntry[] {
    return [...this.#known]
      .filter(([key, revision]) => !there.has(key) && revision <= lastRevision)
      .map(([key, revision]) => ({ key, revision, value: undefined }));
  }

  /** A server that lags behind the others may tell what is known to be over. */
  #isNews({ key, revision }: TableEntry): boolean {
    return revision > (this.#known.get(key) ?? -1);
  }

  #tell(entry: TableEntry): void {
    if (this.#isStopped) return;
    // A deleted key is forgotten once a later reading does not tell of it; until then its revision is remembered.
    this.#known.set(entry.key, entry.revision);
    this.#listener.changed(entry);
  }
}

/** Where a message is, as its reply subject says: `$JS.ACK`, names, then numbers, in two forms of different lengths. */
function placeOf(reply: string): { delivered: number; revision: number; pending: number } | undefined {
  const tokens = reply.split('.');
  // Newer servers add a domain, an account and something random.
  const first = tokens.length >= 11 ? 7 : 5;
  if (tokens.length < 9 || tokens[0] !== '$JS') return undefined;
  const [revision, delivered, , pending] = tokens.slice(first, first + 4).map(Number);
  return { revision: revision as number, delivered: delivered as number, pending: pending as number };
}

function parsed(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    // Whoever wrote it is no process of this cluster; who reads it takes it for nothing.
    return null;
  }
}

function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}
