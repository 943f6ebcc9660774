import type { BusMessage } from '../bus/bus.js';
import { busMessageBytes, writeBusMessage } from '../bus/bus-codec.js';
import {
  BATCH_HEADER_BYTES,
  BatchFlag,
  type BatchHeader,
  type BatchReceiver,
  checkBatch,
  HOME_BYTES,
  MARKER_BYTES,
  type Marker,
  readBatch,
  writeBatchHeader,
  writeConfirmed,
  writeMarker,
} from './batch-codec.js';
import { GrowingBuffer } from './growing-buffer.js';
import { SentBatches } from './sent-batches.js';

/** Half of what a nats-server takes as one message unless told otherwise. Only a batch of a single message may be larger. */
export const MOST_BATCH_BYTES = 512 * 1024;

/** A batch of so many bytes goes out in the buffer that it was gathered in; a smaller one is copied out of it. */
const OWN_BUFFER_BYTES = 64 * 1024;

/** So much is confirmed at once, and not with the next batch or after a while. */
const CONFIRMED_BATCHES = 16;
const CONFIRMED_BYTES = 256 * 1024;

/** The same gap is not reported more often, unless it is asked for. */
const LACKED_EVERY_MS = 100;

/** What a link needs of the world. */
export interface LinkWays extends BatchReceiver {
  /** One message of NATS, which may be lost. */
  publish(bytes: Buffer): void;
  nowMs(): number;
  /** The first message since `flush` was gathered. */
  gathered(): void;
  /** Something came: `confirm` is due within some milliseconds. */
  owes(): void;
  /** The other has confirmed all. */
  drained(): void;
  /** A batch could not be read, or not wholly. */
  trouble(words: string): void;
}

export interface LinkOptions {
  /** Numbers of peers. */
  self: number;
  peer: number;
  /** Of the messages to the other. */
  version: number;
  /** How many there are. */
  homes: number;
  /** Bytes of all links that wait, this one's among them. */
  waiting: { bytes: number };
}

/**
 * What two peers say to each other, each message once and in order, whatever NATS drops: batches are numbered, kept until
 * they are confirmed and sent again until then. A batch confirms what came from the other; where there is nothing to say, one
 * without messages does.
 */
export class PeerLink {
  readonly peer: number;
  readonly version: number;
  readonly #self: number;
  readonly #homes: number;
  readonly #waiting: { bytes: number };
  readonly #ways: LinkWays;
  readonly #sent: SentBatches;
  #gathering = new GrowingBuffer();
  /** What is gathered goes as soon as it can. */
  #isDue = false;
  /** Number of the last batch that came, with all before it. */
  #received = 0;
  #unconfirmedBatches = 0;
  #unconfirmedBytes = 0;
  #lackedFrom = -1;
  #lackedMs = 0;
  #duplicates = 0;
  #isOver = false;
  /** What is in a batch does not come any more once a message before it has ended the link. */
  readonly #receiver: BatchReceiver = {
    message: (home, message) => {
      if (!this.#isOver) this.#ways.message(home, message);
    },
    marker: (marker, home, epoch) => {
      if (!this.#isOver) this.#ways.marker(marker, home, epoch);
    },
  };

  constructor({ self, peer, version, homes, waiting }: LinkOptions, ways: LinkWays) {
    this.peer = peer;
    this.version = version;
    this.#self = self;
    this.#homes = homes;
    this.#waiting = waiting;
    this.#ways = ways;
    this.#sent = new SentBatches({
      publish: (batch) => this.#publish(batch),
      ask: (number) => this.#publishBare(BatchFlag.asks, number),
      nowMs: ways.nowMs,
    });
    this.#gathering.used = BATCH_HEADER_BYTES;
  }

  /** Bytes that are gathered, and that the other has not confirmed. */
  get waitingBytes(): number {
    return this.#sent.bytes + this.#gatheredBytes;
  }

  /** Batches that came, with all before them. */
  get received(): number {
    return this.#received;
  }

  /** Batches that are on their way, wait for room on it, or have come. */
  get sent(): number {
    return this.#sent.last;
  }

  /** Batches that were sent once more. */
  get repeated(): number {
    return this.#sent.repeated;
  }

  /** Batches that came once more. */
  get duplicates(): number {
    return this.#duplicates;
  }

  get isConfirmationOwed(): boolean {
    return this.#unconfirmedBatches > 0;
  }

  /** Hot path. @param home whom it is for, or which home says it */
  send(home: number, message: BusMessage): void {
    const bytes = HOME_BYTES + busMessageBytes(message, this.version);
    const gathering = this.#room(bytes);
    const at = gathering.bytes.writeUInt16LE(home, gathering.used);
    gathering.used = writeBusMessage(message, gathering.bytes, at, this.version);
  }

  /** Says something of a home that moves, behind all that was sent before. */
  mark(marker: Marker, home: number, epoch: number): void {
    const gathering = this.#room(MARKER_BYTES);
    gathering.used = writeMarker(marker, home, epoch, gathering.bytes, gathering.used);
  }

  /** Number of the batch that has all which was said up to now. */
  get said(): number {
    return this.#sent.last + (this.#gatheredBytes > 0 ? 1 : 0);
  }

  /** Whether the other has confirmed all up to that batch, or is gone. */
  hasConfirmed(number: number): boolean {
    return this.#isOver || this.#sent.confirmed >= number;
  }

  /**
   * Puts what was gathered on its way; once an event-loop turn. Where enough is on its way already, it goes as soon as some of
   * that is confirmed, together with what is said until then.
   */
  flush(): void {
    if (this.#gathering.used === BATCH_HEADER_BYTES) return;
    this.#isDue = !this.#sent.isOpen;
    if (!this.#isDue) this.#seal();
  }

  #seal(): void {
    const { bytes, used } = this.#gathering;
    const isOwn = used >= OWN_BUFFER_BYTES;
    const batch = isOwn ? bytes.subarray(0, used) : Buffer.from(bytes.subarray(0, used));
    if (isOwn) this.#gathering = new GrowingBuffer();
    this.#gathering.used = BATCH_HEADER_BYTES;
    this.#writeHeader(batch, 0, this.#sent.last + 1);
    this.#sent.add(batch);
  }

  /** Hot path. Takes what the other has sent. */
  take(header: BatchHeader, bytes: Buffer): void {
    if (this.#isOver) return;
    const confirmed = this.#sent.confirm(header.confirmed);
    if (confirmed < 0) {
      this.#ways.trouble(`batch ${header.confirmed} was confirmed, and not sent`);
      return;
    }
    if (confirmed > 0) {
      this.#waiting.bytes -= confirmed;
      if (this.waitingBytes === 0) this.#ways.drained();
    }
    if (header.flags & BatchFlag.lacks) this.#sent.sendAgain(header.confirmed);
    if (this.#isDue) this.flush();
    if (header.flags & BatchFlag.confirms) this.#answer(header);
    else if (header.number <= this.#received) this.#takeAgain();
    else if (header.number === this.#received + 1) this.#takeNext(header, bytes);
    else this.#lack();
  }

  /** Confirms what came, where nothing that was sent has done so. */
  confirm(): void {
    if (this.#unconfirmedBatches > 0) this.#publishBare(0);
  }

  /** Says that nothing of what the other has sent up to now was taken behind what is confirmed. */
  sayLacks(): void {
    this.#publishBare(BatchFlag.lacks);
  }

  /** Sees after what is not confirmed; to be called some times a second. */
  tick(): void {
    this.#sent.tick();
  }

  /** Nothing more comes of it, in either direction. */
  end(): void {
    if (this.#isOver) return;
    this.#waiting.bytes -= this.waitingBytes;
    this.#isOver = true;
  }

  get #gatheredBytes(): number {
    const { used } = this.#gathering;
    return used === BATCH_HEADER_BYTES ? 0 : used;
  }

  /** Hot path. Room for so many bytes in a batch, which are counted. What is larger than a batch should be is one of its own. */
  #room(bytes: number): GrowingBuffer {
    const { used } = this.#gathering;
    if (used > BATCH_HEADER_BYTES && used + bytes > MOST_BATCH_BYTES) this.#seal();
    const gathering = this.#gathering;
    gathering.makeRoom(bytes);
    if (gathering.used === BATCH_HEADER_BYTES) {
      this.#waiting.bytes += BATCH_HEADER_BYTES;
      this.#ways.gathered();
    }
    this.#waiting.bytes += bytes;
    return gathering;
  }

  #takeNext(header: BatchHeader, bytes: Buffer): void {
    const unknown = checkBatch(bytes, this.#homes);
    if (unknown === undefined) {
      this.#ways.trouble(`batch ${header.number} cannot be read`);
      return;
    }
    if (unknown > 0)
      this.#ways.trouble(
        `batch ${header.number} has messages of a kind that is not known here, which are left out: replace this node by a newer release`,
      );
    this.#received = header.number;
    this.#unconfirmedBatches += 1;
    this.#unconfirmedBytes += bytes.length;
    readBatch(bytes, header.version, this.#receiver);
    if (this.#unconfirmedBatches >= CONFIRMED_BATCHES || this.#unconfirmedBytes >= CONFIRMED_BYTES)
      this.confirm();
    else if (this.#unconfirmedBatches > 0) this.#ways.owes();
  }

  /** Its confirmation may have been lost. */
  #takeAgain(): void {
    this.#duplicates += 1;
    this.#unconfirmedBatches += 1;
    this.#ways.owes();
  }

  #answer({ flags, number }: BatchHeader): void {
    const isAsked = (flags & BatchFlag.asks) !== 0;
    if (number > this.#received) this.#lack(isAsked);
    else if (isAsked) this.#publishBare(0);
  }

  #lack(isAsked = false): void {
    const nowMs = this.#ways.nowMs();
    const isSaid = this.#lackedFrom === this.#received && nowMs - this.#lackedMs < LACKED_EVERY_MS;
    if (isSaid && !isAsked) return;
    this.#lackedFrom = this.#received;
    this.#lackedMs = nowMs;
    this.sayLacks();
  }

  #publish(batch: Buffer): void {
    writeConfirmed(batch, this.#received);
    this.#publishConfirmed(batch);
  }

  #publishBare(flags: number, number = this.#sent.published): void {
    const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES);
    this.#writeHeader(bytes, flags | BatchFlag.confirms, number);
    this.#publishConfirmed(bytes);
  }

  #publishConfirmed(bytes: Buffer): void {
    this.#unconfirmedBatches = 0;
    this.#unconfirmedBytes = 0;
    if (!this.#isOver) this.#ways.publish(bytes);
  }

  #writeHeader(target: Buffer, flags: number, number: number): void {
    writeBatchHeader(
      {
        version: this.version,
        flags,
        from: this.#self,
        to: this.peer,
        number,
        confirmed: this.#received,
      },
      target,
    );
  }
}
