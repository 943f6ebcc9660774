import { Readable } from 'node:stream';
import { StorageType } from '@nats-io/jetstream';
import { type ObjectInfo, type ObjectStore, Objm } from '@nats-io/obj';
import { z } from 'zod';
import type { HomeLog } from './home-log.js';
import type { LogNames } from './names.js';
import { patiently } from './patience.js';

/** One message of the object store each. */
const CHUNK_BYTES = 512 * 1024;
/** Of the acknowledgement of a chunk, and the longest silence while one is read. */
const ANSWER_MS = 10_000;

/** What stands in an object's metadata, which are strings. */
const metadataSchema = z.object({ sequence: z.coerce.number().int(), epoch: z.coerce.number().int() });

/** A copy of a home's local state in the object store. */
export interface Snapshot {
  readonly slot: string;
  /** The log up to here is part of it. */
  readonly sequence: number;
  /** Of whoever has made it. */
  readonly epoch: number;
  readonly bytes: number;
  /** Of the slot: another snapshot in its place has another. */
  readonly revision: number;
}

/**
 * The snapshots of one home: two slots of the cluster's bucket, of which a new one takes that of the older. The object
 * store cuts them into chunks, and tells by their SHA-256 whether they came back as they were.
 */
export class Snapshots {
  readonly #names: LogNames;
  readonly #bucket: ObjectStore;

  private constructor(names: LogNames, bucket: ObjectStore) {
    this.#names = names;
    this.#bucket = bucket;
  }

  /** Opens the bucket, and makes it where it is not there. */
  static async open(log: HomeLog, replicas: number): Promise<Snapshots> {
    const objects = new Objm(log.client);
    const bucket = await patiently(() =>
      objects.create(log.names.bucket, { replicas, storage: StorageType.File }),
    );
    return new Snapshots(log.names, bucket);
  }

  /** Those that are there, the newest first. */
  async list(): Promise<Snapshot[]> {
    const found = await Promise.all(
      this.#names.slots.map(async (slot) => {
        const info = await patiently(() => this.#bucket.info(slot));
        return info && !info.deleted ? snapshotOf(slot, info) : undefined;
      }),
    );
    return found
      .filter((each): each is Snapshot => each !== undefined)
      .sort((one, other) => other.sequence - one.sequence);
  }

  /** Gives its bytes as they come. @throws Error where it is not what was stored, or does not come: known only at its end */
  async read({ slot, revision }: Snapshot, take: (chunk: Uint8Array) => void): Promise<void> {
    const result = await patiently(() => this.#bucket.get(slot));
    if (!result || result.info.revision !== revision) throw new Error(`${slot} was written meanwhile`);
    // It rejects with what the stream ends with; that is where it is told.
    result.error.catch(() => undefined);
    const reader = result.data.getReader();
    try {
      for (;;) {
        const { done, value } = await inTime(reader.read(), slot);
        if (done) return;
        // At once, so that nothing gathers in memory that came faster than it is taken.
        if (value) take(value);
      }
    } finally {
      // Where it ended with an error that is told already.
      reader.cancel().catch(() => undefined);
    }
  }

  /**
   * Puts one in the place of the older one.
   * @throws Error where somebody else was faster, or the object store does not take it: what was there is there
   */
  async save(pieces: AsyncIterable<Buffer>, sequence: number, epoch: number): Promise<Snapshot> {
    const there = await this.list();
    const [newest] = there;
    if (newest && newest.sequence >= sequence)
      throw new Error(`${newest.slot} holds a snapshot that is as new, of sequence ${newest.sequence}`);
    const free = this.#names.slots.find((slot) => !there.some((each) => each.slot === slot));
    const slot = free ?? (there.at(-1) as Snapshot).slot;
    const before = await this.#bucket.info(slot);
    // A stale owner must not put an older one over that of a newer owner.
    const previousRevision = before?.revision ?? 0;
    if (!free && previousRevision !== there.at(-1)?.revision)
      throw new Error(`${slot} was written meanwhile`);
    const metadata = { sequence: String(sequence), epoch: String(epoch) };
    const data = Readable.toWeb(Readable.from(pieces, { objectMode: false, highWaterMark: CHUNK_BYTES }));
    const info = await this.#bucket.put(
      { name: slot, metadata, options: { max_chunk_size: CHUNK_BYTES } },
      data as ReadableStream<Uint8Array>,
      { previousRevision, timeout: ANSWER_MS },
    );
    const saved = snapshotOf(slot, info);
    if (!saved) throw new Error(`${slot} was not stored as it was said`);
    return saved;
  }
}

function snapshotOf(slot: string, { size, revision, metadata }: ObjectInfo): Snapshot | undefined {
  const { success, data } = metadataSchema.safeParse(metadata);
  return success ? { slot, ...data, bytes: size, revision } : undefined;
}

/** Chunks that are missing are not told of: the object store just sends nothing. */
async function inTime<Value>(value: Promise<Value>, slot: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the object store sends no more of ${slot}`)), ANSWER_MS);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
