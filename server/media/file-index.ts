import type { MediaEntry } from './media-entry.js';
import { diskBytes, type Room } from './room.js';

type Indexed = Pick<MediaEntry, 'bytes' | 'owners' | 'storedAtMs'>;

/**
 * Which files there are, how old, and whose: what must be known without reading all entries. About 250 bytes a file,
 * of which each takes 8 KiB of the room at least. A file takes its part of the room once, and of the share of each owner.
 */
export class FileIndex {
  readonly #room: Room;
  readonly #files = new Map<string, Indexed>();
  bytes = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  get files(): number {
    return this.#files.size;
  }

  has(hash: string): boolean {
    return this.#files.has(hash);
  }

  isOwner(user: number, hash: string): boolean {
    return this.#files.get(hash)?.owners.includes(user) ?? false;
  }

  isOlder(hash: string, thanMs: number): boolean {
    return (this.#files.get(hash)?.storedAtMs ?? thanMs) < thanMs;
  }

  *olderThan(thanMs: number): Iterable<string> {
    for (const [hash, { storedAtMs }] of this.#files) if (storedAtMs < thanMs) yield hash;
  }

  set({ hash, bytes, owners, storedAtMs }: MediaEntry): void {
    this.remove(hash);
    const file = { bytes, owners, storedAtMs };
    this.#files.set(hash, file);
    this.#count(file, 1);
  }

  /** Of a file that is not there it takes nothing. */
  remove(hash: string): void {
    const file = this.#files.get(hash);
    if (!file) return;
    this.#files.delete(hash);
    this.#count(file, -1);
  }

  #count({ bytes, owners }: Indexed, sign: 1 | -1): void {
    const taken = sign * diskBytes(bytes);
    this.bytes += sign * bytes;
    this.#room.takeFromAll(taken);
    for (const owner of owners) this.#room.takeFromShare(owner, taken);
  }
}
