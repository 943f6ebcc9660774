import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { encodeFrame } from '../../../protocol/encode.js';
import { type Frame, FrameType, ReasonCode } from '../../../protocol/frame.js';
import { ReadShare } from '../../../server/gateway/read-share.js';
import type { Handlers } from '../../../server/hot-code/handler-api.js';
import { FakeHost, framesOf, hello } from '../../support/session.js';

const READ_BYTES = 65_536;

function pings(count: number, from = 0): Buffer {
  return framesOf(
    ...Array.from({ length: count }, (_, at) => ({ type: FrameType.Ping, nonce: from + at }) as const),
  );
}

/** Microtasks run before this goes on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a client that sends without pause has its share of a turn handled, and the rest in those that follow, in order', async () => {
  const host = new FakeHost();
  const { session, wire } = host.login();
  host.shares.frames = 100;
  session.received(pings(250));
  host.endTurn();
  expect(wire.frames).toHaveLength(100);
  expect(wire.isPaused).toBe(true);
  // What comes all the same waits behind it.
  session.received(pings(50, 250));

  for (const expected of [200, 300]) {
    for (const waiting of host.waiting.splice(0)) waiting.nextTurn();
    await settled();
    host.endTurn();
    expect(wire.frames).toHaveLength(expected);
  }
  for (const waiting of host.waiting.splice(0)) waiting.nextTurn();
  await settled();

  expect(wire.isPaused).toBe(false);
  expect(wire.frames.map((frame) => (frame as { nonce: number }).nonce)).toEqual(
    Array.from({ length: 300 }, (_, nonce) => nonce),
  );
});

test('the share of a turn holds for all that a connection sends in it, in one read or in many', () => {
  const shares = new ReadShare();
  const [one, other] = [{}, {}];
  const share = shares.framesOf(one);
  shares.handled(share - 1);
  expect(shares.framesOf(one)).toBe(1);
  shares.handled(1);
  expect(shares.framesOf(one)).toBe(0);
  expect(shares.framesOf(other)).toBe(share);
  shares.turnEnded();
  expect(shares.framesOf(one)).toBe(share);
});

describe('a client that does not read its answers', () => {
  test('is read no further, however much one read holds, and gets all of them in order once it reads', async () => {
    const host = new FakeHost();
    const { session, wire } = host.login();
    wire.room = 0;
    session.received(pings(READ_BYTES / 8));
    host.endTurn();

    expect(wire.isPaused).toBe(true);
    expect(host.outbound.bytes).toBeLessThan(20_000);

    wire.room = Number.POSITIVE_INFINITY;
    // Each time it has taken what there was, it is read a little further.
    for (let round = 0; wire.isPaused && round < 100; round += 1) {
      wire.take();
      session.drained();
      await settled();
      host.endTurn();
    }
    expect(wire.frames.map((frame) => (frame as { nonce: number }).nonce)).toEqual(
      Array.from({ length: READ_BYTES / 8 }, (_, nonce) => nonce),
    );
    expect(host.outbound.bytes).toBe(0);
  });

  test('is disconnected with OutboundOverflow when more waits for it than may, and holds nothing then', () => {
    const host = new FakeHost(50_000);
    const { session, wire } = host.login();
    wire.room = 0;
    for (let sequence = 1; sequence <= 100; sequence += 1) session.deliver(sequence, Buffer.alloc(1000));
    expect(host.closedFor).toEqual(['OutboundOverflow']);
    session.closed();
    expect(host.outbound.bytes).toBe(0);
  });

  test('counts from the moment that a frame is made, not from the end of the turn', () => {
    const host = new FakeHost(1_000_000, 100_000);
    const clients = Array.from({ length: 20 }, (_, at) => host.login(at + 1));
    for (const { session, wire } of clients) {
      wire.room = 0;
      session.deliver(1, Buffer.alloc(10_000));
    }
    expect(host.outbound.bytes).toBe(200_000);
    host.endTurn();
    for (const { session } of clients) session.deliver(2, Buffer.alloc(10_000));
    host.endTurn();
    expect(host.closedFor.length).toBeGreaterThan(0);
    expect(new Set(host.closedFor)).toEqual(new Set(['OutboundOverflow']));
  });
});

test('what waits for all clients is counted to the byte, whatever they take and whenever they leave', () => {
  const step = fc.record({
    client: fc.nat(3),
    what: fc.constantFrom('deliver', 'ping', 'flush', 'take', 'close', 'room'),
    bytes: fc.nat(40_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const host = new FakeHost(60_000, 10_000_000);
      const clients = [1, 2, 3, 4].map((user) => ({ ...host.login(user), isGone: false }));
      for (const { client, what, bytes } of steps) {
        const at = clients[client] as (typeof clients)[number];
        if (at.isGone) continue;
        if (what === 'deliver') at.session.deliver(1, Buffer.alloc(bytes + 1));
        if (what === 'ping' && !at.wire.isPaused) at.session.received(pings(1 + (bytes % 3000)));
        if (what === 'flush') host.endTurn();
        if (what === 'room') at.wire.room = bytes;
        if (what === 'take') {
          at.wire.room = Number.POSITIVE_INFINITY;
          at.wire.take();
          at.session.drained();
        }
        if (what === 'close') {
          at.session.closed();
          at.isGone = true;
        }
      }
      for (const { session, wire, isGone } of clients) {
        if (isGone) continue;
        wire.room = Number.POSITIVE_INFINITY;
        wire.take();
        session.drained();
      }
      host.endTurn();
      host.outbound.recount();
      expect(host.outbound.bytes).toBe(0);
      expect(host.outbound.frames.length).toBe(0);
    }),
  );
});

describe('frames whose end does not come', () => {
  const HALF = encodeFrame({ type: FrameType.Send, to: 2, id: 1, payload: Buffer.alloc(60_000) }).subarray(
    0,
    40_000,
  );

  test('are bounded for all clients together: the one that has stood the longest is closed, and told why', () => {
    const host = new FakeHost(undefined, undefined, 1_048_576);
    const bystander = host.login(1);
    const whole = encodeFrame({ type: FrameType.Ping, nonce: 7 });
    bystander.session.received(whole.subarray(0, 3));
    const flooders = Array.from({ length: 100 }, (_, at) => host.login(at + 2));

    vi.useFakeTimers();
    for (const { session } of flooders) {
      bystander.session.received(Buffer.concat([whole.subarray(3), whole.subarray(0, 3)]));
      session.received(HALF);
      expect(host.unfinished.bytes).toBeLessThanOrEqual(1_048_576);
    }

    // Those who were held back are read again once there is room.
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    const open = flooders.filter(({ session }) => session.isOpen);
    expect(open.length).toBeGreaterThan(5);
    expect(flooders.slice(-open.length)).toEqual(open);
    expect(new Set(host.closedFor)).toEqual(new Set(['Overloaded']));
    expect(flooders[0]?.wire.frames.at(-1)).toMatchObject({
      type: FrameType.Error,
      code: ReasonCode.Overloaded,
    });
    expect(bystander.session.isOpen).toBe(true);
  });

  test('are counted no longer when they are whole, or their connection is closed', async () => {
    const host = new FakeHost();
    const [whole, closed] = [host.login(1), host.login(2)];
    const frame = encodeFrame({ type: FrameType.Send, to: 2, id: 1, payload: Buffer.alloc(60_000) });
    for (const { session } of [whole, closed]) session.received(frame.subarray(0, 40_000));
    expect(host.unfinished.bytes).toBeGreaterThanOrEqual(80_000);

    whole.session.received(frame.subarray(40_000));
    closed.session.closed();

    expect(host.unfinished.bytes).toBe(0);
  });
});

describe('a slow reader', () => {
  test('of a few bytes counts with the whole buffer that they lie in', () => {
    const host = new FakeHost();
    const chunk = Buffer.alloc(65_536);
    const { session, wire } = host.login();
    wire.room = 10;

    session.deliver(1, chunk.subarray(0, 100));
    host.endTurn();

    expect(host.outbound.bytes).toBe(Math.max(...wire.heldRooms));
  });
});

describe('a login', () => {
  test('is answered with WELCOME before anything that was sent behind it, and nothing more is read until then', async () => {
    const host = new FakeHost();
    host.isHomeThere = false;
    const { session, wire } = host.connect();
    session.received(Buffer.concat([hello(1), pings(2)]));
    session.received(framesOf({ type: FrameType.Send, to: 2, id: 7, payload: Buffer.alloc(50_000) }));
    expect(wire.isPaused).toBe(true);
    expect(host.asked).toEqual([]);

    session.attached(3);
    await settled();
    host.endTurn();

    const types = wire.frames.map(({ type }) => type);
    expect(types).toEqual([FrameType.Welcome, FrameType.Pong, FrameType.Pong]);
    expect(host.asked).toEqual(['SEND 2 7 50000']);
    expect(wire.isPaused).toBe(false);
  });

  test('may have frames behind it in the same bytes that are longer than a login may be', () => {
    const host = new FakeHost();
    const { session } = host.connect();
    const send: Frame = { type: FrameType.Send, to: 2, id: 7, payload: Buffer.alloc(60_000) };
    session.received(Buffer.concat([hello(1), framesOf(send)]));
    expect(host.asked).toEqual(['SEND 2 7 60000']);
  });

  test('longer than loginBytes is refused by its header', () => {
    const host = new FakeHost();
    const { session, wire } = host.connect();
    session.received(Buffer.from([0x00, 0x10, 0x01, FrameType.Login]));
    expect(wire.frames).toMatchObject([{ code: ReasonCode.FrameTooLarge }]);
  });
});

test('a frame that comes byte by byte is copied a few times in all, not once a byte', () => {
  const host = new FakeHost();
  const { session } = host.login();
  const bytes = framesOf({ type: FrameType.Send, to: 2, id: 1, payload: Buffer.alloc(60_000) });
  const copy = vi.spyOn(Buffer.prototype, 'copy');
  const concat = vi.spyOn(Buffer, 'concat');
  for (const byte of bytes) session.received(Buffer.from([byte]));
  const copied = copy.mock.results.reduce((sum, { value }) => sum + value, 0);
  copy.mockRestore();
  expect(concat).not.toHaveBeenCalled();
  concat.mockRestore();
  expect(host.asked).toEqual(['SEND 2 1 60000']);
  expect(copied).toBeLessThan(3 * bytes.length);
});

test('an ACK that says nothing new is ignored, on the connection of the item and on the next one', () => {
  const host = new FakeHost();
  const { session } = host.login();
  const acknowledge = (sequence: number) => session.received(framesOf({ type: FrameType.Ack, sequence }));
  for (const sequence of [0, 3]) acknowledge(sequence);
  session.deliver(5, Buffer.alloc(10));
  session.deliver(6, Buffer.alloc(10));
  for (const sequence of [0, 4, 5, 5, 3, 6, 6, 0]) acknowledge(sequence);
  expect(host.asked).toEqual(['ACK 5', 'ACK 6']);
  expect(host.closedFor).toEqual([]);
  acknowledge(7);
  expect(host.closedFor).toEqual(['ProtocolError']);
});

describe('handlers that throw', () => {
  const bad: Handlers = {
    version: 'bad',
    onFrame() {
      throw new TypeError('no such thing');
    },
  };

  test('end the connection whose frame it was with InternalError, and are counted', () => {
    const host = new FakeHost();
    const [anna, bert] = [host.login(1), host.login(2)];
    host.handlers = {
      ...bad,
      onFrame: (client, frame) => frame.type === FrameType.Ping && bad.onFrame(client, frame),
    };
    anna.session.received(pings(2));
    bert.session.received(framesOf({ type: FrameType.Pong, nonce: 1 }));
    expect(anna.wire.frames).toMatchObject([{ type: FrameType.Error, code: ReasonCode.InternalError }]);
    expect(host.faults.map(({ message }) => message)).toEqual(['no such thing']);
    expect(host.closedFor).toEqual(['InternalError']);
  });

  test('are not blamed for what the server itself throws', () => {
    const host = new FakeHost();
    const { session } = host.login();
    host.submit = () => {
      throw new Error('the store is broken');
    };
    const send: Frame = { type: FrameType.Send, to: 2, id: 7, payload: Buffer.alloc(1) };
    expect(() => session.received(framesOf(send))).toThrow('the store is broken');
    expect(host.faults).toEqual([]);
  });
});
