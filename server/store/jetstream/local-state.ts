import { type Entry, type RangeOptions, VALUE_OFFSET } from '../home-store.js';
import { LmdbStore } from '../lmdb-store.js';
import { NOWHERE, type Place } from './lineage.js';
import { bytesOf, type Changes, readChanges, writeChanges } from './record.js';

const ALL = Buffer.alloc(0);
/** Of a state that is read while it is in use: so much at once. */
const PIECE_BYTES = 256 * 1024;
/** Of a piece, before it. */
const LENGTH_BYTES = 4;

/** Behind every prefix, that of all entries among them: those end before this byte. */
const PLACE_KEY = Buffer.of(0xff, 1);
/** Sequence (6 bytes), epoch (6), mark (4), number (6); little-endian. */
const PLACE_BYTES = 22;

/**
 * What the log amounts to up to a place in it, which stands beside it and changes with it: a cache on the disk of this
 * machine, which is read at once and may vanish.
 */
export class LocalState {
  readonly #store: LmdbStore;
  #place = NOWHERE;

  /**
   * @param folder empty
   * @param maxBytes past it the home is full
   * @throws the system's error, where the disk has no room
   */
  constructor(folder: string, maxBytes: number) {
    this.#store = new LmdbStore({ folder, sync: false, maxBytes });
  }

  get place(): Place {
    return this.#place;
  }

  get isFull(): boolean {
    return this.#store.isFull;
  }

  get fullness(): number {
    return this.#store.fullness;
  }

  get diskBytes(): number {
    return this.#store.usage().diskBytes;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#store.get(key);
  }

  range(prefix: Buffer, options?: RangeOptions): Iterable<Entry> {
    return this.#store.range(prefix, options);
  }

  count(prefix: Buffer): number {
    return this.#store.count(prefix);
  }

  /** Hot path. Takes the changes of a turn, which take effect with the next `keep`. @throws RecordError */
  apply(body: Buffer): void {
    readChanges(body, this.#stage);
  }

  readonly #stage = (key: Buffer, value: Buffer | undefined): void => this.#store.stage(key, value);

  /** Hot path. What was applied is what the log amounts to at `place`. @throws StoreFailure: the disk does not take it */
  keep(place: Place): void {
    this.#store.stage(PLACE_KEY, writePlace(place));
    // The log has it already: all the room that there is may be taken for it.
    this.#store.commit(true);
    this.#place = place;
  }

  /**
   * All of it, a piece at a time, while it changes: what came meanwhile may be there or not, so that it is right only with the
   * log from `place` on, where it was at the beginning, or before. LMDB's own copy is of one moment, and with lmdb 3.4 ends in a
   * database that is broken where commits go on beside it.
   * @param check is called before each piece is read; what it throws ends it
   */
  async *pieces(place: Place, check: () => void): AsyncGenerator<Buffer> {
    yield encodePiece([PLACE_KEY, writePlace(place)]);
    let from = Buffer.alloc(0);
    for (;;) {
      check();
      const changes: Buffer[] = [];
      let bytes = 0;
      for (const { key, value } of this.#store.range(ALL, { from })) {
        changes.push(key, value);
        bytes += value.length;
        if (bytes >= PIECE_BYTES) break;
      }
      const last = changes.at(-2);
      if (!last) return;
      // The key right behind it.
      from = Buffer.concat([last, Buffer.of(0)]);
      yield encodePiece(changes);
      // Others have their turn, whoever reads this does not wait.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Takes the bytes of pieces, however they were cut, into a state that is empty. */
  restorer(): (chunk: Uint8Array) => void {
    let left: Buffer = Buffer.alloc(0);
    let unkept = 0;
    return (chunk) => {
      left = Buffer.concat([left, chunk]);
      let at = 0;
      while (left.length - at >= LENGTH_BYTES) {
        const end = at + LENGTH_BYTES + left.readUInt32LE(at);
        if (end > left.length) break;
        readChanges(left.subarray(at + LENGTH_BYTES, end), this.#stage);
        unkept += end - at;
        at = end;
      }
      // Staged values are parts of it until then.
      if (unkept > 0) this.#store.commit(true);
      unkept = 0;
      left = Buffer.from(left.subarray(at));
    };
  }

  /** All of a snapshot was restored. */
  restored(): void {
    this.#place = readPlace(this.#store.get(PLACE_KEY));
  }

  async close(): Promise<void> {
    this.#store.discard();
    await this.#store.close();
  }
}

function writePlace({ sequence, owner, number }: Place): Buffer {
  const value = Buffer.alloc(VALUE_OFFSET + PLACE_BYTES);
  value.writeUIntLE(sequence, VALUE_OFFSET, 6);
  value.writeUIntLE(owner.epoch, VALUE_OFFSET + 6, 6);
  value.writeUInt32LE(owner.mark, VALUE_OFFSET + 12);
  value.writeUIntLE(number, VALUE_OFFSET + 16, 6);
  return value;
}

function readPlace(value: Buffer | undefined): Place {
  if (!value) return NOWHERE;
  return {
    sequence: value.readUIntLE(VALUE_OFFSET, 6),
    owner: { epoch: value.readUIntLE(VALUE_OFFSET + 6, 6), mark: value.readUInt32LE(VALUE_OFFSET + 12) },
    number: value.readUIntLE(VALUE_OFFSET + 16, 6),
  };
}

function encodePiece(changes: Changes): Buffer {
  const bytes = bytesOf(changes);
  const piece = Buffer.allocUnsafe(LENGTH_BYTES + bytes);
  piece.writeUInt32LE(bytes, 0);
  writeChanges(changes, piece, LENGTH_BYTES);
  return piece;
}
