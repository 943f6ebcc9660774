import { connect, type Socket } from 'node:net';
import { FrameDecoder } from '../protocol/decode.js';
import { encodeFrame } from '../protocol/encode.js';
import {
  FLAG_REDELIVERY,
  FLAG_UNDELIVERED,
  type Frame,
  FrameType,
  GoodbyeCode,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  ReasonCode,
} from '../protocol/frame.js';

/** Codes from here on answer one message; those below end the connection. */
const FIRST_ANSWER_CODE = 0x100;

/** Between the end of a connection and the next try, at least; as much again by chance. */
const RECONNECT_MS = 40;

/** What a client tells of what it hears. Users are numbered from 1, as on the wire. */
export interface CrashClientListener {
  accepted(user: number, id: number): void;
  refused(user: number, id: number, reason: string): void;
  handed(
    user: number,
    message: {
      from: number;
      id: number;
      payload: Buffer;
      isRedelivery: boolean;
      group: number | undefined;
      number: number | undefined;
    },
  ): void;
  receipted(user: number, id: number, by: number, isUndelivered: boolean): void;
  /** An item came out of turn: the items of a mailbox are counted without gaps. */
  gap(user: number, sequence: number, expected: number): void;
  /** The server ended the connection and said why. */
  ended(reason: string): void;
}

/**
 * A client as docs/protocol.md wants it: it keeps what it wrote until the answer, writes it again in the same order
 * after the next login, and acknowledges what comes.
 */
export class CrashClient {
  readonly #user: number;
  readonly #listener: CrashClientListener;
  readonly #unanswered = new Map<number, Buffer>();
  #port: number | undefined;
  #isWanted = false;
  #isLoggedIn = false;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #nextId = 1;
  #heardMs = 0;

  constructor(user: number, listener: CrashClientListener) {
    this.#user = user;
    this.#listener = listener;
  }

  get isLoggedIn(): boolean {
    return this.#isLoggedIn;
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** When anything came last. */
  get heardMs(): number {
    return this.#heardMs;
  }

  takeId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  /** Where the server is now; undefined: nowhere. */
  moveTo(port: number | undefined): void {
    this.#port = port;
    this.#reconnectSoon(0);
  }

  /** Logs in, and again whenever the connection ends. */
  comeBack(): void {
    this.#isWanted = true;
    this.#reconnectSoon(0);
  }

  /** @param isPolite with GOODBYE; otherwise the connection is torn */
  goAway(isPolite: boolean): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    if (!socket) return;
    if (isPolite && this.#isLoggedIn) {
      socket.end(encodeFrame({ type: FrameType.Goodbye, code: GoodbyeCode.Normal }));
    } else socket.destroy();
    this.#forget(socket);
  }

  /** Writes it now or after the next login, and until it is answered. `frame` has the id `id`. */
  write(id: number, frame: Frame): void {
    const bytes = encodeFrame(frame);
    this.#unanswered.set(id, bytes);
    if (this.#isLoggedIn) this.#socket?.write(bytes);
  }

  #reconnectSoon(afterMs: number): void {
    if (!this.#isWanted || this.#socket || this.#port === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), afterMs);
  }

  #connect(): void {
    if (!this.#isWanted || this.#socket || this.#port === undefined) return;
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#socket = socket;
    const decoder = new FrameDecoder(LARGEST_BODY_BYTES);
    const state = { sequence: 0 };
    socket.once('connect', () => {
      socket.write(encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }));
      socket.write(encodeFrame({ type: FrameType.Login, user: this.#user, token: '' }));
    });
    socket.on('data', (bytes) => {
      if (this.#socket !== socket) return;
      this.#heardMs = performance.now();
      const before = state.sequence;
      decoder.push(bytes, (frame) => {
        this.#hear(frame, state);
        return this.#socket === socket;
      });
      if (state.sequence !== before && this.#socket === socket) {
        socket.write(encodeFrame({ type: FrameType.Ack, sequence: state.sequence }));
      }
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#forget(socket);
      this.#reconnectSoon(RECONNECT_MS * (1 + Math.random()));
    });
  }

  #forget(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#isLoggedIn = false;
  }

  #hear(frame: Frame, state: { sequence: number }): void {
    switch (frame.type) {
      case FrameType.Welcome: {
        // A server that wants ids from a certain one on says so here.
        const { firstId } = frame as { firstId?: number };
        this.#nextId = Math.max(this.#nextId, firstId ?? 1);
        this.#isLoggedIn = true;
        for (const bytes of this.#unanswered.values()) this.#socket?.write(bytes);
        return;
      }
      case FrameType.Accepted:
        this.#unanswered.delete(frame.id);
        this.#listener.accepted(this.#user, frame.id);
        return;
      case FrameType.Error: {
        const reason = nameOf(frame.code);
        if (frame.code < FIRST_ANSWER_CODE) {
          this.#listener.ended(reason);
          return;
        }
        this.#unanswered.delete(frame.reference);
        this.#listener.refused(this.#user, frame.reference, reason);
        return;
      }
      case FrameType.Deliver:
      case FrameType.GroupDeliver: {
        this.#count(frame.sequence, state);
        const isGroup = frame.type === FrameType.GroupDeliver;
        this.#listener.handed(this.#user, {
          from: frame.from,
          id: frame.id,
          payload: frame.payload as Buffer,
          isRedelivery: (frame.flags & FLAG_REDELIVERY) !== 0,
          group: isGroup ? frame.group : undefined,
          number: isGroup ? frame.number : undefined,
        });
        return;
      }
      case FrameType.Receipt:
      case FrameType.GroupReceipt: {
        this.#count(frame.sequence, state);
        const isUndelivered = frame.type === FrameType.GroupReceipt && (frame.flags & FLAG_UNDELIVERED) !== 0;
        this.#listener.receipted(this.#user, frame.id, frame.by, isUndelivered);
        return;
      }
      case FrameType.Goodbye:
        this.#socket?.end();
    }
  }

  #count(sequence: number, state: { sequence: number }): void {
    if (state.sequence !== 0 && sequence !== state.sequence + 1) {
      this.#listener.gap(this.#user, sequence, state.sequence + 1);
    }
    state.sequence = sequence;
  }
}

function nameOf(code: number): string {
  return Object.entries(ReasonCode).find(([, each]) => each === code)?.[0] ?? `code ${code}`;
}
