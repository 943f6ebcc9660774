import type { LogRecord, Owner } from './record.js';

/** Up to where the log is part of a state. */
export interface Place {
  /** Of the stream; 0: nothing of it. */
  readonly sequence: number;
  /** Who owned the home then. */
  readonly owner: Owner;
  /** Of the last record of that owner that counts. */
  readonly number: number;
}

export const NOWHERE: Place = { sequence: 0, owner: { epoch: 0, mark: 0 }, number: 0 };

/**
 * Which records of a stream count; whoever writes and whoever reads decide it alike, from the log alone. A fence hands the
 * home over, unless its epoch is lower. Of the owner's records those count that continue its numbers without a gap.
 *
 * The rest is void, and the rule is needed: JetStream compares nothing but the number of the last message, so that an owner
 * with several records under way may lose the first to the fence of another and have the second appended behind it.
 */
export class Lineage {
  #owner: Owner;
  #number: number;
  /** Of a turn whose end has not come. */
  #parts: Buffer[] = [];

  constructor({ owner, number }: Pick<Place, 'owner' | 'number'>) {
    this.#owner = owner;
    this.#number = number;
  }

  get owner(): Owner {
    return this.#owner;
  }

  /** Of the last record that counts. */
  get number(): number {
    return this.#number;
  }

  /** Takes the next record of the stream. @returns the changes of the turn that it ends; undefined: it is void, or ends none */
  take(record: LogRecord): Buffer | undefined {
    if (record.number === 0) this.#takeFence(record.owner);
    else if (isSame(record.owner, this.#owner) && record.number === this.#number + 1)
      return this.#takeNext(record);
    return undefined;
  }

  /** The next record of the owner is known to count; its parts are not kept. */
  count(number: number): void {
    this.#number = number;
  }

  #takeFence(owner: Owner): void {
    // One that was sent twice, because nothing was heard of it at first.
    if (owner.epoch < this.#owner.epoch || isSame(owner, this.#owner)) return;
    this.#owner = owner;
    this.#number = 0;
    this.#parts = [];
  }

  #takeNext({ number, beginsTurn, endsTurn, body }: LogRecord): Buffer | undefined {
    this.#number = number;
    // Parts without an end are of a turn that was given up.
    if (beginsTurn) this.#parts = [];
    if (!endsTurn) {
      // The message that it is a part of may be written over.
      this.#parts.push(Buffer.from(body));
      return undefined;
    }
    if (this.#parts.length === 0) return body;
    const whole = Buffer.concat([...this.#parts, body]);
    this.#parts = [];
    return whole;
  }
}

export function isSame(one: Owner, other: Owner): boolean {
  return one.epoch === other.epoch && one.mark === other.mark;
}
