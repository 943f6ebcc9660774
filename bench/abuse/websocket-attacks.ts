import { setTimeout as sleep } from 'node:timers/promises';
import { type AttackContext, inLanes } from './attack-context.js';
import { loginFrames } from './raw-client.js';
import { messageHead, openWebSocket } from './raw-websocket.js';

const BIG_MESSAGE_BYTES = 1_000_000;
const LOGIN_BYTES = 65_536;
const USER = 1000;

/** 300 WebSockets, each with a message of 1 MB but for its last byte, before anybody has logged in. */
export function bigMessagesBeforeLogin(context: AttackContext): Promise<void> {
  return holdBigMessages(context, 'message of 1 MB before LOGIN', () => Buffer.alloc(0));
}

/** The same, each behind a login. */
export function unfinishedMessages(context: AttackContext): Promise<void> {
  return holdBigMessages(context, 'message of 1 MB without its end', (lane) => {
    const login = loginFrames(USER + lane);
    return Buffer.concat([messageHead(login.length), login]);
  });
}

async function holdBigMessages(
  context: AttackContext,
  what: string,
  beginning: (lane: number) => Buffer,
): Promise<void> {
  const body = Buffer.alloc(BIG_MESSAGE_BYTES - 1);
  await inLanes(300, context, async (lane) => {
    const socket = await openWebSocket(context.ports.ws, context.tally);
    if (!socket) return;
    socket.write(beginning(lane));
    socket.write(messageHead(BIG_MESSAGE_BYTES));
    socket.write(body);
    context.tally.did(what);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await Promise.race([closed, context.over]);
    socket.destroy();
  });
}

/** A LOGIN of 64 KiB, each byte of which is a WebSocket message. */
export async function loginByteByByte(context: AttackContext): Promise<void> {
  await inLanes(4, context, async (lane) => {
    const socket = await openWebSocket(context.ports.ws, context.tally);
    if (!socket) return;
    const startedMs = performance.now();
    const answered = new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
    socket.write(inMessagesOfOneByte(loginFrames(USER + lane, 't'.repeat(LOGIN_BYTES - 8))));
    context.tally.did('LOGIN byte by byte');
    await Promise.race([answered, context.over]);
    if (performance.now() - startedMs > 1000) context.tally.did('that took longer than 1 s');
    await sleep(10);
    socket.destroy();
  });
}

function inMessagesOfOneByte(bytes: Buffer): Buffer {
  const head = messageHead(1);
  const messages = Buffer.alloc(bytes.length * (head.length + 1));
  bytes.forEach((byte, index) => {
    const at = index * (head.length + 1);
    messages.set(head, at);
    messages[at + head.length] = byte;
  });
  return messages;
}
