import { connect, type Socket } from 'node:net';
import { FrameDecoder } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import {
  type Frame,
  FrameType,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  reasonName,
} from '../../protocol/frame.js';
import type { Tally } from './tally.js';

const NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name.toUpperCase()]),
);
const CONNECT_TIMEOUT_MS = 10_000;

/** A connection of an attacker: writes what it is given, and counts what comes back and how it ends. */
export class RawClient {
  readonly #socket: Socket;
  readonly #tally: Tally;
  readonly #decoder = new FrameDecoder(LARGEST_BODY_BYTES);
  #isOpen = true;
  /** Called for every frame that comes. */
  onFrame: (frame: Frame) => void = () => undefined;
  readonly closed: Promise<void>;

  private constructor(socket: Socket, tally: Tally) {
    this.#socket = socket;
    this.#tally = tally;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isOpen = false;
        resolve();
      });
    });
    socket.on('data', (bytes) => this.#take(bytes));
  }

  /** Undefined where the connection was refused, which is counted. */
  static async open(port: number, tally: Tally): Promise<RawClient | undefined> {
    const socket = await openSocket(port, tally);
    return socket && new RawClient(socket, tally);
  }

  /** Logs in. Undefined where it was refused. */
  static async loggedIn(port: number, tally: Tally, user: number): Promise<RawClient | undefined> {
    const client = await RawClient.open(port, tally);
    if (!client) return undefined;
    const isIn = await new Promise<boolean>((resolve) => {
      client.onFrame = (frame) => frame.type === FrameType.Welcome && resolve(true);
      client.closed.then(() => resolve(false));
      client.write(loginFrames(user));
    });
    client.onFrame = () => undefined;
    return isIn ? client : undefined;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the kernel has taken it, or the connection is gone. */
  async write(bytes: Buffer): Promise<void> {
    if (!this.#isOpen || this.#socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('drain', done).off('close', done);
        resolve();
      };
      this.#socket.once('drain', done).once('close', done);
    });
  }

  /** Reads nothing any more. */
  stopReading(): void {
    this.#socket.pause();
  }

  leave(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#decoder.push(bytes, (frame) => {
      const name = NAMES.get(frame.type) ?? 'frame';
      this.#tally.told(frame.type === FrameType.Error ? `ERROR ${reasonName(frame.code)}` : name);
      this.onFrame(frame);
      return true;
    });
  }
}

/** A bare connection, the end of which is counted. */
export async function openSocket(port: number, tally: Tally): Promise<Socket | undefined> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  return new Promise((resolve) => {
    let hasFailed = false;
    const timer = setTimeout(() => {
      tally.told('connect unanswered for 10 s');
      socket.destroy();
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      hasFailed = true;
      tally.told(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'reset' : `${error.code}`);
    });
    socket.once('end', () => {
      if (!hasFailed) tally.told('closed');
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

export function loginFrames(user: number, token = ''): Buffer {
  return Buffer.concat([
    encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }),
    encodeFrame({ type: FrameType.Login, user, token }),
  ]);
}
