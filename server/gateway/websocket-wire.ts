import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { type Listened, onClose, onDrain, type Wire, type WireListener } from './wire.js';

/** A message of one byte takes seven on the wire; of more than a few bytes, hardly more than it has. */
const LOGIN_FRAMING = 2;

/** A stranger that is cut off has this long to read why, and cannot come again sooner. */
const STRANGER_LEAVE_MS = 1000;

/** The mask and the shortest header of a frame, and what longer lengths add to it: RFC 6455, section 5.2. */
const FRAME_BYTES = 6;
const MEDIUM_FROM = 126;
const MEDIUM_BYTES = 2;
const LONG_FROM = 65_536;
const LONG_BYTES = 8;

/** Behind a whole message no more than this is looked for: headers of fragments cannot be told from a beginning. */
const SMALL_BYTES = 1024;

/** WebSocket: the payloads of binary messages, one behind the other, are the stream. */
export class WebSocketWire implements Wire {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  #listener: WireListener | undefined;
  /** What HELLO and LOGIN may still have; 0: done with. */
  #loginBytes = 0;
  #hadMessage = false;
  /** Bytes of a message whose end has not come; about, since only whole ones are seen. Below 0 while a chunk is read. */
  #unfinished = 0;

  constructor(webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  /** @param loginBytes what HELLO and LOGIN may have, as bytes of their messages */
  listen(listener: WireListener, loginBytes: number): void {
    this.#listener = listener;
    this.#loginBytes = loginBytes * LOGIN_FRAMING;
    (this.#webSocket as Wired<WebSocket>).c2mWire = this;
    (this.#socket as Wired<Socket>).c2mWire = this;
    (this.#webSocket as Listened<WebSocket>).c2mListener = listener;
    (this.#socket as Listened<Socket>).c2mListener = listener;
    this.#webSocket.on('message', onMessage);
    this.#webSocket.on('ping', onControl);
    this.#webSocket.on('pong', onControl);
    this.#webSocket.on('error', onError);
    this.#webSocket.on('close', onClose);
    this.#socket.on('drain', onDrain);
    // Behind what takes the messages out: those of this chunk have been handled.
    this.#socket.on('data', onChunk);
  }

  get unfinishedBytes(): number {
    return Math.max(0, this.#unfinished);
  }

  write(bytes: Buffer): boolean {
    // The peer has said that it reads nothing more: ws would count what is sent all the same as waiting for ever.
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return true;
    this.#webSocket.send(bytes);
    return !this.#socket.writableNeedDrain;
  }

  get writableLength(): number {
    return this.#webSocket.bufferedAmount;
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  end(): void {
    this.#webSocket.close(1000);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  /** Hot path. */
  message(data: Buffer, isBinary: boolean): void {
    const had = this.#unfinished > 0;
    this.#hadMessage = true;
    this.#takenOut(data.length);
    // What is kept now has not stood for long.
    if (had) this.#listener?.unfinished();
    if (isBinary) this.#listener?.received(data);
    else this.#listener?.violated('a text message; frames travel in binary messages');
  }

  control(data: Buffer): void {
    this.#takenOut(data.length);
  }

  violated(reason: string): void {
    this.#listener?.violated(reason);
  }

  /** Hot path. */
  chunk({ length }: Buffer): void {
    if (this.#loginBytes > 0) this.#boundLogin(length);
    // Behind the end nothing is kept.
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const had = this.unfinishedBytes;
    this.#unfinished = Math.max(0, this.#unfinished + length);
    if (this.#hadMessage && this.#unfinished < SMALL_BYTES) this.#unfinished = 0;
    // What is behind the end of a message came with it.
    if (this.#hadMessage) this.#unfinished = Math.min(this.#unfinished, length);
    this.#hadMessage = false;
    if (this.#unfinished !== had) this.#listener?.unfinished();
  }

  /** The chunk with its end is added when it was handled. */
  #takenOut(bytes: number): void {
    const more = bytes >= LONG_FROM ? LONG_BYTES : bytes >= MEDIUM_FROM ? MEDIUM_BYTES : 0;
    this.#unfinished -= FRAME_BYTES + more + bytes;
  }

  /** A message is handed on when all of it is there, and may be a megabyte long: before the login it may not. */
  #boundLogin(bytes: number): void {
    if (this.#listener?.isLoggedIn) {
      this.#loginBytes = 0;
      return;
    }
    this.#loginBytes -= bytes;
    if (this.#loginBytes > 0) return;
    this.#loginBytes = 0;
    this.#listener?.tooLongForLogin();
    this.cutOff(STRANGER_LEAVE_MS);
  }

  /** Else the rest of a message would be gathered, or read for nothing, for as long as it takes the peer to leave. */
  cutOff(leaveMs: number): void {
    this.#socket.removeAllListeners('data');
    this.#socket.pause();
    setTimeout(() => this.#socket.destroy(), leaveMs).unref();
  }
}

/** One property, so that the handlers below are shared by all. */
type Wired<T> = T & { c2mWire: WebSocketWire };

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  (this as Wired<WebSocket>).c2mWire.message(data, isBinary);
}

function onControl(this: WebSocket, data: Buffer): void {
  (this as Wired<WebSocket>).c2mWire.control(data);
}

function onChunk(this: Socket, chunk: Buffer): void {
  (this as Wired<Socket>).c2mWire.chunk(chunk);
}

function onError(this: WebSocket, error: Error): void {
  (this as Wired<WebSocket>).c2mWire.violated(error.message);
}
