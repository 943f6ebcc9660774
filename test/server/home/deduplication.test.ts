import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReasonCode } from '../../../protocol/frame.js';
import { readWindow } from '../../../server/home/deduplication.js';
import { DEDUPLICATION_WINDOW, DeduplicationWindow } from '../../../server/home/deduplication-window.js';
import { KeyKind, numbersKey } from '../../../server/store/store-keys.js';
import { fromVersion1 } from '../../../server/store/version-1.js';
import { FakeStore } from '../../support/fake-store.js';
import { testHome } from '../../support/home.js';

/** What the page says: the newest 64 that were accepted are known, whatever their distance. */
function modelOf(accepted: number[], id: number): string {
  const newest = accepted.slice(-DEDUPLICATION_WINDOW);
  if (accepted.length === 0 || id > (accepted.at(-1) as number)) return 'new';
  if (newest.includes(id)) return 'repeated';
  return id < (newest[0] as number) && accepted.length > newest.length ? 'too-old' : 'skipped';
}

function written(window: DeduplicationWindow): DeduplicationWindow {
  const bytes = Buffer.alloc(10 + window.mostBytes);
  const end = window.write(bytes, 10);
  expect(end).toBeLessThanOrEqual(bytes.length);
  return DeduplicationWindow.read(bytes.subarray(0, end), 10);
}

describe('the window of ids between two users', () => {
  test('knows the newest 64 that were accepted, however far apart they are, and as well after it was written down', () => {
    const gap = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 1e12 }));
    fc.assert(
      fc.property(fc.nat(1e9), fc.array(gap, { maxLength: 150 }), fc.nat(70), (first, gaps, waiting) => {
        let window = new DeduplicationWindow();
        const accepted: number[] = [];
        let id = first;
        for (const by of gaps) {
          id += by;
          window.remember(id);
          accepted.push(id);
          if (accepted.length % 40 === 0) window = written(window);
        }
        window.waiting = waiting;
        for (const copy of [window, written(window)]) {
          expect(copy.waiting).toBe(waiting);
          for (const near of [...accepted, first]) {
            for (const asked of [near - 1, near, near + 1])
              if (asked >= 0) expect(copy.look(asked)).toBe(modelOf(accepted, asked));
          }
        }
      }),
    );
  });

  test('takes any id as new before the first, also 0', () => {
    expect(new DeduplicationWindow().look(0)).toBe('new');
    expect(new DeduplicationWindow().look(Number.MAX_SAFE_INTEGER)).toBe('new');
  });
});

test('a client that numbers all its messages with one counter is told ACCEPTED again for a SEND that it repeats', async () => {
  const store = new FakeStore();
  const sut = testHome(store);
  const say = async (id: number) => {
    sut.submit(1, 100 + ((id / 1000) % 40), id);
    sut.home.commit();
    await store.keep(0);
    return sut.take().map((message) => (message.kind === 'refused' ? message.code : message.kind));
  };
  const ids = Array.from({ length: 400 }, (_, index) => 1000 * (index + 1));
  for (const id of ids) expect(await say(id)).toEqual(['accepted']);

  // Ten to each of forty recipients: all of them are known.
  for (const id of ids) expect(await say(id)).toEqual(['accepted']);
  expect(sut.counters).toMatchObject({ accepted: 400, repeated: 400 });
  expect(await say(1500)).toEqual([ReasonCode.IdSkipped]);
});

test('a window that the format before has kept knows what it knew', () => {
  const distances = fc.uniqueArray(fc.nat(63), { maxLength: 64 });
  fc.assert(
    fc.property(fc.integer({ min: 64, max: 1e12 }), distances, (highest, below) => {
      // The highest id is always one that was seen.
      const seen = new Set([0, ...below]);
      const old = Buffer.alloc(16);
      old.writeDoubleLE(highest, 0);
      for (const [word, offset] of [
        [0, 8],
        [1, 12],
      ] as const) {
        let bits = 0;
        for (let bit = 0; bit < 32; bit += 1) if (seen.has(32 * word + bit)) bits |= 1 << bit;
        old.writeInt32LE(bits, offset);
      }

      const window = readWindow(fromVersion1(numbersKey(KeyKind.Window, 1, 2), old));

      expect(window.look(highest + 1)).toBe('new');
      for (let distance = 0; distance < 64; distance += 1) {
        const look = window.look(highest - distance);
        if (seen.has(distance)) expect(look).toBe('repeated');
        else expect(['skipped', 'too-old']).toContain(look);
      }
    }),
  );
});
