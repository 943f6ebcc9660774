/** What stands under one key. */
export interface Entry {
  key: Buffer;
  value: Buffer;
}

/** What a store tells of itself; counts since it was opened. */
export interface StoreUsage {
  /** Room that is in use, without pages that were given back; 0: nothing is on disk. */
  diskBytes: number;
  commits: number;
  commitMs: number;
}

/** Which entries `range` gives, and how. */
export interface RangeOptions {
  /** Begin here, or at the nearest key in the direction of travel; by default at the end of the range. */
  from?: Buffer;
  isReversed?: boolean;
  limit?: number;
}

/**
 * The first bytes of every value are the store's own: it may keep a checksum there. Whoever stages a value leaves room
 * for it, and finds its own bytes behind it again.
 */
export const VALUE_OFFSET = 4;

/**
 * The log of one home, as bytes under keys. Changes are staged and handed over by `commit`, once an event-loop turn: a
 * turn is kept whole or not at all. Commits take effect in the order of the calls; where one fails, so do those behind it
 * that were not done yet, and later ones may succeed again.
 */
export interface HomeStore {
  /** True where what is committed survives the process being killed. */
  readonly isDurable: boolean;
  /** What one message may change in a turn, others beside it; undefined: whatever there is room for. */
  readonly mostTurnBytes?: number | undefined;
  /** Changes staged and not handed over yet. */
  readonly staged: number;
  /** The next few entries of all, in no order, and from the beginning again after the last; where `range` looks at all. */
  goRound?(count: number): Entry[];
  /** True while there is no room for more: new messages are refused, what is there is served. */
  readonly isFull: boolean;
  /** Share of the room that is in use. */
  readonly fullness: number;

  /** @param epoch of whoever owns the home from now on; an owner of an earlier one can commit no more */
  open(epoch: number): Promise<void>;
  /** What is committed under `key`; the caller may write into it. Undefined as well where it is not what was written. */
  get(key: Buffer): Buffer | undefined;
  /** Committed entries whose keys begin with `prefix`, in the order of the keys; damaged ones are passed over. */
  range(prefix: Buffer, options?: RangeOptions): Iterable<Entry>;
  /** How many there are. */
  count(prefix: Buffer): number;
  /** Hot path. Key and value belong to the store until the commit; undefined: removes what is there. */
  stage(key: Buffer, value?: Buffer): void;
  /** Forgets what is staged and was not handed over. */
  discard(): void;
  /**
   * Keeps all that is staged. Undefined: done already.
   * @param isMakingRoom it leaves more room than before, and may use what is kept for such turns
   * @throws StoreFailure, or rejects with it, where nothing of it is kept
   */
  commit(isMakingRoom?: boolean): Promise<void> | undefined;
  usage(): StoreUsage;
  close(): Promise<void>;
}

/** A store that cannot be used: in use, foreign, damaged. The message says what to do. */
export class StoreError extends Error {
  readonly code = 'C2M_STORE';
}

/** A commit that was not kept; the store goes on, and may take the next one. */
export class StoreFailure extends Error {
  readonly code = 'C2M_STORE_FAILURE';
  /** The disk has no room: others may have filled it. */
  readonly isFull: boolean;

  constructor(message: string, isFull: boolean) {
    super(message);
    this.isFull = isFull;
  }
}

/** @param what is wrong with which file or folder, before anything was opened for writing */
export function damagedStore(what: string): StoreError {
  return new StoreError(
    `${what}; nothing was changed: restore it from a backup, or move the folder away to begin with empty mailboxes`,
  );
}
