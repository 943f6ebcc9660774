import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { Conversations } from '../../../loadgen/agent/conversations.js';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import { PayloadMaker } from '../../../loadgen/agent/payload.js';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import { FLAG_UNDELIVERED, type Frame, FrameType } from '../../../protocol/frame.js';

const FIRST_ID = 1000;
const payloads = new PayloadMaker(64);

/** Clients 0, 1, 2 … are users 1, 2, 3 …, in conversations of so many. */
function converse(kind: 'pairs' | 'groups', members: number, isServerFresh = true) {
  const histograms = new IntervalHistograms();
  const conversations = new Conversations({
    clients: members,
    firstUser: 1,
    kind,
    members,
    firstId: FIRST_ID,
    isServerFresh,
    payloads,
    histograms,
    wasThere: () => true,
  });
  /** Sends what is due; returns the frames. */
  const flush = (client: number): Frame[] => {
    const frames: Frame[] = [];
    conversations.takeDue(client, (_client, frame) => frames.push(frame));
    return frames;
  };
  const say = (client: number, agoMs = 0): Frame[] => {
    conversations.add(client, monotonicMs() - agoMs, 64, true);
    return flush(client);
  };
  /** Message `sequence` of client 0 comes to `client`. */
  const deliver = (client: number, sequence: number, change = {}): void =>
    conversations.delivered(client, {
      flags: 0,
      from: 1,
      id: FIRST_ID + sequence,
      payload: Buffer.from(payloads.make(64, monotonicMs(), 0, sequence)),
      ...(kind === 'groups' ? { group: 1, number: sequence } : {}),
      ...change,
    });
  const acceptedMs = (): number | undefined => {
    const { accepted } = histograms.take();
    return accepted === undefined ? undefined : decodeFromCompressedBase64(accepted).maxValue / 1000;
  };
  return { conversations, flush, say, deliver, acceptedMs, totals: () => conversations.totals() };
}

test('a group of two is a group, and no pair', () => {
  expect(converse('groups', 2).say(0)).toMatchObject([{ type: FrameType.GroupSend, group: 1 }]);
  expect(converse('pairs', 2).say(0)).toMatchObject([{ type: FrameType.Send, to: 2 }]);
});

test('what was accepted once is not refused by the answer to a repetition', () => {
  const { conversations, say, flush, deliver, totals } = converse('groups', 3);
  say(0);
  conversations.resume(0);
  expect(flush(0)).toHaveLength(1);
  deliver(1, 1);
  conversations.receipted(0, { flags: 0, by: 2, id: FIRST_ID + 1 });
  conversations.refused(0, FIRST_ID + 1);
  deliver(2, 1);
  conversations.receipted(0, { flags: 0, by: 3, id: FIRST_ID + 1 });
  expect(totals()).toMatchObject({ sent: 2, accepted: 2, delivered: 2, receipted: 2, refused: 0, lost: 0 });
});

test('a receipt that comes before ACCEPTED tells how long that took at most', () => {
  const { conversations, say, acceptedMs } = converse('pairs', 2);
  say(0, 3000);
  conversations.receipted(0, { flags: 0, by: 2, id: FIRST_ID + 1 });
  conversations.accepted(0, FIRST_ID + 1);
  expect(acceptedMs()).toBeGreaterThan(2990);
});

test('a message that is refused and delivered all the same is told apart, and is not lost', () => {
  const { conversations, say, deliver, totals } = converse('pairs', 2);
  say(0);
  conversations.refused(0, FIRST_ID + 1);
  deliver(1, 1);
  expect(totals()).toMatchObject({ refused: 1, delivered: 1, lost: 0, refusedAndDelivered: 1 });
});

test('a copy that found a full mailbox is refused, the others are not', () => {
  const { conversations, say, deliver, totals } = converse('groups', 3);
  say(0);
  conversations.accepted(0, FIRST_ID + 1);
  conversations.receipted(0, { flags: FLAG_UNDELIVERED, by: 2, id: FIRST_ID + 1 });
  deliver(2, 1);
  conversations.receipted(0, { flags: 0, by: 3, id: FIRST_ID + 1 });
  expect(totals()).toMatchObject({ accepted: 2, delivered: 1, receipted: 1, refused: 1, lost: 0 });
  expect(conversations.outbox.length).toBe(0);
});

test.each([
  ['an id that no client has given', { id: 5 }],
  ['a user who is none of its clients', { from: 99 }],
  ['another group', { group: 4 }],
])('a delivery with %s is foreign', (_, change) => {
  const { say, deliver, totals } = converse('groups', 3);
  say(0);
  deliver(1, 1, change);
  expect(totals()).toMatchObject({ delivered: 0, duplicated: 1, leftOver: 0 });
});

test('an id of an earlier run is left over where the server was there before, and foreign where it was not', () => {
  const before = converse('pairs', 2, false);
  before.deliver(1, 1, { id: 7 });
  expect(before.totals()).toMatchObject({ leftOver: 1, duplicated: 0 });
  const fresh = converse('pairs', 2, true);
  fresh.deliver(1, 1, { id: 7 });
  expect(fresh.totals()).toMatchObject({ leftOver: 0, duplicated: 1 });
});

test('a member who gets two messages of a group in another order than their numbers has them out of order', () => {
  const { conversations, say, deliver, totals } = converse('groups', 3);
  say(0);
  conversations.add(2, monotonicMs(), 64, true);
  conversations.takeDue(2, () => undefined);
  deliver(1, 1, { number: 2 });
  const payload = Buffer.from(payloads.make(64, monotonicMs(), 2, 1));
  conversations.delivered(1, { flags: 0, from: 3, id: FIRST_ID + 1, payload, group: 1, number: 1 });
  expect(totals()).toMatchObject({ delivered: 2, outOfOrder: 1, duplicated: 0 });
});
