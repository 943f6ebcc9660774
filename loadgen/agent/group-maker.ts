import { FrameType, type GroupFrame, ReasonCode, reasonName } from '../../protocol/frame.js';
import type { Conversations } from './conversations.js';

/** What the server does not do now it may do later. */
const PASSING_REFUSALS: ReadonlySet<number> = new Set([
  ReasonCode.StoreFailed,
  ReasonCode.StoreFull,
  ReasonCode.RateLimited,
  ReasonCode.Shedding,
]);

/** Lets the first client of each group make it, and say so again until the server has it. */
export class GroupMaker {
  readonly #groups: Conversations;
  readonly #firstUser: number;
  readonly #firstRequest: number;
  /** By the first client of a group. */
  readonly #isMade: Uint8Array;

  /** @param firstRequest the id of the request of client 0; those of the others follow, and no message has one */
  constructor(groups: Conversations, clients: number, firstUser: number, firstRequest: number) {
    this.#groups = groups;
    this.#firstUser = firstUser;
    this.#firstRequest = firstRequest;
    this.#isMade = new Uint8Array(clients);
  }

  isToMake(client: number): boolean {
    return this.#isMade[client] === 0 && this.#groups.firstOf(client) === client;
  }

  request(client: number): GroupFrame {
    const first = this.#firstUser + client;
    const members = Array.from(
      { length: 1 + this.#groups.recipientsOf(client) },
      (_, index) => first + index,
    );
    return { type: FrameType.Group, id: this.#firstRequest + client, group: first, members };
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
