/** The blocks that a disk gives out: the smallest file takes one. */
const BLOCK_BYTES = 4096;

/**
 * What a file of `bytes` takes of the disk: whole blocks, and one for its entry. So a flood of tiny files is bounded by
 * bytes like any other, and so is what is remembered of each in memory.
 */
export function diskBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES + BLOCK_BYTES;
}

/** Bytes of the disk, and who takes them. Whoever takes some gives the same back. */
export class Room {
  readonly #totalBytes: number;
  readonly #userBytes: number;
  #taken = 0;
  /** Users who take some. */
  readonly #takenBy = new Map<number, number>();

  constructor(totalBytes: number, userBytes: number) {
    this.#totalBytes = totalBytes;
    this.#userBytes = userBytes;
  }

  get taken(): number {
    return this.#taken;
  }

  isFullFor(bytes: number): boolean {
    return this.#taken + bytes > this.#totalBytes;
  }

  isShareSpent(user: number, bytes: number): boolean {
    return (this.#takenBy.get(user) ?? 0) + bytes > this.#userBytes;
  }

  takeFromAll(bytes: number): void {
    this.#taken += bytes;
  }

  takeFromShare(user: number, bytes: number): void {
    const taken = (this.#takenBy.get(user) ?? 0) + bytes;
    if (taken === 0) this.#takenBy.delete(user);
    else this.#takenBy.set(user, taken);
  }
}
