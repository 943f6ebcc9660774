import { createHash, randomBytes } from 'node:crypto';
import { WEBSOCKET_SUBPROTOCOL } from '../../../protocol/frame.js';
import type { TransportListener } from '../transport.js';
import { LARGEST_HEADER_BYTES, Opcode, readFrames, WebSocketError, writeFrame } from './websocket-frame.js';

/** Section 1.3 of RFC 6455. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY_BYTES = 16;
const MOST_RESPONSE_BYTES = 8192;
const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8]);
const SCRATCH_BYTES = 16 * 1024;

const State = { Closed: 0, Handshaking: 1, Open: 2, Closing: 3 } as const;

/** What carries the bytes: a TCP connection a client. */
export interface ByteStreams {
  send(client: number, bytes: Buffer): void;
  end(client: number): void;
  cut(client: number): void;
}

/**
 * The client's side of WebSocket (RFC 6455) over the TCP of this transport: handshake, masked binary messages, ping
 * and close. The payloads of the messages, one behind the other, are the stream; a client that is open and idle has
 * no object.
 */
export class WebSocketClients implements TransportListener {
  readonly #listener: TransportListener;
  readonly #state: Uint8Array;
  /** The accept values that are awaited, of the clients that handshake. */
  readonly #awaited = new Map<number, string>();
  /** Beginnings of frames, or of responses: few clients have one at any time. */
  readonly #rests = new Map<number, Buffer>();
  readonly #reasons = new Map<number, string>();
  #streams: ByteStreams | undefined;
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  /** Client whose frames are being read. */
  #current = 0;

  constructor(clients: number, listener: TransportListener) {
    this.#listener = listener;
    this.#state = new Uint8Array(clients);
  }

  /** The streams and their listener know each other: the streams are given once both exist. */
  use(streams: ByteStreams): void {
    this.#streams = streams;
  }

  /** TCP is established: asks for the upgrade. */
  opened(client: number): void {
    const key = randomBytes(KEY_BYTES).toString('base64');
    this.#awaited.set(client, createHash('sha1').update(key).update(ACCEPT_GUID).digest('base64'));
    this.#state[client] = State.Handshaking;
    this.#streams?.send(
      client,
      Buffer.from(
        'GET / HTTP/1.1\r\nHost: c2m\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ${WEBSOCKET_SUBPROTOCOL}\r\n\r\n`,
        'latin1',
      ),
    );
  }

  /** Hot path. */
  received(client: number, bytes: Buffer): void {
    const rest = this.#rests.get(client);
    if (rest) this.#rests.delete(client);
    const available = rest ? Buffer.concat([rest, bytes]) : bytes;
    try {
      const consumed =
        this.#state[client] === State.Handshaking
          ? this.#readResponse(client, available)
          : this.#readFrames(client, available);
      if (consumed < available.length && this.#state[client] !== State.Closed) {
        this.#rests.set(client, Buffer.from(available.subarray(consumed)));
      }
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#fail(client, 'ServerWebSocketError');
    }
  }

  closed(client: number, reason: string): void {
    this.#state[client] = State.Closed;
    this.#awaited.delete(client);
    this.#rests.delete(client);
    const given = this.#reasons.get(client);
    this.#reasons.delete(client);
    this.#listener.closed(client, given ?? reason);
  }

  /** Hot path. A binary message. */
  send(client: number, bytes: Buffer): void {
    if (this.#state[client] === State.Open) this.#write(client, Opcode.Binary, bytes);
  }

  /** Says that it closes, then does. */
  end(client: number): void {
    if (this.#state[client] === State.Open) this.#write(client, Opcode.Close, NORMAL_CLOSURE);
    this.#state[client] = State.Closing;
    this.#streams?.end(client);
  }

  /** Returns the bytes of the response, and 0 while it is not whole. */
  #readResponse(client: number, available: Buffer): number {
    const end = available.indexOf('\r\n\r\n');
    if (end < 0) {
      if (available.length > MOST_RESPONSE_BYTES) throw new WebSocketError('the response has no end');
      return 0;
    }
    const [status = '', ...lines] = available.toString('latin1', 0, end).split('\r\n');
    if (!status.startsWith('HTTP/1.1 101 ')) {
      this.#fail(client, `Http${status.split(' ', 2)[1] ?? ''}`);
      return available.length;
    }
    const accept = lines.find((line) => /^sec-websocket-accept:/i.test(line));
    if (accept?.slice(accept.indexOf(':') + 1).trim() !== this.#awaited.get(client)) {
      throw new WebSocketError('the response does not answer the key');
    }
    this.#awaited.delete(client);
    this.#state[client] = State.Open;
    this.#listener.opened(client);
    const start = end + 4;
    return start < available.length ? start + this.#readFrames(client, available.subarray(start)) : start;
  }

  #readFrames(client: number, available: Buffer): number {
    this.#current = client;
    return readFrames(available, this.#onFrame);
  }

  /** Hot path. Messages in parts need no joining: the stream goes on. */
  readonly #onFrame = (opcode: number, payload: Buffer): boolean => {
    const client = this.#current;
    switch (opcode) {
      case Opcode.Binary:
      case Opcode.Continuation:
        if (this.#state[client] === State.Open) this.#listener.received(client, payload);
        break;
      case Opcode.Ping:
        this.#write(client, Opcode.Pong, payload);
        break;
      case Opcode.Pong:
        break;
      case Opcode.Close:
        if (this.#state[client] === State.Open) this.#write(client, Opcode.Close, payload.subarray(0, 2));
        this.#state[client] = State.Closing;
        this.#streams?.end(client);
        return false;
      default:
        throw new WebSocketError(`opcode ${opcode}`);
    }
    this.#current = client;
    return this.#state[client] !== State.Closed;
  };

  #fail(client: number, reason: string): void {
    this.#reasons.set(client, reason);
    this.#streams?.cut(client);
  }

  #write(client: number, opcode: number, payload: Uint8Array): void {
    const needed = payload.length + LARGEST_HEADER_BYTES;
    if (needed > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(needed);
    // Masks protect proxies from what a browser's page could send (section 10.3); no page wrote this.
    const mask = Math.floor(Math.random() * 0x1_0000_0000);
    const bytes = writeFrame(opcode, payload, mask, this.#scratch);
    this.#streams?.send(client, this.#scratch.subarray(0, bytes));
  }
}
