import type { Duplex } from 'node:stream';

/** What a peer is told that does not speak HTTP, where HTTP is due. */
export const BAD_REQUEST = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
);

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
