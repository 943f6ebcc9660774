import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import { isSame, Lineage, type Place } from './lineage.js';
import { type LogRecord, type Owner, RecordError } from './record.js';
import { readReply } from './reply.js';

/** Under way at once; more waits here, in its order. */
const RECORDS_UNDER_WAY = 64;
const BYTES_UNDER_WAY = 8 * 2 ** 20;

/** Silence after which the log is asked what became of the records under way. */
const SILENCE_MS = 3000;
const WATCH_MS = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** A log that ends before what it has acknowledged: a leader that was just elected may not have read it all yet. */
const SHORT_FOR_MS = 20_000;

export interface AppenderOptions {
  connection: Pick<NatsConnection, 'publish' | 'subscribe' | 'isClosed'>;
  subject: string;
  owner: Owner;
  /** Of the owner's fence: the log is known up to here. */
  fence: number;
  /** What stands at `sequence`; undefined: nothing, as far as whoever was asked knows. One attempt. */
  read(sequence: number): Promise<LogRecord | undefined>;
  listener: AppenderListener;
}

export interface AppenderListener {
  /** The oldest record is in the log, and counts. */
  kept(entry: Entry, place: Place): void;
  /** There is no room: none of these is in the log, nor will be. Others may be added at once. */
  refused(entries: Entry[], reason: string): void;
  /** The log is another's, or is not what it was: nothing is said any more. */
  lost(reason: string): void;
  log(line: string): void;
}

/** A record that is to be in the log. */
export interface Entry {
  readonly record: Buffer;
  readonly number: number;
  /** Copies that were sent and not answered: one of them may still come to the log. */
  unanswered: number;
}

/**
 * Puts records at the end of a home's log, in their order and each once, several under way. Each names the sequence that it
 * has to stand behind. Where one is refused for that, or nothing is heard of it, the log itself is read to know what became
 * of those under way, and the rest is sent again: for as long as it takes.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #lineage: Lineage;
  readonly #inbox = createInbox();
  readonly #replies: Subscription;
  /** Not known to be in the log, the oldest first; the first `#sent` of them are under way. */
  #entries: Entry[] = [];
  #sent = 0;
  #sentBytes = 0;
  /** The log is known up to here. */
  #known: number;
  /** Replies to an earlier one say nothing of where the log ends now. */
  #attempt = 0;
  /** After silence one record goes ahead of the others. */
  #mostUnderWay = RECORDS_UNDER_WAY;
  #isAsking = false;
  /** What was known when the log was read last: where that has helped nothing, there is time. */
  #askedAt = -1;
  /** There is no room: nothing is sent until it is known that none of those under way is kept. */
  #noRoom: string | undefined;
  #isOver = false;
  #pauseMs = FIRST_PAUSE_MS;
  #heardMs = 0;
  #shortSinceMs: number | undefined;
  #watch: NodeJS.Timeout | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#known = options.fence;
    this.#lineage = new Lineage({ owner: options.owner, number: 0 });
    const callback = (error: Error | null, message: Msg): void => {
      if (error) options.listener.log(`no answers of JetStream can be had: ${error.message}`);
      else this.#hear(message);
    };
    this.#replies = options.connection.subscribe(`${this.#inbox}.*.*`, { callback });
  }

  /** Records that are not known to be in the log. */
  get underWay(): number {
    return this.#entries.length;
  }

  /** Of the last record of the log that is known. */
  get lastSequence(): number {
    return this.#known;
  }

  /** What the next record has to have. */
  get nextNumber(): number {
    return this.#lineage.number + this.#entries.length + 1;
  }

  /** Hot path. Takes the next record, whose number is `nextNumber`. */
  add(record: Buffer): Entry {
    const entry = { record, number: this.nextNumber, unanswered: 0 };
    this.#entries.push(entry);
    this.#send();
    return entry;
  }

  /** Resolves once all are in the log, or refused. */
  idle(): Promise<void> {
    if (this.#entries.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Sends and says nothing any more. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#watch);
    this.#watch = undefined;
    // On a connection that was closed it is gone already.
    if (!this.#options.connection.isClosed()) this.#replies.unsubscribe();
  }

  /** Hot path. */
  #send(): void {
    if (this.#isAsking || this.#isOver || this.#noRoom !== undefined) return;
    while (this.#sent < this.#entries.length && this.#sent < this.#mostUnderWay) {
      const entry = this.#entries[this.#sent] as Entry;
      if (this.#sent > 0 && this.#sentBytes + entry.record.length > BYTES_UNDER_WAY) return;
      if (this.#sent === 0) this.#heardMs = performance.now();
      const head = headers();
      head.set('Nats-Expected-Last-Sequence', String(this.#known + this.#sent));
      try {
        this.#options.connection.publish(this.#options.subject, entry.record, {
          reply: `${this.#inbox}.${this.#attempt}.${entry.number}`,
          headers: head,
        });
      } catch (error) {
        this.#ask((error as Error).message);
        return;
      }
      entry.unanswered += 1;
      this.#sent += 1;
      this.#sentBytes += entry.record.length;
    }
    this.#watch ??= setInterval(() => this.#look(), WATCH_MS);
  }

  /** Hot path: an acknowledgement. */
  #hear(message: Msg): void {
    if (this.#isOver) return;
    const { subject } = message;
    const dot = subject.lastIndexOf('.');
    const number = Number(subject.slice(dot + 1));
    const attempt = Number(subject.slice(this.#inbox.length + 1, dot));
    const entry = this.#entries[number - this.#lineage.number - 1];
    if (!entry) return;
    const reply = readReply(message);
    if (reply.kind !== 'not-now' || reply.isCertain) entry.unanswered -= 1;
    if (reply.kind === 'kept') {
      if (entry === this.#entries[0] && reply.sequence === this.#known + 1) this.#keepFirst();
      // Something is before it that is not known: perhaps another owner.
      else if (attempt === this.#attempt) this.#ask();
    } else if (attempt === this.#attempt && this.#noRoom === undefined) {
      if (reply.kind === 'no-room' && entry === this.#entries[0]) this.#noRoom = reply.reason;
      else if (reply.kind === 'elsewhere') this.#ask(undefined, reply.last);
      // Behind one that was not taken none is: what is said of the first decides.
      else if (reply.kind === 'not-now') this.#ask(reply.reason);
    }
    if (this.#noRoom !== undefined) this.#refuseAll(this.#noRoom);
    this.#send();
  }

  /** Hot path. The oldest stands behind what is known. */
  #keepFirst(): void {
    this.#heardMs = performance.now();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#mostUnderWay = RECORDS_UNDER_WAY;
    this.#noRoom = undefined;
    this.#shortSinceMs = undefined;
    const entry = this.#entries.shift() as Entry;
    if (this.#sent > 0) {
      this.#sent -= 1;
      this.#sentBytes -= entry.record.length;
    }
    this.#known += 1;
    this.#lineage.count(entry.number);
    const { owner } = this.#options;
    this.#options.listener.kept(entry, { sequence: this.#known, owner, number: entry.number });
    if (this.#entries.length === 0) this.#tellIdle();
  }

  /** Once each copy is answered, and none of the first was kept, nothing of all that is in the log can count. */
  #refuseAll(reason: string): void {
    if (this.#entries.some(({ unanswered }) => unanswered > 0)) return;
    this.#noRoom = undefined;
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#attempt += 1;
    this.#options.listener.refused(this.#entries.splice(0), reason);
    if (this.#entries.length === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #look(): void {
    if (this.#entries.length === 0) {
      clearInterval(this.#watch);
      this.#watch = undefined;
    } else if (!this.#isAsking && performance.now() - this.#heardMs > SILENCE_MS) {
      this.#ask('JetStream is silent');
    }
  }

  /**
   * Finds out what the log has of those under way, and goes on.
   * @param reason undefined: it is not worth a word, and there is nothing to wait for
   * @param last where the log was said to end
   */
  #ask(reason?: string, last?: number): void {
    if (this.#isAsking || this.#isOver) return;
    this.#isAsking = true;
    this.#attempt += 1;
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#noRoom = undefined;
    this.#mostUnderWay = 1;
    const isShort = last !== undefined && last < this.#known;
    if (isShort) this.#shortSinceMs ??= performance.now();
    if (isShort && performance.now() - (this.#shortSinceMs as number) > SHORT_FOR_MS) {
      this.#lose(`the log ends at ${last}, and JetStream had acknowledged all up to ${this.#known}`);
      return;
    }
    if (reason !== undefined && this.#pauseMs === FIRST_PAUSE_MS)
      this.#options.listener.log(`${this.#options.subject}: ${reason}; trying again until it goes on`);
    const isKnownToBeLonger = last !== undefined && last > this.#known && this.#askedAt !== this.#known;
    const isWaiting = reason !== undefined || !isKnownToBeLonger;
    this.#askedAt = this.#known;
    const pauseMs = isWaiting ? this.#pauseMs : 0;
    if (isWaiting) this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#readOn(pauseMs).catch((error: unknown) => {
      // What is ours to lose is not lost by going on, so this is the end of a home and not of the process.
      this.#lose(`the log cannot be followed: ${(error as Error).message}`);
    });
  }

  async #readOn(pauseMs: number): Promise<void> {
    if (pauseMs > 0) await sleep(pauseMs);
    while (!this.#isOver) {
      let record: LogRecord | undefined;
      const next = this.#known + 1;
      try {
        record = await this.#options.read(next);
      } catch (error) {
        if (error instanceof RecordError) {
          this.#lose(`message ${next} ${error.message}`);
          return;
        }
        await sleep(LONGEST_PAUSE_MS);
        continue;
      }
      if (this.#isOver) return;
      // Its acknowledgement was faster.
      if (this.#known >= next) continue;
      if (!record) break;
      if (!this.#follow(record)) return;
    }
    this.#isAsking = false;
    this.#send();
  }

  /** The next record of the log is read. @returns false: it says that another owns the home */
  #follow(record: LogRecord): boolean {
    const first = this.#entries[0];
    if (isSame(record.owner, this.#options.owner) && record.number === this.#lineage.number + 1) {
      if (first) this.#keepFirst();
      else this.#lose(`the log has at ${this.#known + 1} what it had refused`);
      return first !== undefined;
    }
    this.#lineage.take(record);
    if (!isSame(this.#lineage.owner, this.#options.owner)) {
      this.#lose(`an owner of epoch ${record.owner.epoch} has written at ${this.#known + 1}`);
      return false;
    }
    this.#known += 1;
    return true;
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#options.listener.lost(reason);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
