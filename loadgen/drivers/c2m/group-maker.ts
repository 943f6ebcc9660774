import { FrameType, type GroupFrame, ReasonCode, reasonName } from '../../../protocol/frame.js';
import type { ClientRange } from '../driver.js';
import type { IdRange } from './id-range.js';

/** What the server does not do now it may do later. */
const PASSING_REFUSALS: ReadonlySet<number> = new Set([
  ReasonCode.StoreFailed,
  ReasonCode.StoreFull,
  ReasonCode.RateLimited,
  ReasonCode.Shedding,
]);

/** Lets the first client of each group make it, and say so again until the server has it. */
export class GroupMaker {
  readonly #clients: ClientRange;
  readonly #firstRequest: number;
  readonly #members: number;
  /** By the first client of a group. */
  readonly #isMade: Uint8Array;

  constructor(clients: ClientRange, ids: IdRange) {
    this.#clients = clients;
    this.#firstRequest = ids.firstRequest;
    this.#members = clients.groupMembers ?? 1;
    this.#isMade = new Uint8Array(clients.count);
  }

  /** First client of the group of this one. */
  makerOf(client: number): number {
    return client - (client % this.#members);
  }

  isToMake(client: number): boolean {
    return this.#isMade[client] === 0 && this.makerOf(client) === client;
  }

  request(client: number): GroupFrame {
    const { firstUser, count } = this.#clients;
    const length = Math.min(this.#members, count - client);
    const members = Array.from({ length }, (_, index) => firstUser + client + index);
    return {
      type: FrameType.Group,
      id: this.#firstRequest + client,
      group: firstUser + client,
      members,
    };
  }

  /** Whether an answer is to a request, and to no message. */
  hasAsked(id: number): boolean {
    return id >= this.#firstRequest;
  }

  made(client: number): void {
    this.#isMade[client] = 1;
  }

  /** It has it no longer. */
  lost(client: number): void {
    this.#isMade[client] = 0;
  }

  /** @throws Error where asking again would change nothing */
  refused(code: number): void {
    if (!PASSING_REFUSALS.has(code)) throw new Error(`the server does not make groups: ${reasonName(code)}`);
  }
}
