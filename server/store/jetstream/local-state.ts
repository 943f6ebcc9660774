import { type Entry, type RangeOptions, VALUE_OFFSET } from '../home-store.js';
import { LmdbStore } from '../lmdb-store.js';
import { NOWHERE, type Place } from './lineage.js';
import { readChanges } from './record.js';

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
  #place: Place;

  /**
   * @param folder empty, or with the data file of a snapshot
   * @param maxBytes past it the home is full
   * @throws the system's error, or LMDB's, for a file that is none of its
   */
  constructor(folder: string, maxBytes: number) {
    this.#store = new LmdbStore({ folder, sync: false, maxBytes });
    this.#place = readPlace(this.#store.get(PLACE_KEY));
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
    this.#store.commit();
    this.#place = place;
  }

  /** Copies it, as it is at some time during the call, into an empty folder. */
  copyTo(folder: string): Promise<void> {
    return this.#store.copyTo(folder);
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
