import { describe, expect, test } from 'vitest';
import { C2mClients } from '../../../../loadgen/drivers/c2m/c2m-clients.js';
import { IdRange } from '../../../../loadgen/drivers/c2m/id-range.js';
import { GROUP_BIT } from '../../../../loadgen/drivers/driver.js';
import { loadDriver } from '../../../../loadgen/drivers/load-driver.js';
import { decodeFrames } from '../../../../protocol/decode.js';
import { encodeFrame } from '../../../../protocol/encode.js';
import {
  FLAG_REDELIVERY,
  FLAG_UNDELIVERED,
  type Frame,
  FrameType,
  ReasonCode,
} from '../../../../protocol/frame.js';
import { meansTheSameAtEverySplit, survivesAnyBytes, toldBy } from '../../../support/conformance.js';
import { type BufferedOutput, buffered } from '../../../support/output.js';

const RUN = 7;
const ids = new IdRange(RUN);
const payload = Buffer.from('hello');

/** Client 0 is user 1, of four who are groups of two, logged in. */
function loggedIn(groupMembers: number | null = null) {
  const events: string[] = [];
  const range = { count: 4, firstUser: 1, run: RUN, groupMembers, heartbeatMs: 10_000 };
  const protocol = new C2mClients({ credentials: null }, range, toldBy(events));
  const out = buffered();
  const receive = (...frames: Frame[]): number =>
    protocol.received(0, Buffer.concat(frames.map((frame) => encodeFrame(frame))), out);
  protocol.opened(0, out);
  out.take();
  receive({ type: FrameType.Welcome, waiting: 0, window: 4, firstId: 1 });
  events.length = 0;
  return { protocol, events, out, receive };
}

function framesIn(out: BufferedOutput): Frame[] {
  const frames: Frame[] = [];
  decodeFrames(out.take(), 2 ** 20, (frame) => frames.push({ ...frame }) > 0);
  return frames;
}

const deliver = (sequence: number, id: number, change = {}): Frame => ({
  type: FrameType.Deliver,
  sequence,
  flags: 0,
  from: 2,
  id,
  payload,
  ...change,
});

describe('a client of our own protocol', () => {
  test('says which message came, from whom, and whether it is a redelivery', () => {
    const { events, receive } = loggedIn();
    receive(deliver(1, ids.idOf(3)), deliver(2, ids.idOf(4), { flags: FLAG_REDELIVERY, from: 9 }));
    const hex = payload.toString('hex');
    expect(events).toEqual([`deliveredAs 0 1 3 ${hex} false`, `deliveredAs 0 8 4 ${hex} true`]);
  });

  test('says that an id of an earlier run is none of this one', () => {
    const { events, receive } = loggedIn();
    receive(deliver(1, new IdRange(RUN - 1).idOf(3)));
    expect(events).toEqual([`deliveredAs 0 1 undefined ${payload.toString('hex')} false`]);
  });

  test('acknowledges what came in its next write, and receipts once half of the window is full', () => {
    const { protocol, out, receive } = loggedIn();
    receive(deliver(1, ids.idOf(1)));
    protocol.writePending(0, out);
    expect(framesIn(out)).toEqual([{ type: FrameType.Ack, sequence: 1 }]);
    const receipt = (sequence: number): Frame => ({
      type: FrameType.Receipt,
      sequence,
      flags: 0,
      by: 2,
      id: ids.idOf(sequence),
    });
    receive(receipt(2));
    protocol.writePending(0, out);
    expect(framesIn(out)).toEqual([]);
    receive(receipt(3));
    protocol.writePending(0, out);
    expect(framesIn(out)).toEqual([{ type: FrameType.Ack, sequence: 3 }]);
  });

  test('acknowledges on the way out what nothing has carried yet', () => {
    const { protocol, out, receive } = loggedIn();
    receive({ type: FrameType.Receipt, sequence: 1, flags: 0, by: 2, id: ids.idOf(1) });
    protocol.leave(0, out);
    expect(framesIn(out).map(({ type }) => type)).toEqual([FrameType.Ack, FrameType.Goodbye]);
  });

  test('gives each message an id that its answers lead back from', () => {
    const { protocol, events, out, receive } = loggedIn(2);
    protocol.writeMessage(0, 1, 5, payload, out);
    protocol.writeMessage(0, 0, GROUP_BIT + 5, payload, out);
    const [toPartner, toGroup] = framesIn(out);
    expect(toPartner).toMatchObject({ type: FrameType.Send, to: 2 });
    expect(toGroup).toMatchObject({ type: FrameType.GroupSend, group: 1 });
    for (const frame of [toPartner, toGroup] as { id: number }[])
      receive({ type: FrameType.Accepted, id: frame.id });
    receive({
      type: FrameType.GroupReceipt,
      sequence: 1,
      flags: FLAG_UNDELIVERED,
      group: 1,
      by: 2,
      id: ids.idOf(GROUP_BIT + 5),
    });
    expect(events).toEqual([
      'accepted 0 5',
      `accepted 0 ${GROUP_BIT + 5}`,
      `undeliverable 0 1 ${GROUP_BIT + 5}`,
    ]);
  });

  test('lets the first of a group make it, and again once the server has lost it', () => {
    const { protocol, events, out, receive } = loggedIn(2);
    protocol.writePending(0, out);
    const [request] = framesIn(out) as unknown as [{ id: number }];
    expect(request).toMatchObject({ type: FrameType.Group, group: 1, members: [1, 2] });
    receive({ type: FrameType.Accepted, id: request.id });
    protocol.writeKeepalive(0, out);
    expect(framesIn(out).map(({ type }) => type)).toEqual([FrameType.Ping]);
    receive({
      type: FrameType.Error,
      code: ReasonCode.NotMember,
      reference: ids.idOf(GROUP_BIT + 1),
      reason: '',
    });
    expect(events).toEqual([`refused 0 ${GROUP_BIT + 1} NotMember`]);
    protocol.writeKeepalive(0, out);
    expect(framesIn(out).map(({ type }) => type)).toEqual([FrameType.Group, FrameType.Ping]);
  });

  test('ends the run where it may not make its group, and only where it has asked', () => {
    const { protocol, events, out, receive } = loggedIn(2);
    const refuse = (reference: number): number =>
      receive({ type: FrameType.Error, code: ReasonCode.GroupTooLarge, reference, reason: '' });
    for (const reference of [ids.firstRequest, ids.firstRequest + 1, Number.MAX_SAFE_INTEGER])
      refuse(reference);
    expect(events).toEqual(new Array(3).fill('refused 0 undefined GroupTooLarge'));
    protocol.writePending(0, out);
    expect(() => refuse(ids.firstRequest)).toThrow(
      expect.objectContaining({ code: 'C2M_RUN', message: 'the server does not make groups: GroupTooLarge' }),
    );
    receive({ type: FrameType.Accepted, id: ids.firstRequest });
    events.length = 0;
    refuse(ids.firstRequest);
    expect(events).toEqual(['refused 0 undefined GroupTooLarge']);
  });

  test('takes nobody else’s group for its own', () => {
    const { protocol, out, receive } = loggedIn(2);
    protocol.writePending(0, out);
    receive({ type: FrameType.Accepted, id: ids.firstRequest + 2 });
    out.take();
    protocol.writeKeepalive(0, out);
    expect(framesIn(out).map(({ type }) => type)).toEqual([FrameType.Group, FrameType.Ping]);
  });

  test('takes a message of another group for one that none of its own has sent', () => {
    const { events, receive } = loggedIn(2);
    const frame = {
      type: FrameType.GroupDeliver,
      sequence: 1,
      flags: 0,
      number: 1,
      from: 2,
      payload,
    } as const;
    receive({ ...frame, group: 3, id: ids.idOf(GROUP_BIT + 1) });
    expect(events).toEqual([`deliveredAs 0 -1 ${GROUP_BIT + 1} ${payload.toString('hex')} false`]);
  });

  test('answers a PING at once', () => {
    const { out, receive } = loggedIn();
    receive({ type: FrameType.Ping, nonce: 11 });
    expect(framesIn(out)).toEqual([{ type: FrameType.Pong, nonce: 11 }]);
  });

  test.each([
    [
      'a frame that only clients send',
      encodeFrame({ type: FrameType.Ack, sequence: 1 }),
      'ServerProtocolError',
    ],
    ['bytes that are no frame', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'ServerProtocolError'],
  ])('does not take %s', (_, bytes, reason) => {
    const { protocol, out } = loggedIn();
    expect(() => protocol.received(0, bytes, out)).toThrow(expect.objectContaining({ reason }));
  });

  test('understands a stream wherever it is split, and survives any bytes', async () => {
    const driver = await loadDriver('c2m');
    const settings = { credentials: null };
    const welcome = encodeFrame({ type: FrameType.Welcome, waiting: 0, window: 4, firstId: 1 });
    const bytes = Buffer.concat([
      welcome,
      encodeFrame(deliver(1, ids.idOf(1))),
      encodeFrame({ type: FrameType.Accepted, id: ids.idOf(2) }),
      encodeFrame({ type: FrameType.Receipt, sequence: 2, flags: 0, by: 2, id: ids.idOf(2) }),
      encodeFrame({
        type: FrameType.Error,
        code: ReasonCode.MailboxFull,
        reference: ids.idOf(3),
        reason: 'x',
      }),
    ]);
    meansTheSameAtEverySplit(driver, settings, bytes);
    survivesAnyBytes(driver, settings, welcome);
  });
});
