import type { Socket } from 'node:net';
import { WEBSOCKET_SUBPROTOCOL } from '../../protocol/frame.js';
import { openSocket } from './raw-client.js';
import type { Tally } from './tally.js';

export const UPGRADE_REQUEST =
  `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Protocol: ${WEBSOCKET_SUBPROTOCOL}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
const CLOSE = 0x88;

/** A WebSocket by hand, whose frames may be anything. Undefined where the handshake was refused. */
export async function openWebSocket(port: number, tally: Tally): Promise<Socket | undefined> {
  const socket = await openSocket(port, tally);
  if (!socket) return undefined;
  return new Promise((resolve) => {
    socket.once('data', (head) => {
      const status = head.toString('latin1').split(' ', 2)[1];
      if (status !== '101') tally.told(`HTTP ${status}`);
      socket.on('data', (bytes) => countAnswer(bytes, tally));
      resolve(status === '101' ? socket : undefined);
    });
    socket.once('close', () => resolve(undefined));
    socket.write(UPGRADE_REQUEST);
  });
}

/** Good enough for a server that answers little: looks at the first frame of what came. */
function countAnswer(bytes: Buffer, tally: Tally): void {
  if (bytes[0] === CLOSE && bytes.length >= 4) tally.told(`close ${bytes.readUInt16BE(2)}`);
  else tally.told(`answer 0x${(bytes[5] ?? 0).toString(16)}`);
}

/** The head of a binary message of `length` bytes; its mask is zero, so that the payload is itself. */
export function messageHead(length: number): Buffer {
  if (length < 126) return Buffer.from([0x82, 0x80 | length, 0, 0, 0, 0]);
  const head = Buffer.alloc(14);
  head.writeUInt16BE(0x82ff, 0);
  head.writeUInt32BE(length, 6);
  return head;
}
