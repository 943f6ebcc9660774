import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, ReasonCode } from '../../protocol/frame.js';

/** What a peer is told over HTTP before its connection ends. */
export function httpRefusal(status: number, reason: string): Buffer {
  const body = `${reason}\n`;
  return Buffer.from(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** What a peer is told that does not speak HTTP, where HTTP is due. */
export const BAD_REQUEST = httpRefusal(400, 'this is no HTTP request');

/** The last word of a server that has no room for a connection. */
export const OVERLOADED = encodeFrame({
  type: FrameType.Error,
  code: ReasonCode.Overloaded,
  reference: 0,
  reason: 'the server has as many connections as it takes; try again later',
});

/** A fatal alert, handshake_failure: RFC 8446, section 6. */
export const TLS_ALERT = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]);

/** A peer that was told has this long to read it and to leave. */
const LINGER_MS = 1000;

/**
 * Says a last word to a connection that never became a session. Closing at once would discard the word: the kernel
 * answers what still comes in with a reset, and the peer forgets what it has not read.
 */
export function partWith(socket: Duplex | undefined, lastWord: Buffer): void {
  if (!socket || socket.destroyed) return;
  socket.on('error', () => undefined);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(lastWord);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
