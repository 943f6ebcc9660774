import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType } from '../../protocol/frame.js';
import { type AttackContext, inLanes, lasting } from './attack-context.js';
import { RawClient } from './raw-client.js';

/** Frames that go into one write. */
const BATCH = 100;
const USER = 1000;
const NOBODY = 10_000_000;
const MOST_NOBODIES = 1_800_000;
/** Whose mailbox is filled, and whom a friend writes to. */
export const VICTIM = 5000;
/** Longest it may take, and how long the flood goes on when it has. */
const FILL_DISK_MS = 30_000;
const KEEP_ON_MS = 2000;
/** What makes room on a disk that was filled. */
export const BALLAST = 'ballast';

interface Sending {
  lanes: number;
  /** Frames, all lanes together; then the flood rests. */
  most: number;
  what: string;
  frame(count: number, lane: number): Buffer;
}

/** Sends frames that `frame` makes, numbered from 1 on, until there were `most`. */
async function sendMany(context: AttackContext, { lanes, most, what, frame }: Sending): Promise<void> {
  let count = 0;
  await inLanes(lanes, context, async (lane) => {
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER + lane);
    while (client?.isOpen && !context.isOver() && count < most) {
      const frames = Array.from({ length: Math.min(BATCH, most - count) }, () => {
        count += 1;
        return frame(count, lane);
      });
      await client.write(Buffer.concat(frames));
      context.tally.did(what, frames.length);
    }
    if (count >= most) await context.over;
    client?.leave();
  });
}

/** A byte each to users who do not exist. */
export function writeToNobody(context: AttackContext): Promise<void> {
  const payload = Buffer.alloc(1);
  return sendMany(context, {
    lanes: 4,
    most: MOST_NOBODIES,
    what: 'SEND to nobody',
    frame: (id) => encodeFrame({ type: FrameType.Send, to: NOBODY + id, id, payload }),
  });
}

/**
 * 60,000 messages that wait, and between them larger ones that are fetched at once: what is small and stays must not hold
 * the memory of what was large and went.
 */
export async function leaveWaiting(context: AttackContext): Promise<void> {
  const small = Buffer.alloc(100, 'w');
  // Just below what Node allocates in a pool of 8 KiB: two of them and a small one fill it.
  const large = Buffer.alloc(3900, 'l');
  const together = 20;
  const most = 60_000;
  let waiting = 0;
  await inLanes(8, context, async (lane) => {
    const user = USER + lane;
    const client = await RawClient.loggedIn(context.ports.tcp, context.tally, user);
    if (!client) return;
    const inbox = fetchAll(client);
    let id = 0;
    while (client.isOpen && !context.isOver() && waiting < most) {
      const frames: Buffer[] = [];
      for (let count = 0; count < together; count += 1) {
        waiting += 1;
        const to = [NOBODY + (waiting % 600), user, user];
        for (const [index, recipient] of to.entries()) {
          id += 1;
          const payload = index === 0 ? small : large;
          frames.push(encodeFrame({ type: FrameType.Send, to: recipient, id, payload }));
        }
      }
      await client.write(Buffer.concat(frames));
      context.tally.did('messages left waiting', together);
      await Promise.race([inbox.fetched(2 * together), client.closed]);
    }
    if (waiting >= most) await context.over;
    client.leave();
  });
}

/** Acknowledges what comes; `fetched` resolves when so many more messages have. */
function fetchAll(client: RawClient): { fetched(more: number): Promise<void> } {
  let delivered = 0;
  let due = 0;
  let notice: () => void = () => undefined;
  client.onFrame = (frame) => {
    if (frame.type !== FrameType.Deliver && frame.type !== FrameType.Receipt) return;
    client.write(encodeFrame({ type: FrameType.Ack, sequence: frame.sequence }));
    if (frame.type === FrameType.Deliver) delivered += 1;
    if (delivered >= due) notice();
  };
  return {
    fetched: (more) => {
      due += more;
      return new Promise((resolve) => {
        notice = resolve;
        if (delivered >= due) resolve();
      });
    },
  };
}

/** Groups of 256 without end: each is a record that stays. */
export function makeGroups(context: AttackContext): Promise<void> {
  return sendMany(context, {
    lanes: 1,
    most: 60_000,
    what: 'GROUP of 256',
    frame: (id) => {
      const members = Array.from({ length: 256 }, (_, index) => (index === 0 ? USER : NOBODY + id + index));
      return encodeFrame({ type: FrameType.Group, id, group: id, members });
    },
  });
}

/** Everything to one user who is away. */
export function fillMailbox(context: AttackContext): Promise<void> {
  const payload = Buffer.alloc(100, 'f');
  return sendMany(context, {
    lanes: 1,
    most: 1_000_000,
    what: 'SEND to one user',
    frame: (id) => encodeFrame({ type: FrameType.Send, to: VICTIM, id, payload }),
  });
}

/** Fills a small disk with messages until somebody is told, and a little longer; then there is room again. */
export async function fillDisk(context: AttackContext): Promise<void> {
  const payload = Buffer.alloc(16_000, 'd');
  const filling = lasting(context, FILL_DISK_MS);
  const told = ['ERROR StoreFull', 'ERROR StoreFailed'];
  let toldMs = Number.POSITIVE_INFINITY;
  const watching = setInterval(() => {
    if (told.some((name) => context.tally.countOf(name) > 0)) toldMs = Math.min(toldMs, performance.now());
  }, 50);
  const isFull = () => performance.now() > toldMs + KEEP_ON_MS;
  await sendMany(
    { ...filling, isOver: () => filling.isOver() || isFull() },
    {
      lanes: 16,
      most: 20_000,
      what: 'SEND of 16 KB',
      frame: (id) => encodeFrame({ type: FrameType.Send, to: NOBODY + (id % 200), id, payload }),
    },
  );
  clearInterval(watching);
  rmSync(join(context.folder, BALLAST));
  context.tally.did('room made again');
  if (toldMs === Number.POSITIVE_INFINITY) context.tally.fault('nobody was told StoreFull or StoreFailed');
  await context.over;
  await expectRoom(context);
}

/** A message is taken again, within 5 s. */
async function expectRoom(context: AttackContext): Promise<void> {
  const untilMs = performance.now() + 5000;
  const client = await RawClient.loggedIn(context.ports.tcp, context.tally, USER - 1);
  let isAccepted = false;
  if (client) {
    client.onFrame = (frame) => {
      isAccepted ||= frame.type === FrameType.Accepted;
    };
  }
  for (let id = 1; client?.isOpen && !isAccepted && performance.now() < untilMs; id += 1) {
    client.write(encodeFrame({ type: FrameType.Send, to: NOBODY, id, payload: Buffer.alloc(1) }));
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  client?.leave();
  if (!isAccepted) context.tally.fault('there was room on the disk again, and no message was taken in 5 s');
}
