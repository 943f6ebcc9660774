/** What became of a write. */
export type WriteOutcome =
  | { readonly kind: 'done'; readonly revision: number }
  /** Nothing was written: the key is at another revision than was said. */
  | { readonly kind: 'conflict' }
  /** No answer came in time: it was written or not, or it will be yet. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Never called before the write has returned. */
export type WhenWritten = (outcome: WriteOutcome) => void;

export interface TableEntry {
  readonly key: string;
  /** Of the whole table: each write has a higher one. */
  readonly revision: number;
  /** As JSON knows it; undefined: the key was deleted. */
  readonly value: unknown;
}

export interface TableListener {
  /**
   * In the order of the table; of several changes of one key that came fast, the last may be all that is told. What was there when
   * watching began, or was missed since, is told together: peers first, those that are gone among them.
   */
  changed(entry: TableEntry): void;
  /** Once: what was there when watching began has been told. */
  ready(): void;
}

/**
 * A small table that all processes of a cluster see in the same order, and whose writes are done or refused for all of them
 * alike. Nothing is promised about time: it may stand still for seconds, and then goes on.
 */
export interface LeaseTable {
  /** False where the link to it is known to be lost; true says nothing about whether it answers. */
  readonly isConnected: boolean;
  put(key: string, value: unknown, done: WhenWritten): void;
  /** Conflict where the key is there. */
  create(key: string, value: unknown, done: WhenWritten): void;
  /** Conflict where the key is not at that revision. */
  update(key: string, value: unknown, revision: number, done: WhenWritten): void;
  /** Conflict where the key is not at that revision; undefined: whatever it is at. */
  delete(key: string, revision: number | undefined, done: WhenWritten): void;
  /** @returns what ends it */
  watch(listener: TableListener): () => void;
}
