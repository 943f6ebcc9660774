/** Whom a message is for: one user, or the members of a group but its sender. Users are numbered from 0 here. */
export interface Destination {
  readonly group: number | undefined;
  readonly recipients: readonly number[];
}

/** What a recipient was handed. */
export interface Handed {
  from: number;
  id: number;
  group: number | undefined;
  /** Of a message to a group: which one it is there. */
  number: number | undefined;
  isRedelivery: boolean;
}

interface Message {
  readonly to: Destination;
  isAccepted: boolean;
  /** Who has not had it yet. */
  readonly missing: Set<number>;
  /** Whose second check mark has not come yet. */
  readonly unreceipted: Set<number>;
  /** Its place in the group, the same for all members. */
  number: number | undefined;
}

/** What is still open once everybody is logged in and nothing comes any more. */
export interface OpenEntries {
  /** Accepted, and not delivered: once for each recipient. */
  lost: number;
  /** Delivered and acknowledged, and the sender was not told: once for each recipient. */
  withoutReceipt: number;
  unanswered: number;
  examples: string[];
}

const MOST_EXAMPLES = 5;

/** Reasons that a client which keeps to the protocol must never hear: it has few unanswered, and its groups were accepted. */
const NEVER_DUE = ['DuplicateUnknown', 'NotMember', 'NotGroupOwner'];

/**
 * Every message from its SEND to its last check mark, exactly: who has had it and who has not. What is settled is
 * forgotten; the ids of a sender rise, so whatever comes again is known as such all the same.
 */
export class CrashLedger {
  sent = 0;
  accepted = 0;
  delivered = 0;
  /** Delivered again, and marked as such: what the protocol allows. */
  redelivered = 0;
  /** The mailbox of a member was full, and the sender was told. */
  undelivered = 0;
  /** Delivered though its sender was told that it was refused: then it had been accepted before, and the answer was lost. */
  refusedAndDelivered = 0;
  readonly refused = new Map<string, number>();
  /** What must not happen, by what it is. */
  readonly faults = { duplicated: 0, outOfOrder: 0, altered: 0, misdelivered: 0, wronglyRefused: 0 };
  readonly examples: string[] = [];
  readonly #messages: Map<number, Message>[];
  readonly #refusedIds: Set<number>[];
  readonly #newestId: number[];
  /** The newest id by recipient and sender, the newest number by recipient and group. */
  readonly #newest = new Map<string, number>();

  constructor(users: number) {
    this.#messages = Array.from({ length: users }, () => new Map());
    this.#refusedIds = Array.from({ length: users }, () => new Set());
    this.#newestId = Array.from({ length: users }, () => 0);
  }

  sends(from: number, id: number, to: Destination): void {
    this.sent += 1;
    this.#newestId[from] = id;
    this.#messages[from]?.set(id, {
      to,
      isAccepted: false,
      missing: new Set(to.recipients),
      unreceipted: new Set(to.recipients),
      number: undefined,
    });
  }

  accepts(from: number, id: number): void {
    const message = this.#messages[from]?.get(id);
    if (!message || message.isAccepted) return;
    message.isAccepted = true;
    this.accepted += 1;
    this.#settle(from, id, message);
  }

  /** @param reason name of the code */
  refuses(from: number, id: number, reason: string): void {
    const message = this.#messages[from]?.get(id);
    if (!message || message.isAccepted) return;
    // Where others were refused, the answer to this one may have been that as well, and was lost with a connection.
    const isSkipped = reason === 'IdSkipped' && this.refused.size === 0;
    if (isSkipped || NEVER_DUE.includes(reason))
      this.#fault('wronglyRefused', `message ${id} of user ${from}: ${reason}`);
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
    if (message.missing.size < message.to.recipients.length) this.refusedAndDelivered += 1;
    this.#messages[from]?.delete(id);
    this.#refusedIds[from]?.add(id);
  }

  hands(recipient: number, handed: Handed): void {
    const { from, id, group, number, isRedelivery } = handed;
    const what = `message ${id} of user ${from}${group === undefined ? '' : ` to group ${group}`} at user ${recipient}`;
    const message = this.#messages[from]?.get(id);
    if (!message) {
      if (id > (this.#newestId[from] ?? -1)) this.#fault('misdelivered', `${what} was never sent`);
      else if (this.#refusedIds[from]?.has(id)) this.refusedAndDelivered += 1;
      else this.#comesAgain(isRedelivery, what);
      return;
    }
    if (message.to.group !== group || !message.to.recipients.includes(recipient)) {
      this.#fault('misdelivered', what);
      return;
    }
    message.number ??= number;
    if (message.number !== number)
      this.#fault('outOfOrder', `${what}: number ${number} and ${message.number}`);
    if (!message.missing.delete(recipient)) {
      this.#comesAgain(isRedelivery, what);
      return;
    }
    this.delivered += 1;
    const flow = group === undefined ? `${recipient} ${from}` : `${recipient} group ${group}`;
    const place = number ?? id;
    const newest = this.#newest.get(flow) ?? 0;
    if (place <= newest) this.#fault('outOfOrder', `${what}: ${place} behind ${newest}`);
    this.#newest.set(flow, Math.max(place, newest));
    this.#settle(from, id, message);
  }

  /** @param isUndelivered the mailbox of `by` was full, and the message will not come there */
  receipts(from: number, id: number, by: number, isUndelivered: boolean): void {
    const message = this.#messages[from]?.get(id);
    if (!message) return;
    if (message.unreceipted.delete(by) && isUndelivered) {
      this.undelivered += 1;
      message.missing.delete(by);
    }
    this.#settle(from, id, message);
  }

  /** The items of a mailbox are counted without gaps on each connection. */
  skips(user: number, sequence: number, expected: number): void {
    this.#fault('outOfOrder', `item ${sequence} of user ${user}'s mailbox where ${expected} was due`);
  }

  alters(what: string): void {
    this.#fault('altered', what);
  }

  /** @param isAway who is not logged in, and cannot have had anything */
  open(isAway: (user: number) => boolean): OpenEntries {
    const open: OpenEntries = { lost: 0, withoutReceipt: 0, unanswered: 0, examples: [] };
    this.#messages.forEach((messages, from) => {
      for (const [id, { to, isAccepted, missing, unreceipted, number }] of messages) {
        const lost = isAccepted ? [...missing].filter((user) => !isAway(user)) : [];
        const silent = [...unreceipted].filter((user) => !missing.has(user) && !isAway(user));
        if (!isAccepted && !isAway(from)) open.unanswered += 1;
        open.lost += lost.length;
        if (isAccepted && !isAway(from)) open.withoutReceipt += silent.length;
        if (lost.length + silent.length === 0 || open.examples.length === MOST_EXAMPLES) continue;
        const where = to.group === undefined ? '' : ` to group ${to.group}, number ${number}`;
        const fault = lost.length > 0 ? 'has not come to' : 'has no second check mark of';
        const users = lost.length > 0 ? lost : silent;
        open.examples.push(`message ${id} of user ${from}${where} ${fault} ${users.join(', ')}`);
      }
    });
    return open;
  }

  #comesAgain(isRedelivery: boolean, what: string): void {
    if (isRedelivery) this.redelivered += 1;
    else this.#fault('duplicated', what);
  }

  #settle(from: number, id: number, message: Message): void {
    if (!message.isAccepted || message.missing.size > 0 || message.unreceipted.size > 0) return;
    this.#messages[from]?.delete(id);
  }

  #fault(kind: keyof CrashLedger['faults'], example: string): void {
    this.faults[kind] += 1;
    if (this.examples.length < MOST_EXAMPLES) this.examples.push(`${kind}: ${example}`);
  }
}
