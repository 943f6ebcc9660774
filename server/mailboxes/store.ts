import type { RepeatWindow } from './repeat-window.js';

/**
 * One item of a mailbox: a message for the user, or a receipt for a message that the user sent.
 * `frame` is the DELIVER or RECEIPT frame as it goes over the wire, so that delivering is a write and no more.
 */
export interface MailboxItem {
  /** Counts the items of one mailbox, from 1, without gaps. */
  readonly sequence: number;
  /** Sender of the message, or the user whose receipt this is. */
  readonly from: number;
  readonly id: number;
  readonly isReceipt: boolean;
  /** Wall clock when it was stored, milliseconds since 1970. */
  readonly atMs: number;
  readonly frame: Buffer;
}

/** First and last sequence in a mailbox that is not empty. */
export interface MailboxBounds {
  first: number;
  last: number;
}

/** A receipt on its way to the home of the sender: recipient `by` has acknowledged message `id` of `to`. */
export interface OutgoingReceipt {
  to: number;
  by: number;
  id: number;
}

/** What a store tells of itself; counts since it was opened. */
export interface StoreUsage {
  items: number;
  /** What the file takes on disk; 0: there is none. */
  diskBytes: number;
  commits: number;
  commitMs: number;
}

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

  /** What an earlier process left in the mailbox of `user`; asked once a user, before anything else. */
  recover(user: number): MailboxBounds | undefined;
  append(user: number, item: MailboxItem): void;
  /** Items of `user` behind `sequence`, oldest first, at most `limit`; committed ones only. */
  read(user: number, sequence: number, limit: number): MailboxItem[];
  /** Deletes the items `first` to `last` of `user`, which are there, and returns them. */
  remove(user: number, first: number, last: number): MailboxItem[];
  /** The ids that `from` used towards `user`; what is remembered in it is kept with the next commit. */
  repeats(user: number, from: number): RepeatWindow;
  /** Keeps a receipt until the home of its user has taken it over. */
  keepReceipt(receipt: OutgoingReceipt): void;
  forgetReceipt(receipt: OutgoingReceipt): void;
  outgoingReceipts(): Iterable<OutgoingReceipt>;
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
