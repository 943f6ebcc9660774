import { connect, type Socket } from 'node:net';
import { FrameDecoder } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import { type Frame, FrameType, LARGEST_BODY_BYTES, reasonName } from '../../protocol/frame.js';
import { loginFrames } from './raw-client.js';

export interface BystanderListener {
  accepted(dueMs: number): void;
  delivered(from: number, id: number): void;
  refused(reason: string, from: number, id: number): void;
  /** The server, or the fault of it, has ended the connection. */
  cut(reason: string): void;
}

interface Unanswered {
  dueMs: number;
  frame: Buffer;
}

const AGAIN_AFTER_MS = 100;

/**
 * A user as users are: writes now and then, acknowledges what comes, and connects again when cut off. What was not
 * answered by then is sent again with the same id, as the protocol asks for.
 */
export class Bystander {
  readonly user: number;
  readonly #port: number;
  readonly #listener: BystanderListener;
  readonly #unanswered = new Map<number, Unanswered>();
  #socket: Socket | undefined;
  #isIn = false;
  #isLeaving = false;
  #id = 0;
  #lastReason = '';

  constructor(user: number, port: number, listener: BystanderListener) {
    this.user = user;
    this.#port = port;
    this.#listener = listener;
  }

  /** Due times of what was sent and has no answer. */
  get unanswered(): Iterable<Unanswered> {
    return this.#unanswered.values();
  }

  get isIn(): boolean {
    return this.#isIn;
  }

  connect(): void {
    const decoder = new FrameDecoder(LARGEST_BODY_BYTES);
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    this.#lastReason = 'without a word';
    socket.once('connect', () => socket.write(loginFrames(this.user)));
    socket.on('data', (bytes) => {
      let highest = 0;
      decoder.push(bytes, (frame) => {
        highest = Math.max(highest, this.#take(frame));
        return true;
      });
      if (highest > 0) socket.write(encodeFrame({ type: FrameType.Ack, sequence: highest }));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (this.#lastReason === 'without a word') this.#lastReason = error.code ?? error.message;
    });
    socket.once('close', () => {
      this.#isIn = false;
      if (this.#isLeaving) return;
      this.#listener.cut(this.#lastReason);
      setTimeout(() => this.connect(), AGAIN_AFTER_MS);
    });
  }

  /** @returns the id of the message */
  send(to: number, payload: Buffer, dueMs: number): number {
    this.#id += 1;
    const frame = encodeFrame({ type: FrameType.Send, to, id: this.#id, payload });
    this.#unanswered.set(this.#id, { dueMs, frame });
    if (this.#isIn) this.#socket?.write(frame);
    return this.#id;
  }

  leave(): void {
    this.#isLeaving = true;
    this.#socket?.destroy();
  }

  /** @returns the sequence to acknowledge, or 0 */
  #take(frame: Frame): number {
    switch (frame.type) {
      case FrameType.Welcome:
        this.#isIn = true;
        for (const { frame: again } of this.#unanswered.values()) this.#socket?.write(again);
        return 0;
      case FrameType.Accepted: {
        const message = this.#unanswered.get(frame.id);
        if (message) this.#listener.accepted(message.dueMs);
        this.#unanswered.delete(frame.id);
        return 0;
      }
      case FrameType.Deliver:
        this.#listener.delivered(frame.from, frame.id);
        return frame.sequence;
      case FrameType.Receipt:
        return frame.sequence;
      case FrameType.Error:
        this.#refuse(reasonName(frame.code), frame.reference);
        return 0;
      case FrameType.Goodbye:
        this.#lastReason = 'GOODBYE';
        return 0;
      default:
        return 0;
    }
  }

  #refuse(reason: string, id: number): void {
    if (this.#unanswered.delete(id)) this.#listener.refused(reason, this.user, id);
    else this.#lastReason = reason;
  }
}
