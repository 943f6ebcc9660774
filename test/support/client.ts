import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { FrameDecoder } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import {
  type Frame,
  FrameType,
  LARGEST_BODY_BYTES,
  PROTOCOL_VERSION,
  type WelcomeFrame,
} from '../../protocol/frame.js';

export interface Address {
  protocol: 'tcp' | 'tls' | 'ws' | 'wss';
  host: string;
  port: number;
}

type FrameOf<T extends Frame['type']> = Extract<Frame, { type: T }>;

/** A client for tests: says what it is told to, and remembers every frame until a test asks for it. */
export class TestClient {
  readonly closed: Promise<void>;
  readonly #carrier: Socket | WebSocket;
  readonly #decoder = new FrameDecoder(LARGEST_BODY_BYTES);
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;
  #isClosed = false;
  #lastNonce = 0;

  private constructor(carrier: Socket | WebSocket) {
    this.#carrier = carrier;
    carrier.on(carrier instanceof WebSocket ? 'message' : 'data', (chunk: Buffer) => {
      this.#decoder.push(chunk, (frame) => {
        // Payloads are views into a buffer that is reused.
        this.#frames.push('payload' in frame ? { ...frame, payload: Buffer.from(frame.payload) } : frame);
        return true;
      });
      this.#wake();
    });
    carrier.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      carrier.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Opens a connection and says nothing. */
  static async connect(address: Address): Promise<TestClient> {
    const { protocol, host, port } = address;
    if (protocol === 'ws' || protocol === 'wss') {
      const webSocket = new WebSocket(`${protocol}://${host}:${port}`, 'c2m.v1', {
        rejectUnauthorized: false,
      });
      const client = new TestClient(webSocket);
      await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject));
      return client;
    }
    const socket =
      protocol === 'tls' ? connectTls({ host, port, rejectUnauthorized: false }) : connectTcp({ host, port });
    const client = new TestClient(socket);
    await new Promise((resolve, reject) =>
      socket
        .once(protocol === 'tls' ? 'secureConnect' : 'connect', () => resolve(undefined))
        .once('error', reject),
    );
    return client;
  }

  /** Connects, logs in and waits for WELCOME. */
  static async login(
    address: Address,
    user: number,
    token = '',
  ): Promise<TestClient & { welcome: WelcomeFrame }> {
    const client = await TestClient.connect(address);
    client.say({ type: FrameType.Hello, version: PROTOCOL_VERSION }, { type: FrameType.Login, user, token });
    return Object.assign(client, { welcome: await client.next(FrameType.Welcome) });
  }

  say(...frames: Frame[]): void {
    this.sayBytes(Buffer.concat(frames.map(encodeFrame)));
  }

  sayBytes(bytes: Buffer): void {
    if (this.#carrier instanceof WebSocket) this.#carrier.send(bytes);
    else this.#carrier.write(bytes);
  }

  /** Bytes below the framing of a WebSocket. */
  sayRaw(bytes: Buffer): void {
    (this.#carrier as unknown as { _socket: Socket })._socket.write(bytes);
  }

  sayText(text: string): void {
    (this.#carrier as WebSocket).send(text);
  }

  send(to: number, id: number, text: string): void {
    this.say({ type: FrameType.Send, to, id, payload: Buffer.from(text) });
  }

  /** Makes a group, or changes it, and waits for the answer. */
  async setGroup(group: number, members: number[], id = 1_000_000 + group): Promise<void> {
    this.say({ type: FrameType.Group, id, group, members });
    const answer = await this.next(FrameType.Accepted);
    if (answer.id !== id) throw new Error(`GROUP ${id} was answered with ${answer.id}`);
  }

  sendToGroup(group: number, id: number, text: string): void {
    this.say({ type: FrameType.GroupSend, group, id, payload: Buffer.from(text) });
  }

  acknowledge(sequence: number): void {
    this.say({ type: FrameType.Ack, sequence });
  }

  /** The next frame, which must be of this type. */
  async next<T extends Frame['type']>(type: T): Promise<FrameOf<T>> {
    const frame = await this.nextFrame(`frame 0x${type.toString(16)}`);
    if (frame.type !== type) throw new Error(`expected 0x${type.toString(16)}, got ${JSON.stringify(frame)}`);
    return frame as FrameOf<T>;
  }

  async nextFrame(expected = 'a frame'): Promise<Frame> {
    while (this.#frames.length === 0) {
      if (this.#isClosed) throw new Error(`the connection closed while waiting for ${expected}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#frames.shift() as Frame;
  }

  /**
   * What the server has sent until now, PONGs left out. Two PINGs, because the answers of an event-loop turn
   * may come behind the PONG of that turn, never behind that of the next.
   */
  async settle(): Promise<Frame[]> {
    for (let round = 0; round < 2; round += 1) {
      this.#lastNonce += 1;
      const nonce = this.#lastNonce;
      this.say({ type: FrameType.Ping, nonce });
      while (!this.#frames.some((frame) => frame.type === FrameType.Pong && frame.nonce === nonce)) {
        if (this.#isClosed) throw new Error('the connection closed');
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    return this.#frames.splice(0).filter((frame) => frame.type !== FrameType.Pong);
  }

  /** What the kernel has not taken of what was said. */
  get unsentBytes(): number {
    return this.#carrier instanceof WebSocket ? this.#carrier.bufferedAmount : this.#carrier.writableLength;
  }

  pauseReading(): void {
    this.#carrier.pause();
  }

  /** Breaks the connection without a goodbye. */
  async cut(): Promise<void> {
    if (this.#carrier instanceof WebSocket) this.#carrier.terminate();
    else this.#carrier.destroy();
    await this.closed;
  }
}
