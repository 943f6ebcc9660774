import { hash, randomFillSync } from 'node:crypto';
import type { TcpCounters } from '../../../record/tcp-counters.js';
import type { Endpoint } from '../../agent-messages.js';
import type { Transport, TransportListener } from '../transport.js';
import { agreesToDeflate, deflateMessage, inflateMessage } from './message-deflate.js';
import {
  COMPRESSED_BIT,
  LARGEST_HEADER_BYTES,
  Opcode,
  readFrames,
  WebSocketError,
  writeFrame,
} from './websocket-frame.js';
import { headerOf, upgradeRequest, type WebSocketOptions } from './websocket-request.js';

/** Section 1.3 of RFC 6455. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY_BYTES = 16;
const MOST_RESPONSE_BYTES = 8192;
const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8]);
const SCRATCH_BYTES = 16 * 1024;
/** Of one message, where messages have to be whole. */
const MOST_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Codes that say no more than that it is over (section 7.4.1): done, going away, none given. */
const PLAIN_CLOSURES: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** `Leaving`: the client has closed, and what the server still sends counts; `Closing`: the server has. */
const State = { Closed: 0, Handshaking: 1, Open: 2, Leaving: 3, Closing: 4 } as const;

/** A message that comes in parts and has to be whole. */
interface Parts {
  chunks: Buffer[];
  bytes: number;
  isCompressed: boolean;
}

/**
 * The client's side of WebSocket (RFC 6455) over any other transport: handshake, masked messages, ping and close. A
 * client that is open and idle has no object.
 */
export class WebSocketTransport implements Transport, TransportListener {
  readonly #listener: TransportListener;
  readonly #options: WebSocketOptions;
  readonly #opcode: number;
  readonly #state: Uint8Array;
  /** Clients whose server has agreed to compress; undefined: none is asked. */
  readonly #isDeflating: Uint8Array | undefined;
  /** Where to, of the clients that have yet to ask; and the accept values that are awaited. */
  readonly #endpoints = new Map<number, Endpoint>();
  readonly #awaited = new Map<number, string>();
  /** Beginnings of frames, or of responses: few clients have one at any time. */
  readonly #rests = new Map<number, Buffer>();
  readonly #parts = new Map<number, Parts>();
  readonly #reasons = new Map<number, string>();
  #streams: Transport | undefined;
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #key = Buffer.alloc(KEY_BYTES);
  /** Client whose frames are being read. */
  #current = 0;

  constructor(clients: number, options: WebSocketOptions, listener: TransportListener) {
    this.#listener = listener;
    this.#options = options;
    this.#opcode = options.messages === 'text' ? Opcode.Text : Opcode.Binary;
    this.#state = new Uint8Array(clients);
    this.#isDeflating = options.compression ? new Uint8Array(clients) : undefined;
  }

  /** What carries the bytes and its listener know each other: it is given once both exist. */
  use(streams: Transport): void {
    this.#streams = streams;
  }

  counters(): TcpCounters | undefined {
    return this.#streams?.counters?.();
  }

  open(client: number, endpoint: Endpoint, sourceAddress: string | undefined): void {
    this.#endpoints.set(client, endpoint);
    this.#streams?.open(client, endpoint, sourceAddress);
  }

  /** Hot path. One message. */
  send(client: number, bytes: Buffer): boolean {
    if (this.#state[client] !== State.Open) return true;
    if (this.#isDeflating?.[client] === 1) this.#writeDeflated(client, bytes);
    else this.#write(client, this.#opcode, bytes);
    return true;
  }

  /** Says that it closes, then does. */
  end(client: number): void {
    const isOpen = this.#state[client] === State.Open;
    if (isOpen) this.#write(client, Opcode.Close, NORMAL_CLOSURE);
    this.#state[client] = isOpen ? State.Leaving : State.Closing;
    this.#streams?.end(client);
  }

  pause(client: number): void {
    this.#streams?.pause?.(client);
  }

  resume(client: number): void {
    this.#streams?.resume?.(client);
  }

  cut(client: number): void {
    this.#streams?.cut(client);
  }

  /** The connection stands: asks for the upgrade. */
  opened(client: number): void {
    const endpoint = this.#endpoints.get(client);
    this.#endpoints.delete(client);
    if (!endpoint) return;
    const key = randomFillSync(this.#key).toString('base64');
    this.#awaited.set(client, hash('sha1', key + ACCEPT_GUID, 'base64'));
    this.#state[client] = State.Handshaking;
    this.#streams?.send(client, Buffer.from(upgradeRequest(endpoint, key, this.#options)));
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
    this.#endpoints.delete(client);
    this.#awaited.delete(client);
    this.#rests.delete(client);
    this.#parts.delete(client);
    if (this.#isDeflating) this.#isDeflating[client] = 0;
    const given = this.#reasons.get(client);
    this.#reasons.delete(client);
    this.#listener.closed(client, given ?? reason);
  }

  /** Returns the bytes of the response, and 0 while it is not whole. */
  #readResponse(client: number, available: Buffer): number {
    const end = available.indexOf('\r\n\r\n');
    if (end < 0) {
      if (available.length > MOST_RESPONSE_BYTES) throw new WebSocketError('the response has no end');
      return 0;
    }
    const [status = '', ...lines] = available.toString('latin1', 0, end).split('\r\n');
    if (!status.startsWith('HTTP/1.1 101')) {
      if (!/^HTTP\/1\.[01] \d{3}/.test(status)) throw new WebSocketError('the response is not HTTP');
      this.#fail(client, `Http${status.split(' ', 2)[1]}`);
      return available.length;
    }
    if (headerOf(lines, 'sec-websocket-accept') !== this.#awaited.get(client)) {
      throw new WebSocketError('the response does not answer the key');
    }
    const extensions = headerOf(lines, 'sec-websocket-extensions');
    if (agreesToDeflate(extensions, this.#options.compression) && this.#isDeflating)
      this.#isDeflating[client] = 1;
    this.#awaited.delete(client);
    this.#state[client] = State.Open;
    this.#listener.opened(client);
    const start = end + 4;
    return start < available.length ? start + this.#readFrames(client, available.subarray(start)) : start;
  }

  #readFrames(client: number, available: Buffer): number {
    this.#current = client;
    return readFrames(available, this.#onFrame, this.#isDeflating?.[client] === 1);
  }

  /** Hot path. */
  readonly #onFrame = (opcode: number, payload: Buffer, isFinal: boolean, isCompressed: boolean): boolean => {
    const client = this.#current;
    switch (opcode) {
      case Opcode.Text:
      case Opcode.Binary:
      case Opcode.Continuation:
        if (this.#state[client] === State.Open || this.#state[client] === State.Leaving)
          this.#takeData(client, payload, isFinal, isCompressed);
        break;
      case Opcode.Ping:
        if (this.#state[client] === State.Open) this.#write(client, Opcode.Pong, payload);
        break;
      case Opcode.Pong:
        break;
      case Opcode.Close:
        this.#serverCloses(client, payload);
        return false;
      default:
        throw new WebSocketError(`opcode ${opcode}`);
    }
    this.#current = client;
    return this.#state[client] !== State.Closed;
  };

  /** Hot path. Of a stream, messages in parts need no joining: it goes on. */
  #takeData(client: number, payload: Buffer, isFinal: boolean, isCompressed: boolean): void {
    const begun = this.#parts.get(client);
    if (!begun && !isCompressed && (isFinal || this.#options.messages === 'stream')) {
      this.#listener.received(client, payload);
      return;
    }
    const parts = begun ?? { chunks: [], bytes: 0, isCompressed };
    parts.chunks.push(Buffer.from(payload));
    parts.bytes += payload.length;
    if (parts.bytes > MOST_MESSAGE_BYTES) throw new WebSocketError('a message without an end');
    if (!isFinal) {
      this.#parts.set(client, parts);
      return;
    }
    this.#parts.delete(client);
    const whole = Buffer.concat(parts.chunks);
    this.#listener.received(client, parts.isCompressed ? inflateMessage(whole, MOST_MESSAGE_BYTES) : whole);
  }

  #serverCloses(client: number, payload: Buffer): void {
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    if (!PLAIN_CLOSURES.has(code)) this.#reasons.set(client, `Close${code}`);
    if (this.#state[client] === State.Open) this.#write(client, Opcode.Close, payload.subarray(0, 2));
    this.#state[client] = State.Closing;
    this.#listener.ending?.(client);
    this.#streams?.end(client);
  }

  #fail(client: number, reason: string): void {
    this.#reasons.set(client, reason);
    this.#streams?.cut(client);
  }

  #writeDeflated(client: number, bytes: Buffer): void {
    const compressed = deflateMessage(bytes);
    if (compressed) this.#write(client, this.#opcode | COMPRESSED_BIT, compressed);
    else this.#write(client, this.#opcode, bytes);
  }

  #write(client: number, opcode: number, payload: Uint8Array): void {
    const needed = payload.length + LARGEST_HEADER_BYTES;
    if (needed > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(needed);
    // Masks protect proxies from what a browser's page could send (section 10.3); no page wrote this.
    const mask = Math.floor(Math.random() * 0x1_0000_0000);
    const bytes = writeFrame(opcode, payload, mask, this.#scratch);
    const isReusable = this.#streams?.send(client, this.#scratch.subarray(0, bytes));
    if (!isReusable) this.#scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  }
}
