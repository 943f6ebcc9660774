import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteQueue } from '../../../protocol/byte-queue.js';
import { parseServerConfig, type ServerConfigInput } from '../../../server/config.js';
import { connectionLimit } from '../../../server/gateway/connection-limit.js';
import { FirstIds } from '../../../server/gateway/first-ids.js';
import { IdleClock } from '../../../server/gateway/idle-clock.js';
import { SharedRoom } from '../../../server/processes/shared-room.js';
import { RateLimit } from '../../../server/queues/rate-limit.js';

test('a queue of bytes gives back what came in, in order, and its room goes with what it holds', () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.nat(4000));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue(Buffer.alloc(0));
      let model = Buffer.alloc(0);
      for (const at of steps) {
        if (typeof at === 'number') {
          const count = Math.min(at, model.length);
          queue.drop(count);
          model = model.subarray(count);
        } else {
          queue.append(at);
          model = Buffer.concat([model, at]);
        }
        expect(queue.bytes.equals(model)).toBe(true);
      }
      queue.drop(Math.max(0, queue.length - 10));
      expect(queue.bytes.buffer.byteLength).toBeLessThanOrEqual(64);
    }),
  );
});

describe('the idle time', () => {
  test('is never over too early, and late by no more than a look and a hundredth of it', () => {
    const timeoutMs = 1000;
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 40, noNaN: true }), { minLength: 80, maxLength: 200 }),
        fc.double({ min: 0, max: 600, noNaN: true }),
        (gaps, heardMs) => {
          const clock = new IdleClock(timeoutMs, 0);
          let now = 0;
          let heardTick: number | undefined;
          let overdueMs: number | undefined;
          for (const gap of gaps) {
            if (heardTick === undefined && now + gap > heardMs) heardTick = clock.tick;
            now += gap;
            clock.look(now);
            if (heardTick !== undefined && clock.isOverdue(heardTick)) overdueMs ??= now;
          }
          if (overdueMs !== undefined) expect(overdueMs - heardMs).toBeGreaterThanOrEqual(timeoutMs);
          // Two looks and a tick: it was heard within one look, and is looked at in another.
          if (now >= heardMs + timeoutMs + 100) expect((overdueMs ?? now) - heardMs).toBeLessThan(1100);
        },
      ),
    );
  });
});

test('ids to begin with rise with each login, also when the clock stands still, and are far above those of before', () => {
  let nowMs = 1_700_000_000_000;
  const ids = new FirstIds(() => nowMs);
  const [first, second] = [ids.next(), ids.next()];
  nowMs += 10;
  const third = ids.next();
  expect(second).toBe(first + 1);
  expect(third - second).toBeGreaterThan(5000);
  expect(third).toBeLessThan(Number.MAX_SAFE_INTEGER);
});

describe('a limit on connections', () => {
  test.each([
    [
      'an open-file limit that leaves no room',
      0,
      400,
      /there is no room for any in a limit of 400 open files.*at least 501/,
    ],
    [
      'more than the open-file limit leaves',
      1000,
      1024,
      /1000 do not fit a limit of 1024 open files.*at least 1500.*or set at most 524/,
    ],
  ])('is refused at the start for %s', (_name, configured, openFiles, reason) => {
    expect(() => connectionLimit(configured, openFiles)).toThrow(reason);
  });

  test('is what the open-file limit leaves where none is configured', () => {
    expect(connectionLimit(0, 1024)).toBe(524);
    expect(connectionLimit(524, 1024)).toBe(524);
  });
});

test('of workers that share a port, each knows whether others have room, whatever fills, dies and comes back', () => {
  const step = fc.record({ worker: fc.nat(2), what: fc.constantFrom('full', 'room', 'restart') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const room = new SharedRoom(3);
      const hasRoom = [true, true, true];
      const told = [true, true, true];
      const set = (worker: number, has: boolean) => {
        hasRoom[worker] = has;
        for (const { worker: other, haveOthersRoom } of room.set(worker, has)) told[other] = haveOthersRoom;
      };
      for (const { worker, what } of steps) {
        if (what === 'restart') {
          set(worker, false);
          room.forget(worker);
          told[worker] = true;
        }
        set(worker, what !== 'full');
        expect(told).toEqual(hasRoom.map((_, self) => hasRoom.some((has, other) => has && other !== self)));
      }
    }),
  );
});

test.each(['idleTimeoutMs', 'loginTimeoutMs', 'drainTimeoutMs'])(
  'a %s that Node would take for a millisecond is refused',
  (setting) => {
    const limits = { [setting]: 2 ** 31 } as ServerConfigInput['limits'];
    expect(() => parseServerConfig({ limits })).toThrow(new RegExp(`limits.${setting}`));
  },
);

test.each(['chat.example', 'https://chat.example/', 'https://chat.example/page'])(
  'an origin that no browser sends is refused: %s',
  (origin) => expect(() => parseServerConfig({ origins: [origin] })).toThrow(/is no origin/),
);

test('a GROUP takes as much of the rate as it has members, and one that is larger than the rate takes all of it', () => {
  const limit = new RateLimit(100, 0);
  expect(limit.admits(0, 60)).toBe(true);
  expect(limit.admits(0, 60)).toBe(false);
  expect(limit.admits(0, 40)).toBe(true);
  expect(limit.admits(999, 5000)).toBe(false);
  expect(limit.admits(1000, 5000)).toBe(true);
});
