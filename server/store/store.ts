import type { DeduplicationWindow } from '../home/deduplication-window.js';
import type { MailboxItem } from '../home/mailbox-item.js';

/** First and last sequence in a mailbox that is not empty. */
export interface MailboxBounds {
  first: number;
  last: number;
}

/** What a store tells of itself; counts since it was opened. */
export interface StoreUsage {
  items: number;
  /** What the file takes on disk; 0: there is none. */
  diskBytes: number;
  commits: number;
  commitMs: number;
}

/** Whose numbers a window remembers: the ids of one sender, or the messages of one group. */
export type RepeatsOf = 'user' | 'group';

/**
 * Where mailboxes are kept. Changes are staged, and promised by `commit`: a home commits once an event-loop turn,
 * so that durability is paid once for many messages, and what happened in one turn is kept whole or not at all.
 */
export interface Store {
  /** True where what is committed survives the process being killed. */
  readonly isDurable: boolean;
  /** Items in all mailboxes. */
  readonly length: number;
  /** Changes staged and not yet promised. */
  readonly staged: number;
  /** True while there is no room for more: new messages are refused, what is there is served. */
  readonly isFull: boolean;

  /** What an earlier process left in the mailbox of `user`; asked once a user, before any other item of it. */
  recover(user: number): MailboxBounds | undefined;
  append(user: number, item: MailboxItem): void;
  /** Items of `user` behind `sequence`, oldest first, at most `limit`; committed ones only. */
  read(user: number, sequence: number, limit: number): MailboxItem[];
  /** Deletes the items `first` to `last` of `user`, which are there, and returns them. */
  remove(user: number, first: number, last: number): MailboxItem[];
  /**
   * What came to `user` from a sender or a group. It is kept with the item that it remembers, and once that is removed;
   * what has no item is kept by `keepRepeats`.
   */
  repeats(user: number, from: number, kind: RepeatsOf): DeduplicationWindow;
  keepRepeats(user: number, from: number, kind: RepeatsOf): void;
  /**
   * Keeps a fact beside the mailboxes, under a key of store-keys.ts; undefined: forgets it. A store that is not durable
   * keeps none: its process has them in memory, and they are gone with it.
   */
  note(key: Buffer, value: Buffer | undefined): void;
  /** Committed ones only. */
  noted(key: Buffer): Buffer | undefined;
  /** All that were committed whose keys begin with `prefix`, in the order of the keys. */
  notes(prefix: Buffer): Iterable<{ key: Buffer; value: Buffer }>;
  /**
   * The next few mailboxes whose oldest items were stored before `beforeMs`, with the sequence of the last of those.
   * Goes round all mailboxes, a few a call.
   */
  expired(beforeMs: number): { user: number; sequence: number }[];
  /** Promises all that is staged; undefined: done already. @throws where the disk fails, and then nothing is kept */
  commit(): Promise<void> | undefined;
  usage(): StoreUsage;
  close(): Promise<void>;
}

/** A store that cannot be used: in use, foreign, damaged. The message says what to do. */
export class StoreError extends Error {
  readonly code = 'C2M_STORE';
}

/** @param what is wrong with which file or folder, before anything was opened for writing */
export function damagedStore(what: string): StoreError {
  return new StoreError(
    `${what}; nothing was changed: restore it from a backup, or move the folder away to begin with empty mailboxes`,
  );
}
