import { GROUP_BIT } from '../driver.js';

/** Ids that a run leaves to those of the next second: more than any two clients exchange in one. */
const IDS_A_SECOND = 2 ** 21;

/** Ids towards groups, and of the GROUP frames themselves, are told from those towards a partner by their distance. */
const GROUP_IDS_FROM = 2 ** 32;
const GROUP_REQUESTS_FROM = 2 ** 33;

/** The ids that the messages of a run have: above all of earlier runs, whose ids the server may remember. */
export class IdRange {
  readonly #first: number;
  readonly #firstToGroup: number;
  /** That of the request of client 0 to make a group; those of the others follow, and no message has one. */
  readonly firstRequest: number;

  /** @param run seconds since 1970 */
  constructor(run: number) {
    this.#first = run * IDS_A_SECOND;
    this.#firstToGroup = this.#first + GROUP_IDS_FROM;
    this.firstRequest = this.#first + GROUP_REQUESTS_FROM;
  }

  /** Hot path. */
  idOf(sequence: number): number {
    return sequence < GROUP_BIT ? this.#first + sequence : this.#firstToGroup + sequence - GROUP_BIT;
  }

  /** Hot path. Undefined: no message of this run has the id. */
  sequenceOf(id: number): number | undefined {
    return id > this.#firstToGroup ? this.sequenceToGroup(id) : this.sequenceToPartner(id);
  }

  /** Hot path. */
  sequenceToPartner(id: number): number | undefined {
    return within(id - this.#first, 0);
  }

  /** Hot path. */
  sequenceToGroup(id: number): number | undefined {
    return within(id - this.#firstToGroup, GROUP_BIT);
  }
}

function within(number: number, base: number): number | undefined {
  return number < 1 || number >= GROUP_BIT ? undefined : base + number;
}
