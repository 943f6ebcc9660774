import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWhole, seal } from '../../../server/store/checksum.js';
import { type HomeStore, StoreFailure, VALUE_OFFSET } from '../../../server/store/home-store.js';
import { DATA_FILE, LmdbStore, type LmdbStoreOptions } from '../../../server/store/lmdb-store.js';
import { MemoryStore } from '../../../server/store/memory-store.js';
import { itemKey, KeyKind, numbersKey, readItemKey } from '../../../server/store/store-keys.js';
import { testFolder } from '../../support/folder.js';

function openLmdbStore(options: Partial<LmdbStoreOptions> = {}): LmdbStore {
  const folder = options.folder ?? join(testFolder(), 'home-0');
  mkdirSync(folder, { recursive: true });
  return new LmdbStore({ folder, sync: false, maxBytes: 1e9, ...options });
}

/** A value of these bytes, with the room that the store wants. */
function value(text: string): Buffer {
  return Buffer.concat([Buffer.alloc(VALUE_OFFSET), Buffer.from(text)]);
}

function textOf(bytes: Buffer | undefined): string | undefined {
  return bytes?.subarray(VALUE_OFFSET).toString();
}

const stores: [string, () => HomeStore][] = [
  ['in memory', () => new MemoryStore()],
  ['in lmdb', () => openLmdbStore()],
];

describe.each(stores)('a store %s', (_name, open) => {
  test('keeps, gives, counts and removes entries as a sorted map would', async () => {
    const kind = fc.constantFrom(KeyKind.Window, KeyKind.Group);
    const key = fc.record({ kind, first: fc.nat(6), second: fc.nat(6) });
    const operation = fc.record({ key, text: fc.option(fc.string({ maxLength: 30 }), { nil: undefined }) });
    const store = open();
    await store.open(1);
    fc.assert(
      fc.property(fc.array(fc.array(operation, { maxLength: 8 }), { maxLength: 8 }), key, (turns, asked) => {
        for (const { key: stale } of [...store.range(Buffer.alloc(0))]) store.stage(stale);
        store.commit();
        const model = new Map<string, string>();
        for (const turn of turns) {
          for (const { key: each, text } of turn) {
            const name = numbersKey(each.kind, each.first, each.second);
            store.stage(name, text === undefined ? undefined : value(text));
            if (text === undefined) model.delete(name.toString('hex'));
            else model.set(name.toString('hex'), text);
          }
          store.commit();
        }
        const prefix = numbersKey(asked.kind, asked.first);
        const expected = [...model].filter(([name]) => name.startsWith(prefix.toString('hex'))).sort();
        const read = (entries: ReturnType<HomeStore['range']>) =>
          [...entries].map((entry) => [entry.key.toString('hex'), textOf(entry.value)]);
        expect(read(store.range(prefix))).toEqual(expected);
        expect(read(store.range(prefix, { isReversed: true, limit: 2 }))).toEqual(
          [...expected].reverse().slice(0, 2),
        );
        const from = numbersKey(asked.kind, asked.first, asked.second);
        expect(read(store.range(prefix, { from }))).toEqual(
          expected.filter(([name]) => (name as string) >= from.toString('hex')),
        );
        expect(store.count(prefix)).toBe(expected.length);
        expect(textOf(store.get(from))).toBe(model.get(from.toString('hex')));
      }),
      { numRuns: 60 },
    );
    await store.close();
  });

  test('knows how full it is, and has room again for what was removed', async () => {
    const store = open();
    const thousand = () => value('x'.repeat(1000));
    for (let sequence = 1; sequence <= 500; sequence += 1) store.stage(itemKey(1, sequence), thousand());
    store.commit();
    store.usage();
    const { fullness } = store;
    for (let sequence = 1; sequence <= 500; sequence += 1) store.stage(itemKey(1, sequence));
    store.commit();
    store.usage();
    expect(store.fullness).toBeLessThanOrEqual(fullness / 5);
    await store.close();
  });
});

test('a store in memory is full at its limit, and not any more once something was removed', () => {
  const store = new MemoryStore(100_000);
  for (let sequence = 1; sequence <= 100; sequence += 1)
    store.stage(itemKey(1, sequence), value('x'.repeat(1000)));
  expect(store.isFull).toBe(true);
  for (let sequence = 1; sequence <= 100; sequence += 1) store.stage(itemKey(1, sequence));
  expect(store.isFull).toBe(false);
  expect(store.fullness).toBe(0);
});

describe('a store in lmdb', () => {
  test('has what was committed after it was closed and opened again', async () => {
    const folder = join(testFolder(), 'home-0');
    const before = openLmdbStore({ folder });
    before.stage(itemKey(1, 1), value('one'));
    before.commit();
    await before.close();

    const after = openLmdbStore({ folder });
    expect(textOf(after.get(itemKey(1, 1)))).toBe('one');
    await after.close();
  });

  test('is full by what it holds, and not by the pages that its file keeps', async () => {
    const store = openLmdbStore({ maxBytes: 500_000 });
    for (let round = 0; round < 3; round += 1) {
      for (let sequence = 1; sequence <= 700; sequence += 1)
        store.stage(itemKey(1, sequence), value('x'.repeat(1000)));
      store.commit();
      store.usage();
      expect(store.isFull).toBe(true);
      for (let sequence = 1; sequence <= 700; sequence += 1) store.stage(itemKey(1, sequence));
      store.commit();
      store.usage();
      expect(store.isFull).toBe(false);
    }
    await store.close();
  });

  test('passes over an entry that is not what was written', async () => {
    const folder = join(testFolder(), 'home-0');
    const store = openLmdbStore({ folder });
    for (let sequence = 1; sequence <= 3; sequence += 1)
      store.stage(itemKey(1, sequence), value(`message ${sequence}`));
    store.commit();
    const path = join(folder, DATA_FILE);
    const at = readFileSync(path).indexOf('message 2');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.from('k'), 0, 1, at);
    closeSync(file);

    expect(store.get(itemKey(1, 2))).toBeUndefined();
    const sequences = [...store.range(numbersKey(KeyKind.Item))].map(({ key }) => readItemKey(key)?.sequence);
    expect(sequences).toEqual([1, 3]);
    await store.close();
  });
});

test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a store in lmdb keeps turns that make room on a disk that is too full for any other, and then others again',
  async () => {
    const disk = testFolder();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    try {
      const store = openLmdbStore({ folder: join(disk, 'home-0') });
      const TURN = 16;
      let turns = 0;
      const add = (): void => {
        for (let item = 1; item <= TURN; item += 1)
          store.stage(itemKey(turns, item), value('x'.repeat(1000)));
        store.commit();
        turns += 1;
      };
      expect(() => {
        while (turns < 10_000) add();
      }).toThrow(StoreFailure);
      expect(turns).toBeGreaterThan(100);
      store.discard();
      // However often it looks, there is no room.
      for (let time = 0; time < 3; time += 1) {
        store.usage();
        expect(add).toThrow(StoreFailure);
      }
      for (let turn = 0; turn < turns; turn += 1) {
        for (let item = 1; item <= TURN; item += 1) store.stage(itemKey(turn, item));
        store.commit(true);
      }
      expect(store.count(numbersKey(KeyKind.Item))).toBe(0);
      add();
      await store.close();
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  },
);

test('a checksum tells every flipped bit, and another key', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), fc.nat(), (bytes, user, flip) => {
      const value = Buffer.concat([Buffer.alloc(VALUE_OFFSET), bytes]);
      const key = itemKey(user, 7);
      seal(key, value);
      expect(isWhole(key, Buffer.from(value))).toBe(true);
      expect(isWhole(itemKey(user + 1, 7), Buffer.from(value))).toBe(false);
      const flipped = Buffer.from(value);
      const bit = flip % (8 * value.length);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(isWhole(key, flipped)).toBe(false);
    }),
  );
});
