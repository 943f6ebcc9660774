import { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { TURN_BYTES } from './read-share.js';

/** What a session needs of whatever carries its bytes. A TCP or TLS socket is one as it is. */
export interface Wire {
  /** Hands bytes over. False: too much is waiting for the kernel; write no more until `drained`. */
  write(bytes: Buffer): boolean;
  /** Bytes handed over that the kernel has not taken. While there are any, written buffers are still in use. */
  readonly writableLength: number;
  /** Bytes of a unit of its own framing whose end has not come, where it has one. */
  readonly unfinishedBytes?: number;
  /** Stops and starts the arrival of bytes, for a peer that does not read what it is sent. */
  pause(): unknown;
  resume(): unknown;
  /** Takes nothing more in, where a wire would gather it, and ends in `leaveMs`: what was gathered goes only then. */
  cutOff?(leaveMs: number): void;
  /** Sends what is buffered, then closes. */
  end(): unknown;
  destroy(): unknown;
}

/** Who is told what happens on a wire. */
export interface WireListener {
  readonly isLoggedIn: boolean;
  received(bytes: Buffer): void;
  /** `unfinishedBytes` has changed. */
  unfinished(): void;
  /** The peer broke the framing below ours. */
  violated(reason: string): void;
  /** More has come before the login than a login takes. */
  tooLongForLogin(): void;
  /** The kernel has taken everything that was buffered. */
  drained(): void;
  closed(): void;
}

/** A socket or WebSocket that knows who listens: one property, so that the handlers below are shared by all. */
export type Listened<T> = T & { c2mListener: WireListener };

/** All adopted sockets read into this one buffer: Node hands over each read before it makes the next. */
const readBuffer = Buffer.allocUnsafeSlow(TURN_BYTES);

/**
 * A socket over the connection of `accepted` that reads into one buffer with all others, where a server's own socket
 * allocates 64 KiB for each read and gives most of it back: a fifth of the CPU time that a message takes outside the
 * kernel (docs/surprises.md). `accepted` was paused when it came (`pauseOnConnect`), and is used no longer.
 */
export function adoptSocket(accepted: Socket): Socket {
  // Only clients may ask for a buffer by a public name; a Node that has renamed this serves them as before.
  const owner = accepted as unknown as { _handle?: object | null };
  const handle = owner._handle;
  if (!handle) {
    accepted.resume();
    return accepted;
  }
  owner._handle = null;
  const options = { handle, onread: { buffer: readBuffer, callback: onRead } };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}

/** Hears of the end of sockets, for their listeners and for `then`; one for many sockets. */
export function closeListener(then: () => void): (this: Socket) => void {
  return function (this: Socket) {
    onClose.call(this);
    then();
  };
}

/** Connects a TCP or TLS socket with its listener. */
export function listenToSocket(
  socket: Socket,
  listener: WireListener,
  onEnd: (this: Socket) => void = onClose,
): void {
  (socket as Listened<Socket>).c2mListener = listener;
  socket.on('data', onSocketData);
  socket.on('drain', onDrain);
  socket.on('error', onError);
  socket.on('close', onEnd);
}

function onSocketData(this: Socket, bytes: Buffer): void {
  (this as Listened<Socket>).c2mListener.received(bytes);
}

function onRead(this: unknown, bytes: number): boolean {
  (this as Listened<Socket>).c2mListener.received(readBuffer.subarray(0, bytes));
  return true;
}

export function onDrain(this: Socket): void {
  (this as Listened<Socket>).c2mListener.drained();
}

function onError(this: Socket): void {
  // 'close' follows and does the work; without a listener the error would end the process.
}

export function onClose(this: Socket | WebSocket): void {
  (this as Listened<Socket | WebSocket>).c2mListener.closed();
}
