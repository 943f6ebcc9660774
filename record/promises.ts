import { z } from 'zod';

/** What the protocol of a run can tell. Where it cannot, a record says null, and a gate on it is an error of the input. */
export const promisesSchema = z.object({
  /** The server says that it holds a message: the first check mark. */
  accepted: z.boolean(),
  /** The sender is told that the recipient has it: the second check mark. */
  receipt: z.boolean(),
  groups: z.boolean(),
  /** What is sent to somebody who is away waits. */
  storesForAway: z.boolean(),
  /** The same of what is sent to a group. Left out: as `storesForAway`. */
  groupsStoreForAway: z.boolean().optional(),
  /** A copy of what may have come before is marked as one. */
  marksRedelivery: z.boolean(),
  /** What a sender sends again, because a connection died before it was accepted, makes no second copy. */
  recognizesRepetitions: z.boolean(),
  order: z.enum(['per-sender', 'none']),
  /**
   * `at-most-once`: nothing is sent again. `at-least-once`: after a connection has died, a copy may come. `exactly-once`:
   * every further copy is a duplicate.
   */
  delivery: z.enum(['at-most-once', 'at-least-once', 'exactly-once']),
  /** Who gets what a client sends outside a group. */
  recipient: z.enum(['partner', 'sender']),
});

export type Promises = z.infer<typeof promisesSchema>;

const OF_ACCEPTED = /^messages\.(accepted|acceptedNotDelivered|impliedAccepted)$|(^|\.)latency\.accepted\b/;
const OF_RECEIPT = /^messages\.(receipted|deliveredNotReceipted|receiptedEarly)$|(^|\.)latency\.receipt\b/;
const OF_ORDER = /^messages\.outOfOrder$/;

const UNTOLD = {
  accepted: 'when a message is accepted',
  receipt: 'the sender that its message has arrived',
  order: 'in which order messages have to come',
};

/** Why a protocol with these promises cannot tell the figure at a path of run.json; undefined: it can. */
export function whyUntold(promises: Promises, path: string): string | undefined {
  if (!promises.accepted && OF_ACCEPTED.test(path)) return UNTOLD.accepted;
  if (!promises.receipt && OF_RECEIPT.test(path)) return UNTOLD.receipt;
  if (promises.order === 'none' && OF_ORDER.test(path)) return UNTOLD.order;
  return undefined;
}

/** Whether the protocol of a run can tell a figure of its record. */
export function isTold(
  { target }: { target: { driver: { promises: Promises } | null } },
  path: string,
): boolean {
  return !target.driver || whyUntold(target.driver.promises, path) === undefined;
}

/** All that it cannot tell, in words. */
export function untoldBy({ accepted, receipt, order }: Promises): string[] {
  return [
    ...(accepted ? [] : [UNTOLD.accepted]),
    ...(receipt ? [] : [UNTOLD.receipt]),
    ...(order === 'none' ? [UNTOLD.order] : []),
  ];
}
