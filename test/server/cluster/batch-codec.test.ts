import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BusMessage } from '../../../server/bus/bus.js';
import { busMessageBytes, writeBusMessage } from '../../../server/bus/bus-codec.js';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  checkBatch,
  MARKER_BYTES,
  type Marker,
  readBatch,
  readBatchHeader,
  writeBatchHeader,
  writeMarker,
} from '../../../server/cluster/batch-codec.js';
import { busMessage } from '../../support/bus-messages.js';

const HOMES = 100;
const HEADER: BatchHeader = { version: 3, flags: 0, from: 1, to: 2, number: 1, confirmed: 0 };

interface Said {
  home: number;
  message: BusMessage | { marker: Marker; epoch: number };
}

const home = fc.nat(HOMES - 1);
const said: fc.Arbitrary<Said> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ home, message: busMessage }) },
  {
    weight: 1,
    arbitrary: fc.record({
      home,
      message: fc.record({
        marker: fc.constantFrom('held' as const, 'here' as const),
        epoch: fc.nat(Number.MAX_SAFE_INTEGER),
      }),
    }),
  },
);

function batchOf(all: Said[], header = HEADER): Buffer {
  const parts = all.map(({ home, message }) => {
    if ('marker' in message) {
      const bytes = Buffer.alloc(MARKER_BYTES);
      expect(writeMarker(message.marker, home, message.epoch, bytes, 0)).toBe(MARKER_BYTES);
      return bytes;
    }
    const bytes = Buffer.alloc(2 + busMessageBytes(message, header.version));
    bytes.writeUInt16LE(home);
    expect(writeBusMessage(message, bytes, 2, header.version)).toBe(bytes.length);
    return bytes;
  });
  const batch = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...parts]);
  writeBatchHeader(header, batch);
  return batch;
}

function readAll(batch: Buffer, version = 3): Said[] {
  const read: Said[] = [];
  readBatch(batch, version, {
    message: (home, message) => read.push({ home, message }),
    marker: (marker, home, epoch) => read.push({ home, message: { marker, epoch } }),
  });
  return read;
}

/** What a peer does with bytes that come on its subject. */
function take(bytes: Buffer): Said[] {
  const header = readBatchHeader(bytes);
  if (!header || checkBatch(bytes, HOMES) === undefined) return [];
  return readAll(bytes, header.version);
}

describe('a batch', () => {
  test('gives back all that was said, and by whom, and how far the other has come', () => {
    fc.assert(
      fc.property(
        fc.array(said, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat(),
        (all, number, confirmed) => {
          const header = { ...HEADER, from: 60_000, to: 7, number: number + 1, confirmed };
          const batch = batchOf(all, header);

          expect(readBatchHeader(batch)).toEqual(header);
          expect(checkBatch(batch, HOMES)).toBe(0);
          expect(readAll(batch)).toEqual(all);
        },
      ),
    );
  });

  test('goes on behind a message of a kind that is not known here', () => {
    const batch = batchOf([
      { home: 1, message: { kind: 'replaced', connection: 1 } },
      { home: 2, message: { kind: 'replaced', connection: 2 } },
      { home: 3, message: { kind: 'replaced', connection: 3 } },
    ]);
    const each = (batch.length - BATCH_HEADER_BYTES) / 3;
    batch[BATCH_HEADER_BYTES + each + 2 + 4] = 200;

    expect(checkBatch(batch, HOMES)).toBe(1);
    expect(readAll(batch).map(({ home }) => home)).toEqual([1, 3]);
  });

  test('that is garbage is not taken, and nothing is read outside of it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        expect(take(Buffer.from(garbage))).toEqual([]);
        // The same behind a header that is good.
        const batch = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), garbage]);
        writeBatchHeader(HEADER, batch);
        for (const { home } of take(batch)) expect(home).toBeLessThan(HOMES);
      }),
      { numRuns: 2000 },
    );
  });

  test('that was damaged or cut is read without a fault, or not at all', () => {
    const change = fc.record({ at: fc.nat(), to: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.array(said, { minLength: 1, maxLength: 4 }),
        fc.array(change, { maxLength: 4 }),
        fc.nat(),
        (all, changes, cut) => {
          const batch = batchOf(all);
          // What follows in the same memory must not be taken for a part of it.
          const beside = Buffer.concat([batch, Buffer.alloc(4096, 0xff)]);
          const damaged = beside.subarray(0, batch.length - (cut % 4 === 0 ? cut % batch.length : 0));
          for (const { at, to } of changes) damaged[at % damaged.length] = to;
          for (const { message } of take(damaged)) {
            if ('members' in message) expect(message.members.length * 8).toBeLessThan(damaged.length);
            if ('payload' in message) expect(message.payload.length).toBeLessThan(damaged.length);
            if ('frame' in message) expect(message.frame.length).toBeLessThan(damaged.length);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
