import fc from 'fast-check';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { Absences } from '../../../loadgen/agent/absences.js';
import { Conversations } from '../../../loadgen/agent/conversations.js';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import { PayloadMaker } from '../../../loadgen/agent/payload.js';
import { GROUP_BIT } from '../../../loadgen/drivers/driver.js';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import type { Promises } from '../../../record/promises.js';
import { TELLS_ALL } from '../../fixtures/told.js';
import { buffered } from '../../support/output.js';

const RUN = 7;
const payloads = new PayloadMaker(RUN, 64);

type Kind = 'pairs' | 'groups' | 'alone';

interface Delivered {
  from?: number;
  payload?: Buffer;
  isRedelivery?: boolean;
  place?: number;
}

/** Clients 0, 1, 2 … are users 1, 2, 3 …, in conversations of so many. */
function converse(kind: Kind, members: number, promises: Partial<Promises> = {}) {
  const histograms = new IntervalHistograms('talk');
  const absences = new Absences(members);
  const conversations = new Conversations({
    clients: members,
    firstUser: 1,
    kind,
    members,
    promises: { ...TELLS_ALL, ...promises },
    run: RUN,
    payloads,
    histograms,
    absences,
  });
  const bit = kind === 'groups' ? GROUP_BIT : 0;
  /** Sends what is due, as far as there is room; returns to whom, and the number that the driver knows. */
  const flush = (client: number, room = Number.POSITIVE_INFINITY): { to: number; sequence: number }[] => {
    const written: { to: number; sequence: number }[] = [];
    const writeMessage = (_client: number, to: number, sequence: number) => written.push({ to, sequence });
    const hasRoom = (): boolean => written.length < room;
    conversations.writeDue(client, { writeMessage, hasRoom }, buffered());
    return written;
  };
  const say = (client: number, agoMs = 0): { to: number; sequence: number }[] => {
    conversations.add(client, monotonicMs() - agoMs, 64, true);
    return flush(client);
  };
  const payloadOf = (sender: number, sequence: number): Buffer =>
    Buffer.from(payloads.make(64, monotonicMs(), sender + 1, bit + sequence));
  /** Message `sequence` of client 0, if not of another one, comes to `client`. */
  const deliver = (client: number, sequence: number, change: Delivered = {}): void => {
    const { from = 0, payload = payloadOf(from, sequence), isRedelivery = false } = change;
    const place = kind === 'groups' ? (change.place ?? sequence) : undefined;
    conversations.delivered(client, from, sequence, payload, isRedelivery, place);
  };
  const receipt = (by: number, sequence: number): void => conversations.receipted(0, by, sequence);
  /** Highest value of each kind, milliseconds. */
  const latencies = () =>
    Object.fromEntries(
      Object.entries(histograms.take().talk ?? {}).map(([kind, encoded]) => [
        kind,
        decodeFromCompressedBase64(encoded as string).maxValue / 1000,
      ]),
    );
  return {
    conversations,
    absences,
    flush,
    say,
    deliver,
    receipt,
    latencies,
    totals: () => conversations.totals(),
  };
}

test('a group of two is a group, and no pair', () => {
  expect(converse('groups', 2).say(0)).toEqual([{ to: 0, sequence: GROUP_BIT + 1 }]);
  expect(converse('pairs', 2).say(0)).toEqual([{ to: 1, sequence: 1 }]);
});

test('what was accepted once is not refused by the answer to a repetition', () => {
  const { conversations, say, flush, deliver, receipt, totals } = converse('groups', 3);
  say(0);
  conversations.resume(0);
  expect(flush(0)).toHaveLength(1);
  conversations.accepted(0, 1);
  deliver(1, 1);
  receipt(1, 1);
  conversations.refused(0, 1);
  deliver(2, 1);
  receipt(2, 1);
  expect(totals()).toMatchObject({ sent: 2, accepted: 2, delivered: 2, receipted: 2, refused: 0, lost: 0 });
});

describe('ACCEPTED', () => {
  test('that comes late is as late as it is, whatever else has come before it', () => {
    const { conversations, say, deliver, receipt, latencies, totals } = converse('pairs', 2);
    say(0, 3000);
    deliver(1, 1);
    receipt(1, 1);
    expect(totals()).toMatchObject({ accepted: 0, impliedAccepted: 1 });
    expect(latencies()).not.toHaveProperty('accepted');
    conversations.accepted(0, 1);
    expect(latencies().accepted).toBeGreaterThan(2990);
    expect(totals()).toMatchObject({ accepted: 1, impliedAccepted: 0 });
    expect(conversations.outbox.length).toBe(0);
  });

  test('that never comes is not counted: that the server has the message only follows', () => {
    const { conversations, say, deliver, receipt, totals } = converse('pairs', 2);
    say(0);
    deliver(1, 1);
    receipt(1, 1);
    expect(totals()).toMatchObject({ accepted: 0, impliedAccepted: 1, receipted: 1, lost: 0 });
    // It could only have come on the connection that has died.
    conversations.resume(0);
    expect(totals()).toMatchObject({ accepted: 0, impliedAccepted: 1 });
    expect(conversations.outbox.length).toBe(0);
  });
});

test('ACCEPTED is not waited for where a receipt tells on the next connection that there is no use in sending again', () => {
  const { conversations, say, flush, deliver, receipt, totals } = converse('pairs', 2);
  say(0);
  deliver(1, 1);
  conversations.resume(0);
  receipt(1, 1);
  expect(flush(0)).toEqual([]);
  expect(conversations.outbox.length).toBe(0);
  expect(totals()).toMatchObject({ accepted: 0, impliedAccepted: 1, receipted: 1, deliveredNotReceipted: 0 });
});

describe('a message that the server says not to have, after its connection has died,', () => {
  const plain = { recognizesRepetitions: false, marksRedelivery: false, delivery: 'at-least-once' } as const;

  test('is sent again before anything new, and is still one copy', () => {
    const { conversations, say, flush, deliver, totals } = converse('pairs', 2, plain);
    for (const _ of [1, 2, 3]) say(0);
    conversations.add(0, monotonicMs(), 64, false);
    conversations.accepted(0, 1);
    conversations.unhandled(0, 2);
    conversations.unhandled(0, 3);
    expect(conversations.resume(0)).toBe(true);
    expect(flush(0)).toEqual([2, 3, 4].map((sequence) => ({ to: 1, sequence })));
    for (const sequence of [1, 2, 3, 4]) deliver(1, sequence);
    expect(totals()).toMatchObject({ sent: 4, delivered: 4, redelivered: 0, duplicated: 0, lost: 0 });
    deliver(1, 2);
    expect(totals()).toMatchObject({ delivered: 4, redelivered: 0, duplicated: 1 });
  });

  test('may be two copies once a connection has died again, and nobody says anything of it', () => {
    const { conversations, say, flush, deliver, totals } = converse('pairs', 2, plain);
    say(0);
    conversations.unhandled(0, 1);
    conversations.resume(0);
    flush(0);
    conversations.resume(0);
    expect(flush(0)).toEqual([{ to: 1, sequence: 1 }]);
    for (const _ of [1, 2, 3]) deliver(1, 1);
    expect(totals()).toMatchObject({ sent: 1, delivered: 1, redelivered: 1, duplicated: 1 });
  });

  test('is not sent again where it has been receipted all the same', () => {
    const { conversations, say, flush, deliver, receipt, totals } = converse('pairs', 2, plain);
    say(0);
    deliver(1, 1);
    conversations.unhandled(0, 1);
    receipt(1, 1);
    conversations.unhandled(0, 1);
    conversations.resume(0);
    expect(flush(0)).toEqual([]);
    expect(totals()).toMatchObject({ receipted: 1, accepted: 0, impliedAccepted: 1 });
    expect(conversations.outbox.length).toBe(0);
  });
});

describe('a message that comes again', () => {
  test('marked, after its recipient has connected again, is a redelivery, and once only', () => {
    const { conversations, say, deliver, totals } = converse('pairs', 2);
    say(0);
    deliver(1, 1);
    conversations.connected(1);
    conversations.resume(1);
    deliver(1, 1, { isRedelivery: true });
    expect(totals()).toMatchObject({ delivered: 1, redelivered: 1, duplicated: 0 });
    deliver(1, 1, { isRedelivery: true });
    expect(totals()).toMatchObject({ delivered: 1, redelivered: 1, duplicated: 1 });
  });

  test.each([
    ['marked, on the same connection', true],
    ['unmarked', false],
  ])('%s, is a duplicate', (_, isRedelivery) => {
    const { conversations, say, deliver, totals } = converse('pairs', 2);
    conversations.connected(1);
    say(0);
    deliver(1, 1);
    deliver(1, 1, { isRedelivery });
    expect(totals()).toMatchObject({ delivered: 1, redelivered: 0, duplicated: 1 });
  });
});

test('a receipt that comes before the message is told, and the message is waited for', () => {
  const { conversations, say, deliver, receipt, totals } = converse('pairs', 2);
  say(0);
  conversations.accepted(0, 1);
  receipt(1, 1);
  expect(conversations.outbox.length).toBe(1);
  deliver(1, 1);
  expect(conversations.outbox.length).toBe(0);
  expect(totals()).toMatchObject({ receiptedEarly: 1, receipted: 1, delivered: 1, lost: 0 });
});

describe('what does not come is told by how far it came:', () => {
  test('accepted and not delivered, delivered and not receipted, and neither', () => {
    const { conversations, say, deliver, totals } = converse('pairs', 2);
    for (let sequence = 1; sequence <= 6; sequence += 1) say(0);
    for (const sequence of [1, 2, 3]) conversations.accepted(0, sequence);
    for (const sequence of [1, 4]) deliver(1, sequence);
    expect(totals()).toMatchObject({
      sent: 6,
      accepted: 3,
      delivered: 2,
      lost: 4,
      acceptedNotDelivered: 2,
      deliveredNotReceipted: 2,
      impliedAccepted: 1,
    });
  });
});

describe('a payload', () => {
  const whole = (): Buffer => Buffer.from(payloads.make(64, monotonicMs(), 1, 1));
  const faults: [string, Buffer][] = [
    ['all zeros', Buffer.alloc(64)],
    ['empty', Buffer.alloc(0)],
    ['cut by a byte', whole().subarray(0, 63)],
    ['cut in half', whole().subarray(0, 32)],
    ['longer by a byte', Buffer.concat([whole(), Buffer.alloc(1)])],
    ['with one bit changed in the filler', changed(whole(), 40)],
    ['with one bit changed in its due time', changed(whole(), 15)],
    ['of another message of the same sender', Buffer.from(payloads.make(64, monotonicMs(), 1, 2))],
    ['of another sender', Buffer.from(payloads.make(64, monotonicMs(), 2, 1))],
    ['of another run', Buffer.from(new PayloadMaker(8, 64).make(64, monotonicMs(), 1, 1))],
  ];

  test.each(faults)('that is %s is corrupted, and counts and takes its time all the same', (_, payload) => {
    const { say, deliver, latencies, totals } = converse('pairs', 2);
    say(0, 500);
    deliver(1, 1, { payload });
    expect(totals()).toMatchObject({ delivered: 1, corrupted: 1, lost: 0, duplicated: 0 });
    expect(latencies().delivered).toBeGreaterThan(499);
  });

  test('that is as it was sent is not', () => {
    const { say, deliver, totals } = converse('pairs', 2);
    say(0);
    deliver(1, 1);
    expect(totals()).toMatchObject({ delivered: 1, corrupted: 0 });
  });
});

describe('the time for which somebody was away on purpose', () => {
  test('is taken off how long a message took, and the rest stays', () => {
    const { absences, say, deliver, latencies, totals } = converse('pairs', 2);
    const now = monotonicMs();
    // Due 10 s ago; its recipient was away from 9 to 4 s ago.
    absences.begin(1, now - 20_000);
    absences.end(1, now - 19_000);
    say(0, 10_000);
    absences.begin(1, now - 9000);
    absences.end(1, now - 4000);
    deliver(1, 1);
    const { delivered = 0, waiting = 0 } = latencies();
    expect(delivered).toBeGreaterThan(4990);
    expect(delivered).toBeLessThan(5500);
    expect(waiting).toBeGreaterThan(3990);
    expect(waiting).toBeLessThan(4500);
    expect(totals()).toMatchObject({ awayAdjusted: 1 });
  });

  test('counts for the receipt as well: that of the recipient before the message, that of the sender behind it', () => {
    const { absences, say, deliver, receipt, latencies } = converse('pairs', 2);
    const now = monotonicMs();
    say(0, 10_000);
    absences.begin(1, now - 9000);
    absences.end(1, now - 8000);
    absences.begin(0, now - 8500);
    absences.end(0, now - 8200);
    deliver(1, 1);
    absences.begin(0, monotonicMs());
    absences.end(0, monotonicMs() + 2000);
    receipt(1, 1);
    // 10 s, less 1 s of the recipient and 2 s of the sender; what both were away at once counts once.
    const took = latencies().receipt;
    expect(took).toBeGreaterThan(6990);
    expect(took).toBeLessThan(7500);
  });

  test('of a sender who left after sending is no excuse for a delivery', () => {
    const { absences, say, deliver, latencies } = converse('pairs', 2);
    const now = monotonicMs();
    say(0, 3000);
    absences.begin(0, now - 2900);
    deliver(1, 1);
    expect(latencies().delivered).toBeGreaterThan(2990);
  });
});

function changed(payload: Buffer, at: number): Buffer {
  payload[at] = (payload[at] as number) ^ 1;
  return payload;
}

test('a message that is refused and delivered all the same is told apart, and is not lost', () => {
  const { conversations, say, deliver, totals } = converse('pairs', 2);
  say(0);
  conversations.refused(0, 1);
  deliver(1, 1);
  expect(totals()).toMatchObject({ refused: 1, delivered: 1, lost: 0, refusedAndDelivered: 1 });
});

test('a copy that found a full mailbox is refused, the others are not', () => {
  const { conversations, say, deliver, receipt, totals } = converse('groups', 3);
  say(0);
  conversations.accepted(0, 1);
  conversations.undeliverable(0, 1, 1);
  deliver(2, 1);
  receipt(2, 1);
  expect(totals()).toMatchObject({ accepted: 2, delivered: 1, receipted: 1, refused: 1, lost: 0 });
  expect(conversations.outbox.length).toBe(0);
});

test.each([
  ['a number that no client has given', { from: 0, sequence: 5 }],
  ['a sender who is none of its clients', { from: 98, sequence: 1 }],
  ['its own recipient as its sender', { from: 1, sequence: 1 }],
])('a delivery with %s is foreign', (_, { from, sequence }) => {
  const { say, deliver, totals } = converse('groups', 3);
  say(0);
  deliver(1, sequence, { from });
  expect(totals()).toMatchObject({ delivered: 0, duplicated: 1, leftOver: 0 });
});

describe('what a protocol promises decides when a message is done:', () => {
  test('with no receipts, once it is accepted and delivered', () => {
    const { conversations, say, deliver } = converse('pairs', 2, { receipt: false });
    say(0);
    deliver(1, 1);
    expect(conversations.outbox.length).toBe(1);
    conversations.accepted(0, 1);
    expect(conversations.outbox.length).toBe(0);
  });

  test('with neither receipts nor ACCEPTED, once it is delivered; and it is never sent again', () => {
    const { conversations, say, flush, deliver, totals } = converse('pairs', 2, {
      accepted: false,
      receipt: false,
      delivery: 'at-most-once',
    });
    say(0);
    conversations.resume(0);
    expect(flush(0)).toEqual([]);
    deliver(1, 1);
    expect(conversations.outbox.length).toBe(0);
    expect(totals()).toMatchObject({ sent: 1, delivered: 1, lost: 0, impliedAccepted: 0 });
  });
});

describe('where nothing is sent twice', () => {
  const ONCE = { receipt: false, storesForAway: false, delivery: 'at-most-once' } as const;

  test('a message that was not accepted when its connection died is not repeated, nor said to be accepted', () => {
    const { conversations, say, flush, deliver, totals } = converse('pairs', 2, ONCE);
    say(0);
    conversations.resume(0);
    expect(flush(0)).toEqual([]);
    deliver(1, 1);
    expect(totals()).toMatchObject({
      sent: 1,
      accepted: 0,
      impliedAccepted: 0,
      delivered: 1,
      duplicated: 0,
      lost: 0,
    });
    expect(conversations.outbox.length).toBe(0);
  });

  test('what was sent to somebody before a login is not waited for after it, and counts if it comes all the same', () => {
    const { conversations, say, deliver, totals } = converse('pairs', 2, ONCE);
    say(0);
    say(0);
    for (const sequence of [1, 2]) conversations.accepted(0, sequence);
    expect(conversations.outbox.length).toBe(2);
    conversations.connected(1);
    conversations.resume(1);
    expect(conversations.outbox.length).toBe(0);
    expect(totals()).toMatchObject({ sent: 2, accepted: 2, delivered: 0, lost: 2, acceptedNotDelivered: 2 });
    deliver(1, 2);
    expect(totals()).toMatchObject({ delivered: 1, lost: 1, acceptedNotDelivered: 1, duplicated: 0 });
  });
});

describe('what a driver has no room for', () => {
  const ROOM_FOR_ONE = { receipt: false, recognizesRepetitions: false, marksRedelivery: false } as const;

  /** Four messages of client 0, and room for one of them. */
  const crowded = () => {
    const talk = converse('pairs', 2, ROOM_FOR_ONE);
    for (const _ of [1, 2, 3, 4]) talk.conversations.add(0, monotonicMs(), 64, true);
    expect(talk.flush(0, 1)).toEqual([{ to: 1, sequence: 1 }]);
    return talk;
  };

  test('is under way and was never sent', () => {
    const { conversations, deliver, totals } = crowded();
    conversations.accepted(0, 1);
    deliver(1, 1);
    expect(conversations.outbox.length).toBe(3);
    expect(totals()).toMatchObject({ sent: 1, delivered: 1, lost: 0, unsent: 3 });
  });

  test('goes out in order as room is made, before what fell due later', () => {
    const { conversations, flush, totals } = crowded();
    conversations.accepted(0, 1);
    conversations.add(0, monotonicMs(), 64, true);
    expect(flush(0, 2)).toEqual([2, 3].map((sequence) => ({ to: 1, sequence })));
    expect(flush(0, 0)).toEqual([]);
    expect(flush(0)).toEqual([4, 5].map((sequence) => ({ to: 1, sequence })));
    expect(flush(0)).toEqual([]);
    expect(totals()).toMatchObject({ sent: 5, unsent: 0 });
  });

  test('is sent for the first time on the next connection, so that a second copy of it is a duplicate', () => {
    const { conversations, flush, deliver, totals } = crowded();
    conversations.resume(0);
    expect(flush(0, 2)).toEqual([1, 2].map((sequence) => ({ to: 1, sequence })));
    for (const sequence of [1, 1, 2, 2]) deliver(1, sequence);
    expect(totals()).toMatchObject({ sent: 2, delivered: 2, redelivered: 1, duplicated: 1, unsent: 2 });
  });

  test('goes out behind what is to be repeated, for which there may be no room either', () => {
    const { conversations, flush, totals } = crowded();
    expect(flush(0, 1)).toEqual([{ to: 1, sequence: 2 }]);
    conversations.resume(0);
    expect(flush(0, 1)).toEqual([{ to: 1, sequence: 1 }]);
    expect(totals()).toMatchObject({ sent: 2, lost: 2, unsent: 2 });
    conversations.accepted(0, 1);
    expect(flush(0, 1)).toEqual([{ to: 1, sequence: 2 }]);
    expect(flush(0)).toEqual([3, 4].map((sequence) => ({ to: 1, sequence })));
  });

  test('is late by the doing of the server: the generator was as late as when it would have written it', () => {
    const { conversations, flush, latencies } = converse('pairs', 2);
    for (const agoMs of [200, 100]) conversations.add(0, monotonicMs() - agoMs, 64, true);
    flush(0, 0);
    expect(latencies().lag).toBeGreaterThan(199);
    expect(flush(0)).toHaveLength(2);
    expect(latencies()).not.toHaveProperty('lag');
  });
});

test('a message that fell due on a connection that has died since is late by that, and not by the generator', () => {
  const { conversations, flush, latencies } = converse('pairs', 2);
  conversations.add(0, monotonicMs() - 100, 64, true);
  conversations.resume(0);
  expect(flush(0)).toHaveLength(1);
  expect(latencies()).not.toHaveProperty('lag');
});

describe('what is not waited for any longer, and delivered all the same, is receipted or is not:', () => {
  const FORGETFUL = { storesForAway: false, delivery: 'at-most-once' } as const;

  test('a message that was given up when its recipient logged in again', () => {
    const { conversations, say, deliver, receipt, totals } = converse('pairs', 2, FORGETFUL);
    say(0);
    conversations.accepted(0, 1);
    conversations.connected(1);
    conversations.resume(1);
    expect(conversations.outbox.length).toBe(0);
    deliver(1, 1);
    expect(totals()).toMatchObject({ delivered: 1, receipted: 0, deliveredNotReceipted: 1, lost: 0 });
    receipt(1, 1);
    receipt(1, 1);
    expect(totals()).toMatchObject({ delivered: 1, receipted: 1, deliveredNotReceipted: 0 });
  });

  test('one that was refused', () => {
    const { conversations, say, deliver, receipt, totals } = converse('pairs', 2);
    say(0);
    conversations.refused(0, 1);
    deliver(1, 1);
    expect(totals()).toMatchObject({ refusedAndDelivered: 1, receipted: 0, deliveredNotReceipted: 1 });
    receipt(1, 1);
    // The server has answered that it does not take it, and the receipt says that it did.
    expect(totals()).toMatchObject({
      refusedAndDelivered: 1,
      receipted: 1,
      deliveredNotReceipted: 0,
      impliedAccepted: 1,
    });
  });
});

describe('a message to a group, where nothing waits for members who are away,', () => {
  const FORGETFUL = { receipt: false, storesForAway: false } as const;

  /** Client 0 has written to two others, and that has come to client 1. */
  const said = (promises: Partial<Promises> = FORGETFUL) => {
    const talk = converse('groups', 3, promises);
    talk.say(0);
    talk.conversations.accepted(0, 1);
    talk.deliver(1, 1);
    return talk;
  };
  const comesBack = ({ conversations }: ReturnType<typeof said>, client: number): void => {
    conversations.connected(client);
    conversations.resume(client);
  };

  test('is done once the others have it and they have logged in again without it', () => {
    const talk = said();
    expect(talk.conversations.outbox.length).toBe(1);
    comesBack(talk, 1);
    expect(talk.conversations.outbox.length).toBe(1);
    comesBack(talk, 2);
    expect(talk.conversations.outbox.length).toBe(0);
    expect(talk.totals()).toMatchObject({ sent: 2, delivered: 1, lost: 1, acceptedNotDelivered: 1 });
    talk.deliver(2, 1);
    expect(talk.totals()).toMatchObject({ sent: 2, delivered: 2, lost: 0, acceptedNotDelivered: 0 });
  });

  test('is waited for by the others, also where it comes to one who had logged in without it', () => {
    const talk = converse('groups', 3, FORGETFUL);
    talk.say(0);
    talk.conversations.accepted(0, 1);
    comesBack(talk, 2);
    comesBack(talk, 2);
    talk.deliver(2, 1);
    expect(talk.conversations.outbox.length).toBe(1);
    expect(talk.totals()).toMatchObject({ sent: 2, delivered: 1, lost: 1, acceptedNotDelivered: 1 });
    talk.deliver(1, 1);
    expect(talk.conversations.outbox.length).toBe(0);
    expect(talk.totals()).toMatchObject({ sent: 2, delivered: 2, lost: 0, acceptedNotDelivered: 0 });
  });

  test('is waited for where a login goes on with a session', () => {
    const talk = said();
    talk.conversations.resume(2);
    expect(talk.conversations.outbox.length).toBe(1);
  });

  test('is not waited for where something waits for those who are away in pairs alone', () => {
    const talk = said({ receipt: false, storesForAway: true, groupsStoreForAway: false });
    comesBack(talk, 2);
    expect(talk.conversations.outbox.length).toBe(0);
  });
});

describe('the account of what comes, is receipted, and is given up, in whatever order,', () => {
  const MEMBERS = 3;
  /** `who` says, or refuses to take, comes back; or message `pick` comes to `who`, or is receipted by `who`. */
  const step = fc.record({
    what: fc.constantFrom('say', 'refuse', 'comeBack', 'deliver', 'receipt'),
    who: fc.nat(MEMBERS - 1),
    pick: fc.nat(),
  });

  interface Copy {
    isDelivered: boolean;
    isReceipted: boolean;
    isGivenUp: boolean;
  }
  interface Said {
    sender: number;
    sequence: number;
    isRefused: boolean;
    copies: Map<number, Copy>;
  }

  const isCopyDone = ({ isDelivered, isReceipted, isGivenUp }: Copy, receipt: boolean): boolean =>
    isGivenUp || (isDelivered && (isReceipted || !receipt));

  test.each([
    { receipt: true, storesForAway: false },
    { receipt: false, storesForAway: false },
    { receipt: true, storesForAway: true },
  ])('is that of a brute-force one: %j', (promises) => {
    fc.assert(
      fc.property(fc.constantFrom('groups' as const, 'pairs' as const), fc.array(step), (kind, steps) => {
        const members = kind === 'pairs' ? 2 : MEMBERS;
        const clients = Array.from({ length: members }, (_, client) => client);
        const { conversations, say, deliver, totals } = converse(kind, members, promises);
        const all: Said[] = [];
        let receiptedEarly = 0;
        for (const { what, who: anybody, pick } of steps) {
          const who = anybody % members;
          const message = all[pick % Math.max(1, all.length)];
          const copy = message?.copies.get(who);
          if (what === 'say' || what === 'refuse') {
            const sequence = all.filter(({ sender }) => sender === who).length + 1;
            say(who);
            if (what === 'say') conversations.accepted(who, sequence);
            else conversations.refused(who, sequence);
            const others = clients.filter((client) => client !== who);
            const copies = new Map(
              others.map((client) => [client, { isDelivered: false, isReceipted: false, isGivenUp: false }]),
            );
            all.push({ sender: who, sequence, isRefused: what === 'refuse', copies });
          } else if (what === 'comeBack') {
            conversations.connected(who);
            conversations.resume(who);
            for (const { copies } of all) {
              const own = copies.get(who);
              if (own && !promises.storesForAway && !own.isDelivered) own.isGivenUp = true;
            }
          } else if (message && copy && what === 'deliver' && !copy.isDelivered) {
            deliver(who, message.sequence, { from: message.sender });
            copy.isDelivered = true;
          } else if (message && copy && what === 'receipt' && promises.receipt) {
            conversations.receipted(message.sender, who, message.sequence);
            if (!copy.isReceipted && !copy.isDelivered) receiptedEarly += 1;
            copy.isReceipted = true;
          }
        }
        const copies = all.flatMap(({ isRefused, copies }) =>
          [...copies.values()].map((copy) => ({ ...copy, isRefused })),
        );
        const count = (is: (copy: (typeof copies)[0]) => boolean): number => copies.filter(is).length;
        expect(totals()).toMatchObject({
          sent: copies.length,
          accepted: count(({ isRefused }) => !isRefused),
          delivered: count(({ isDelivered }) => isDelivered),
          receipted: count(({ isReceipted }) => isReceipted),
          refused: count(({ isRefused }) => isRefused),
          lost: count(({ isRefused, isDelivered }) => !isRefused && !isDelivered),
          acceptedNotDelivered: count(({ isRefused, isDelivered }) => !isRefused && !isDelivered),
          ...(promises.receipt && {
            receiptedEarly,
            deliveredNotReceipted: count(({ isDelivered, isReceipted }) => isDelivered && !isReceipted),
          }),
          duplicated: 0,
        });
        const isUnderWay = ({ isRefused, copies }: Said): boolean =>
          !isRefused && [...copies.values()].some((copy) => !isCopyDone(copy, promises.receipt));
        expect(conversations.outbox.length).toBe(all.filter(isUnderWay).length);
      }),
      { numRuns: 300 },
    );
  });
});

test('a driver that refuses a message while it is asked to write it is asked to write the next ones all the same', () => {
  const { conversations, totals } = converse('pairs', 2);
  for (const _ of [1, 2, 3, 4, 5]) conversations.add(0, monotonicMs(), 64, true);
  const asked: number[] = [];
  const writeMessage = (_client: number, _to: number, sequence: number): void => {
    asked.push(sequence);
    if (sequence % 2 === 0) conversations.refused(0, sequence);
  };
  conversations.writeDue(0, { writeMessage, hasRoom: () => true }, buffered());
  expect(asked).toEqual([1, 2, 3, 4, 5]);
  expect(totals()).toMatchObject({ sent: 5, refused: 2, lost: 3, unsent: 0 });
  expect(conversations.outbox.length).toBe(3);
});

test('a refusal counts as one also where nothing is ever accepted', () => {
  const { conversations, say, totals } = converse('pairs', 2, { accepted: false, receipt: false });
  say(0);
  conversations.refused(0, 1);
  expect(totals()).toMatchObject({ sent: 1, refused: 1, lost: 0 });
  expect(conversations.outbox.length).toBe(0);
});

describe('what a protocol promises decides what a second copy is:', () => {
  const copyAfterReconnect = (promises: Partial<Promises>) => {
    const { conversations, say, deliver, totals } = converse('pairs', 2, promises);
    say(0);
    deliver(1, 1);
    conversations.connected(1);
    conversations.resume(1);
    deliver(1, 1);
    return totals();
  };

  test('unmarked, after a reconnect, a redelivery where nothing is ever marked, and a duplicate where it is', () => {
    expect(copyAfterReconnect({ marksRedelivery: false })).toMatchObject({ redelivered: 1, duplicated: 0 });
    expect(copyAfterReconnect({})).toMatchObject({ redelivered: 0, duplicated: 1 });
  });

  test('a duplicate where a message comes once and never again', () => {
    for (const delivery of ['at-most-once', 'exactly-once'] as const)
      expect(copyAfterReconnect({ marksRedelivery: false, delivery })).toMatchObject({ duplicated: 1 });
  });

  test.each([
    [false, { redelivered: 1, duplicated: 1 }],
    [true, { redelivered: 0, duplicated: 2 }],
  ])(
    'of one that was sent twice, where the server recognizes that: %s',
    (recognizesRepetitions, expected) => {
      const { conversations, say, flush, deliver, totals } = converse('pairs', 2, {
        marksRedelivery: false,
        recognizesRepetitions,
      });
      say(0);
      conversations.resume(0);
      expect(flush(0)).toHaveLength(1);
      for (let copy = 0; copy < 3; copy += 1) deliver(1, 1);
      expect(totals()).toMatchObject({ delivered: 1, ...expected });
    },
  );
});

test('a client that writes to itself is the recipient of what it sends', () => {
  const { conversations, say, deliver, receipt, totals } = converse('alone', 1);
  expect(say(0)).toEqual([{ to: 0, sequence: 1 }]);
  conversations.accepted(0, 1);
  deliver(0, 1);
  receipt(0, 1);
  expect(totals()).toMatchObject({ sent: 1, accepted: 1, delivered: 1, receipted: 1, lost: 0 });
  expect(conversations.outbox.length).toBe(0);
});

test('a member who gets two messages of a group in another order than their places has them out of order', () => {
  const { say, deliver, totals } = converse('groups', 3);
  say(0);
  say(2);
  deliver(1, 1, { place: 2 });
  deliver(1, 1, { from: 2, place: 1 });
  expect(totals()).toMatchObject({ delivered: 2, outOfOrder: 1, duplicated: 0 });
});
