import { encodeFrame } from '../../protocol/encode.js';
import { FrameType } from '../../protocol/frame.js';
import { type AttackContext, inLanes } from './attack-context.js';
import { RawClient } from './raw-client.js';

/** What is written at a time; small frames go together, since it is the server's work that is to be large. */
const BATCH_BYTES = 65_536;
const BIG_PAYLOAD_BYTES = 65_536 - 16;
const USER = 1000;
const AWAY = 100_000;
const USERS_AWAY = 500;
/** Enough for gigabytes a second nowhere: what is written to a disk is bounded. */
const MOST_BIG_SENDS = 40_000;

/** A client that says again and again that it has taken nothing yet. */
export async function acknowledgeZero(context: AttackContext): Promise<void> {
  const frame = encodeFrame({ type: FrameType.Ack, sequence: 0 });
  const { batch, count } = repeated(frame);
  await inLanes(8, context, async (lane) => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER + lane);
    while (client?.isOpen && !context.isOver()) {
      await client.write(batch);
      context.tally.did('ACK 0', count);
    }
    client?.leave();
  });
}

export function bigSendsToOthers(context: AttackContext): Promise<void> {
  return bigSends(context, (_user, id) => AWAY + (id % USERS_AWAY));
}

/** They come back, and are never acknowledged. */
export function bigSendsToItself(context: AttackContext): Promise<void> {
  return bigSends(context, (user) => user);
}

/** Messages of 64 KB as fast as the socket takes them. */
async function bigSends(context: AttackContext, to: (user: number, id: number) => number): Promise<void> {
  const payload = Buffer.alloc(BIG_PAYLOAD_BYTES, 'x');
  const ids = new Map<number, number>();
  let sent = 0;
  await inLanes(8, context, async (lane) => {
    const user = USER + lane;
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, user);
    while (client?.isOpen && !context.isOver() && sent < MOST_BIG_SENDS) {
      const id = (ids.get(user) ?? 0) + 1;
      ids.set(user, id);
      sent += 1;
      await client.write(encodeFrame({ type: FrameType.Send, to: to(user, id), id, payload }));
      context.tally.did('SEND of 64 KB');
    }
    if (sent >= MOST_BIG_SENDS) await context.over;
    client?.leave();
  });
}

/** PINGs on many connections that read none of the answers. */
export async function unreadPings(context: AttackContext, connections: number): Promise<void> {
  const { batch, count } = repeated(encodeFrame({ type: FrameType.Ping, nonce: 7 }));
  await inLanes(connections, context, async (lane) => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER + lane);
    client?.stopReading();
    while (client?.isOpen && !context.isOver()) {
      await client.write(batch);
      context.tally.did('PING', count);
    }
    client?.leave();
  });
}

/** Big messages to users who are connected and read nothing. */
export async function slowReaders(context: AttackContext): Promise<void> {
  const readers = 50;
  const payload = Buffer.alloc(BIG_PAYLOAD_BYTES, 'x');
  let sent = 0;
  let id = 0;
  const reading = inLanes(readers, context, async (lane) => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, AWAY + lane);
    client?.stopReading();
    if (client) await Promise.race([client.closed, context.over]);
    client?.leave();
  });
  const writing = inLanes(1, context, async () => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER);
    while (client?.isOpen && !context.isOver() && sent < MOST_BIG_SENDS) {
      id += 1;
      sent += 1;
      await client.write(encodeFrame({ type: FrameType.Send, to: AWAY + (id % readers), id, payload }));
      context.tally.did('SEND of 64 KB');
    }
    if (sent >= MOST_BIG_SENDS) await context.over;
    client?.leave();
  });
  await Promise.all([reading, writing]);
}

function repeated(frame: Buffer): { batch: Buffer; count: number } {
  const count = Math.floor(BATCH_BYTES / frame.length);
  return { batch: Buffer.concat(Array.from({ length: count }, () => frame)), count };
}
