import type { Random } from '../../loadgen/random.js';
import { decodeFrames } from '../../protocol/decode.js';
import { type Frame, FrameType, ReasonCode } from '../../protocol/frame.js';
import type { Session } from '../../server/gateway/session.js';
import type { Wire } from '../../server/gateway/wire.js';
import { framesOf, hello } from './session.js';

const WAY_MS = 1;
/** Whoever has waited so long for an answer, on a connection that is open, was left hanging. */
const HANGS_AFTER_MS = 30_000;
const PIPELINE = 3;

export interface Message {
  readonly from: number;
  readonly to: number;
  readonly id: number;
  isAccepted: boolean;
  receipts: number;
  /** Whether each delivery was marked as a redelivery. */
  readonly deliveries: boolean[];
}

export interface SimulatedUserParts {
  readonly user: number;
  readonly random: Random;
  /** By `from:id`. */
  readonly messages: Map<string, Message>;
  /** @returns undefined: nobody is there just now */
  connect(wire: Wire): { session: Session; isAlive(): boolean } | undefined;
  violated(words: string): void;
}

/** A client that sends, acknowledges, goes and comes again, and writes down what it was told. */
export class SimulatedUser {
  readonly #parts: SimulatedUserParts;
  readonly #user: number;
  /** Not accepted yet, the oldest first; the first `#sent` of them were sent on this connection. */
  #outbox: Message[] = [];
  #sent = 0;
  #connection: Connection | undefined;
  #isIn = false;
  #firstId = 0;
  #lastId = 0;
  #wanted: number[] = [];
  #askedMs = 0;
  #received = 0;
  #acknowledged = 0;
  isQuiet = false;

  constructor(parts: SimulatedUserParts) {
    this.#parts = parts;
    this.#user = parts.user;
    this.#connect();
  }

  get isDone(): boolean {
    return this.#isIn && this.#outbox.length === 0 && this.#wanted.length === 0;
  }

  send(to: number): void {
    this.#wanted.push(to);
    this.#write();
  }

  /** To be called now and then. */
  look(): void {
    const isWaiting = this.#connection && (!this.#isIn || this.#sent > 0);
    if (!isWaiting || performance.now() - this.#askedMs < HANGS_AFTER_MS) return;
    this.#parts.violated(`user ${this.#user} waits for ${this.#isIn ? 'ACCEPTED' : 'WELCOME'} for ever`);
    this.leave();
  }

  /** Its connection breaks. */
  leave(): void {
    this.#connection?.cut();
  }

  #connect(): void {
    const { random } = this.#parts;
    const connection = new Connection(
      this.#parts,
      (frame) => this.#take(frame),
      () => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.#isIn = false;
        this.#sent = 0;
        this.#received = 0;
        this.#acknowledged = 0;
        const delayMs = this.isQuiet ? 50 : random.next() < 0.2 ? 2000 * random.next() : 100 * random.next();
        setTimeout(() => this.#connect(), delayMs);
      },
    );
    this.#connection = connection;
    this.#askedMs = performance.now();
    if (!connection.open()) {
      this.#connection = undefined;
      setTimeout(() => this.#connect(), 100);
      return;
    }
    connection.say(hello(this.#user));
  }

  #write(): void {
    if (!this.#isIn) return;
    for (const to of this.#wanted.splice(0)) {
      this.#lastId = Math.max(this.#lastId + 1, this.#firstId);
      const message = {
        from: this.#user,
        to,
        id: this.#lastId,
        isAccepted: false,
        receipts: 0,
        deliveries: [],
      };
      this.#parts.messages.set(`${message.from}:${message.id}`, message);
      this.#outbox.push(message);
    }
    while (this.#sent < Math.min(PIPELINE, this.#outbox.length)) {
      const { to, id } = this.#outbox[this.#sent] as Message;
      if (this.#sent === 0) this.#askedMs = performance.now();
      this.#sent += 1;
      this.#connection?.say(framesOf({ type: FrameType.Send, to, id, payload: Buffer.from(`${id}`) }));
    }
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case FrameType.Welcome:
        this.#isIn = true;
        this.#firstId = frame.firstId;
        this.#write();
        break;
      case FrameType.Accepted:
        this.#answered(frame.id, true);
        break;
      case FrameType.Error:
        if (frame.reference > 0) this.#refused(frame.reference, frame.code);
        break;
      case FrameType.Deliver:
        this.#delivered(frame.from, frame.id, frame.flags !== 0);
        this.#acknowledge(frame.sequence);
        break;
      case FrameType.Receipt: {
        const message = this.#parts.messages.get(`${this.#user}:${frame.id}`);
        if (message) message.receipts += 1;
        this.#acknowledge(frame.sequence);
        break;
      }
    }
  }

  #answered(id: number, isAccepted: boolean): void {
    const at = this.#outbox.findIndex((message) => message.id === id);
    const [message] = this.#outbox.splice(at, at < 0 ? 0 : 1);
    if (!message) return;
    message.isAccepted = isAccepted;
    this.#sent -= 1;
    this.#askedMs = performance.now();
    this.#write();
  }

  #refused(id: number, code: number): void {
    if (code === ReasonCode.IdSkipped) {
      this.#answered(id, false);
      return;
    }
    // Behind those that were sent after it, it would be skipped: it begins anew with this one.
    setTimeout(() => this.leave(), 50);
  }

  #delivered(from: number, id: number, isMarked: boolean): void {
    const { messages, violated } = this.#parts;
    const message = messages.get(`${from}:${id}`);
    if (!message) {
      violated(`user ${this.#user} was sent ${from}:${id}, which nobody has sent`);
      return;
    }
    if (message.deliveries.length > 0 && !isMarked)
      violated(`${from}:${id} came to ${this.#user} again, unmarked`);
    if (message.deliveries.length === 0) {
      for (const other of messages.values())
        if (other.from === from && other.to === this.#user && other.id > id && other.deliveries.length > 0)
          violated(`${from}:${id} came to ${this.#user} behind ${other.id}`);
    }
    message.deliveries.push(isMarked);
  }

  #acknowledge(sequence: number): void {
    const { random } = this.#parts;
    if (sequence <= this.#received)
      this.#parts.violated(`user ${this.#user} was sent ${sequence} behind ${this.#received}`);
    this.#received = sequence;
    const connection = this.#connection;
    const delayMs = random.next() < 0.1 ? 1000 * random.next() : 10 * random.next();
    setTimeout(() => {
      if (this.#connection !== connection || this.#received <= this.#acknowledged) return;
      this.#acknowledged = this.#received;
      connection?.say(framesOf({ type: FrameType.Ack, sequence: this.#received }));
    }, delayMs);
  }
}

/** Both ends of a connection, with a way between them. */
class Connection implements Wire {
  readonly writableLength = 0;
  readonly #connect: SimulatedUserParts['connect'];
  readonly #onFrame: (frame: Frame) => void;
  readonly #onClosed: () => void;
  #server: ReturnType<SimulatedUserParts['connect']>;
  #isOver = false;

  constructor({ connect }: SimulatedUserParts, onFrame: (frame: Frame) => void, onClosed: () => void) {
    this.#connect = connect;
    this.#onFrame = onFrame;
    this.#onClosed = onClosed;
  }

  open(): boolean {
    this.#server = this.#connect(this);
    return this.#server !== undefined;
  }

  say(bytes: Buffer): void {
    this.#later(() => this.#server?.session.received(bytes));
  }

  /** By the client. */
  cut(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const server = this.#server;
    setTimeout(() => {
      if (server?.isAlive()) server.session.closed();
    }, WAY_MS);
    this.#onClosed();
  }

  /** By the death of the server. */
  lost(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onClosed();
  }

  write(bytes: Buffer): boolean {
    const copy = Buffer.from(bytes);
    this.#later(() => {
      decodeFrames(copy, 1 << 20, (frame) => {
        if (!this.#isOver) this.#onFrame(frame);
        return true;
      });
    });
    return true;
  }

  pause(): void {
    // What is on its way comes all the same.
  }

  resume(): void {
    // As above.
  }

  end(): void {
    this.#later(() => this.cut());
  }

  destroy(): void {
    this.end();
  }

  #later(run: () => void): void {
    setTimeout(() => {
      if (!this.#isOver && this.#server?.isAlive()) run();
    }, WAY_MS);
  }
}
