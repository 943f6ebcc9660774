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
  readonly frame: Buffer;
}

/**
 * Where mailboxes are kept. Items are staged by `append` and promised by `commit`:
 * a home worker commits once an event-loop turn, so that durability is paid once for many messages.
 */
export interface Store {
  /** Items in all mailboxes. */
  readonly length: number;
  /** Items staged and not yet promised. */
  readonly staged: number;

  /** Items in the mailbox of `user`. */
  count(user: number): number;
  append(user: number, item: MailboxItem): void;
  /** Items of `user` behind `sequence`, oldest first, at most `limit`. */
  read(user: number, sequence: number, limit: number): MailboxItem[];
  /** Deletes up to and including `sequence` and returns what was deleted; deleting twice is harmless. */
  acknowledge(user: number, sequence: number): MailboxItem[];
  /**
   * Makes everything staged survive the process being killed, as far as this store does.
   * Undefined where that is so already.
   */
  commit(): Promise<void> | undefined;
  close(): Promise<void>;
}
