import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lineage, NOWHERE } from '../../../../server/store/jetstream/lineage.js';
import {
  decodeRecord,
  encodeFence,
  encodeTurn,
  HEAD_BYTES,
  RecordError,
  readChanges,
} from '../../../../server/store/jetstream/record.js';

const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const turn = fc.array(fc.tuple(bytes, fc.option(bytes, { nil: undefined })), { maxLength: 12 });
const owner = fc.record({ epoch: fc.integer({ min: 1, max: 2 ** 40 }), mark: fc.nat(0xffff_ffff) });

function changesOf(body: Buffer): [Buffer, Buffer | undefined][] {
  const changes: [Buffer, Buffer | undefined][] = [];
  readChanges(body, (key, value) => changes.push([Buffer.from(key), value && Buffer.from(value)]));
  return changes;
}

test('a turn comes back as it was, in one record or in as many as it needs', () => {
  fc.assert(
    fc.property(turn, owner, fc.integer({ min: HEAD_BYTES + 1, max: 2000 }), (changes, by, mostBytes) => {
      const records = encodeTurn(changes.flat(), by, 1, mostBytes);
      const lineage = new Lineage(NOWHERE);
      expect(lineage.take(decodeRecord(encodeFence(by)))).toBeUndefined();
      const bodies = records.map((record) => {
        expect(record.length).toBeLessThanOrEqual(mostBytes);
        return lineage.take(decodeRecord(record));
      });
      // Only the last of them ends it.
      expect(bodies.slice(0, -1).every((body) => body === undefined)).toBe(true);
      expect(changesOf(bodies.at(-1) as Buffer)).toEqual(changes);
    }),
  );
});

test('a flipped bit anywhere in a record is told, and so is a record that was cut', () => {
  fc.assert(
    fc.property(turn, owner, fc.nat(), (changes, by, at) => {
      const [record] = encodeTurn(changes.flat(), by, 1, 2 ** 20) as [Buffer];
      const flipped = Buffer.from(record);
      const bit = at % (8 * record.length);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeRecord(flipped)).toThrow(RecordError);
      expect(() => decodeRecord(record.subarray(0, at % record.length))).toThrow(RecordError);
    }),
  );
});

test('what is written behind the fence of another does not count, whatever its sequence', () => {
  const [stale, fresh] = [
    { epoch: 1, mark: 10 },
    { epoch: 2, mark: 20 },
  ];
  const one = (by: typeof stale, number: number, name: string) =>
    encodeTurn([Buffer.from(name), undefined], by, number, 1000)[0] as Buffer;
  const log = [
    encodeFence(stale),
    one(stale, 1, 'a'),
    encodeFence(fresh),
    one(stale, 3, 'void: behind a fence'),
    one(fresh, 2, 'void: nothing is before it'),
    encodeFence(stale),
    one(fresh, 1, 'b'),
    encodeFence(fresh),
    one(fresh, 1, 'void: there already'),
    one(fresh, 2, 'c'),
  ];
  const lineage = new Lineage(NOWHERE);
  const names = log
    .map((record) => lineage.take(decodeRecord(record)))
    .flatMap((body) => (body ? changesOf(body) : []))
    .map(([key]) => key.toString());
  expect(names).toEqual(['a', 'b', 'c']);
});

test('parts without an end are forgotten with the next turn, and with the next owner', () => {
  const by = { epoch: 1, mark: 10 };
  const large = [Buffer.from('large'), Buffer.alloc(500)];
  const parts = encodeTurn(large, by, 1, 200);
  const next = encodeTurn([Buffer.from('next'), undefined], by, 3, 200);
  const lineage = new Lineage(NOWHERE);
  const names = [encodeFence(by), ...parts.slice(0, 2), ...next]
    .map((record) => lineage.take(decodeRecord(record)))
    .flatMap((body) => (body ? changesOf(body) : []))
    .map(([key]) => key.toString());
  expect(names).toEqual(['next']);
});
