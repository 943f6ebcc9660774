import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection } from '@nats-io/transport-node';
import {
  type Entry,
  type HomeStore,
  type RangeOptions,
  StoreFailure,
  type StoreUsage,
} from '../home-store.js';
import { Appender, type Entry as LogEntry } from './appender.js';
import { HomeLog } from './home-log.js';
import type { Place } from './lineage.js';
import type { LocalState } from './local-state.js';
import { logNames } from './names.js';
import { bytesOf, encodeTurn, HEAD_BYTES, type Owner } from './record.js';
import { Snapshots } from './snapshots.js';
import { type Takeover, takeOver } from './takeover.js';

export interface JetStreamStoreOptions {
  /** Shared by all homes of a process; it has to reconnect for as long as it takes. */
  connection: NatsConnection;
  /** Name of the cluster: part of the names of streams, subjects and the bucket. */
  cluster: string;
  home: number;
  /** Servers that keep the log, and the snapshots. */
  replicas: number;
  /** Room for what is in the mailboxes; the log may be as large as twice that and `snapshotBytes`. */
  maxBytes: number;
  /** Log behind the last snapshot that makes a new one due. */
  snapshotBytes: number;
  /** Empty, and this home's alone: a cache that may vanish. */
  folder: string;
  /** The home is another's, or cannot be kept here: called once. From then on nothing is kept, and nothing settles. */
  fenced(reason: string): void;
  log?(line: string): void;
}

/** How long the parts of a takeover took, and what was read. */
export type { Takeover } from './takeover.js';

/** What a message takes in the log beside its bytes. */
const MESSAGE_BYTES = 128;
/** For its head in a message, and the header that it is sent with. */
const HEADER_BYTES = 1024;
const LARGEST_RECORD = 2 ** 20;
/** A turn is what one turn of the event loop has changed; what is larger has gone wrong before. */
const LARGEST_TURN = 128 * 2 ** 20;
/** From here on new messages are refused, so that deletions still fit. */
const FULL_SHARE = 0.8;
const SNAPSHOT_PAUSE_MS = 10_000;
const CLOSE_MS = 3000;

/**
 * With so many under way further turns are gathered, and go as one when the first of those is kept: a replicated append costs
 * much the same whatever is in it, and all homes of a cluster share what its servers can do.
 */
const TURNS_UNDER_WAY = 2;
/** What is gathered does not wait any longer past this. */
const GATHERED_BYTES = 256 * 1024;

/** Who waits for a turn of the home. */
interface Waiter {
  startedMs: number;
  resolve(): void;
  reject(failure: StoreFailure): void;
}

/** Turns of the home that are under way as one. */
interface Turn {
  /** Of the last of its records. */
  last: number;
  records: LogEntry[];
  waiters: Waiter[];
}

/**
 * A home as a log that JetStream replicates: a turn is one message of the home's stream, and kept once JetStream has
 * acknowledged it. Reads come from a copy on this machine that follows what was acknowledged. Whoever opens it next begins
 * with the last snapshot and reads the log behind it.
 */
export class JetStreamStore implements HomeStore {
  readonly isDurable = true;
  readonly mostTurnBytes = LARGEST_TURN / 2;
  readonly #options: JetStreamStoreOptions;
  readonly #logBytes: number;
  #opened: Opened | undefined;
  #takeover: Takeover | undefined;
  #staged: (Buffer | undefined)[] = [];
  /** In the order of the log. */
  readonly #turns: Turn[] = [];
  /** Those behind them that go together, and their changes. */
  #gathered: (Buffer | undefined)[] = [];
  #gatheredBytes = 0;
  #waiters: Waiter[] = [];
  /** In the log, and not yet in the local state. */
  #kept: Turn[] = [];
  #keptPlace: Place | undefined;
  #isOver = false;
  /** JetStream has refused the last turn because there was no room. */
  #isRefused = false;
  /** Of the stream, as far as it is known here. */
  #streamBytes = 0;
  #bytesBehindSnapshot = 0;
  #snapshot: Promise<void> | undefined;
  #snapshotNotBeforeMs = 0;
  #closed: Promise<void> | undefined;
  #commits = 0;
  #commitMs = 0;

  constructor(options: JetStreamStoreOptions) {
    this.#options = options;
    this.#logBytes = 2 * options.maxBytes + options.snapshotBytes;
  }

  /**
   * Takes the home over: makes its stream where there is none, fences off whoever wrote to it, and reads it.
   * @throws FencedError where an owner of a higher epoch was there, StoreError for a log or a snapshot that is damaged
   */
  async open(epoch: number): Promise<void> {
    const { connection, cluster, home, replicas, maxBytes, folder } = this.#options;
    const owner: Owner = { epoch, mark: randomBytes(4).readUInt32LE(0) };
    const log = await HomeLog.open(connection, logNames(cluster, home), replicas);
    const snapshots = await Snapshots.open(log, replicas);
    this.#streamBytes = (await log.state()).bytes;
    const { state, fence, takeover } = await takeOver({
      log,
      snapshots,
      owner,
      folder,
      maxBytes,
      tell: (line) => this.#tell(line),
    });
    const mostBytes = Math.min(
      (connection.info?.max_payload ?? LARGEST_RECORD) - HEADER_BYTES,
      LARGEST_RECORD,
    );
    const appender = new Appender({
      connection,
      subject: log.names.subject,
      owner,
      fence,
      read: (sequence) => log.read(sequence),
      listener: {
        kept: (entry, place) => this.#keep(entry, place),
        refused: (_entries, reason) => this.#refuse(reason),
        lost: (reason) => this.#lose(reason),
        log: (line) => this.#tell(line),
      },
    });
    this.#bytesBehindSnapshot = takeover.bytes;
    this.#takeover = takeover;
    this.#opened = { log, snapshots, state, appender, owner, mostBytes };
    this.#snapshotIfDue();
  }

  /** @throws Error before it is open */
  get takeover(): Takeover {
    if (!this.#takeover) throw new Error('the store was not opened');
    return this.#takeover;
  }

  /** Where the log ends, as far as it is known; turns that are under way. */
  get log(): { lastSequence: number; bytesBehindSnapshot: number; underWay: number } {
    return {
      lastSequence: this.#opened?.appender.lastSequence ?? 0,
      bytesBehindSnapshot: this.#bytesBehindSnapshot,
      underWay: this.#turns.length + this.#waiters.length,
    };
  }

  get staged(): number {
    return this.#staged.length / 2;
  }

  get isFull(): boolean {
    return this.#isRefused || this.#streamBytes > FULL_SHARE * this.#logBytes || this.#parts.state.isFull;
  }

  get fullness(): number {
    return this.#parts.state.fullness;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#parts.state.get(key);
  }

  range(prefix: Buffer, options?: RangeOptions): Iterable<Entry> {
    return this.#parts.state.range(prefix, options);
  }

  count(prefix: Buffer): number {
    return this.#parts.state.count(prefix);
  }

  /** Hot path. */
  stage(key: Buffer, value?: Buffer): void {
    this.#staged.push(key, value);
  }

  discard(): void {
    this.#staged = [];
  }

  /** Hot path. */
  commit(): Promise<void> | undefined {
    const staged = this.#staged;
    if (staged.length === 0) return undefined;
    this.#staged = [];
    // Whoever has the home now says what is kept.
    if (this.#isOver) return new Promise(() => undefined);
    const bytes = bytesOf(staged);
    if (bytes > LARGEST_TURN)
      throw new StoreFailure(`a turn of ${bytes} bytes is too large for the log`, false);
    if (this.#streamBytes + this.#gatheredBytes + bytes > this.#logBytes) {
      this.#snapshotIfDue();
      throw new StoreFailure(
        `the log of home ${this.#options.home} has no room until it has a snapshot`,
        true,
      );
    }
    for (const part of staged) this.#gathered.push(part);
    this.#gatheredBytes += bytes;
    const kept = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ startedMs: performance.now(), resolve, reject });
    });
    if (this.#turns.length < TURNS_UNDER_WAY || this.#gatheredBytes > GATHERED_BYTES) this.#send();
    return kept;
  }

  /** Hot path. Puts what was gathered on its way, as one turn. */
  #send(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    const { appender, owner, mostBytes } = this.#parts;
    const records = encodeTurn(this.#gathered, owner, appender.nextNumber, mostBytes);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#waiters = [];
    const turn: Turn = { last: appender.nextNumber + records.length - 1, records: [], waiters };
    this.#turns.push(turn);
    for (const record of records) turn.records.push(appender.add(record));
  }

  usage(): StoreUsage {
    return {
      diskBytes: this.#opened?.state.diskBytes ?? 0,
      commits: this.#commits,
      commitMs: this.#commitMs,
    };
  }

  /** Waits a few seconds for what is under way; the log stays. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (!this.#opened) return;
    const { appender, state } = this.#opened;
    if (!this.#isOver) this.#send();
    if (!this.#isOver) await Promise.race([appender.idle(), sleep(CLOSE_MS, undefined, { ref: false })]);
    appender.close();
    this.#applyKept();
    this.#isOver = true;
    await state.close();
  }

  get #parts(): Opened {
    if (!this.#opened) throw new Error('the store was not opened');
    return this.#opened;
  }

  /** Hot path. A record is in the log. */
  #keep({ record, number }: LogEntry, place: Place): void {
    const bytes = record.length + MESSAGE_BYTES;
    this.#streamBytes += bytes;
    this.#bytesBehindSnapshot += bytes;
    const turn = this.#turns[0];
    if (!turn || number < turn.last) return;
    this.#turns.shift();
    // What is acknowledged together goes into the local state together: a transaction costs more than its changes.
    if (this.#kept.length === 0) queueMicrotask(() => this.#applyKept());
    this.#kept.push(turn);
    this.#keptPlace = place;
    if (this.#turns.length < TURNS_UNDER_WAY) this.#send();
  }

  #applyKept(): void {
    const kept = this.#kept;
    if (kept.length === 0 || this.#isOver) return;
    this.#kept = [];
    const { state } = this.#parts;
    try {
      for (const { records } of kept) state.apply(bodyOf(records));
      state.keep(this.#keptPlace as Place);
    } catch (error) {
      // It is in the log, so it is kept; but here nobody can go on with it.
      this.#lose(`the local state cannot be written: ${(error as Error).message}`);
      return;
    }
    this.#isRefused = false;
    const nowMs = performance.now();
    for (const { waiters } of kept) {
      for (const { startedMs, resolve } of waiters) {
        this.#commits += 1;
        this.#commitMs += nowMs - startedMs;
        resolve();
      }
    }
    this.#snapshotIfDue();
  }

  /** None of the turns under way is in the log. */
  #refuse(reason: string): void {
    this.#applyKept();
    this.#isRefused = true;
    const failure = new StoreFailure(`the log of home ${this.#options.home}: ${reason}`, true);
    const waiters = [...this.#turns.splice(0).flatMap((turn) => turn.waiters), ...this.#waiters.splice(0)];
    this.#gathered = [];
    this.#gatheredBytes = 0;
    for (const waiter of waiters) waiter.reject(failure);
    this.#snapshotIfDue();
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#applyKept();
    this.#isOver = true;
    this.#opened?.appender.close();
    this.#options.fenced(reason);
  }

  #snapshotIfDue(): void {
    const isDue =
      this.#bytesBehindSnapshot > this.#options.snapshotBytes ||
      (this.isFull && this.#bytesBehindSnapshot > 0);
    if (!isDue || this.#snapshot || this.#isOver || performance.now() < this.#snapshotNotBeforeMs) return;
    this.#snapshot = this.#makeSnapshot()
      .catch((error: unknown) => {
        if (this.#isOver) return;
        this.#snapshotNotBeforeMs = performance.now() + SNAPSHOT_PAUSE_MS;
        this.#tell(
          `home ${this.#options.home}: no snapshot: ${(error as Error).message}; the log grows until there is one`,
        );
      })
      .finally(() => {
        this.#snapshot = undefined;
      });
  }

  /** Copies the local state into the object store, and removes the log that two snapshots cover, or one where room is needed. */
  async #makeSnapshot(): Promise<void> {
    const { log, snapshots, state, owner } = this.#parts;
    const { place } = state;
    const before = this.#bytesBehindSnapshot;
    // Once it is closed nothing of it is read any more; whoever closes it does not wait.
    const check = (): void => {
      if (this.#isOver) throw new Error('the store was closed');
    };
    const snapshot = await snapshots.save(state.pieces(place, check), place.sequence, owner.epoch);
    await snapshots.read(snapshot, check);
    this.#bytesBehindSnapshot -= before;
    const [newest, older] = await snapshots.list();
    const reached = this.isFull ? newest : older;
    if (reached && !this.#isOver) await log.purge(reached.sequence + 1);
    this.#streamBytes = (await log.state()).bytes;
    this.#isRefused = false;
  }

  #tell(line: string): void {
    this.#options.log?.(line);
  }
}

/** What there is once it is open. */
interface Opened {
  log: HomeLog;
  snapshots: Snapshots;
  state: LocalState;
  appender: Appender;
  owner: Owner;
  mostBytes: number;
}

function bodyOf(records: LogEntry[]): Buffer {
  const bodies = records.map(({ record }) => record.subarray(HEAD_BYTES));
  return bodies.length === 1 ? (bodies[0] as Buffer) : Buffer.concat(bodies);
}
