import { FrameType, type GroupFrame, ReasonCode, reasonName } from '../../../protocol/frame.js';
import { RunError } from '../../run-error.js';
import type { ClientRange } from '../driver.js';
import type { IdRange } from './id-range.js';

/** What the server does not do now it may do later. */
const PASSING_REFUSALS: ReadonlySet<number> = new Set([
  ReasonCode.StoreFailed,
  ReasonCode.StoreFull,
  ReasonCode.RateLimited,
  ReasonCode.Shedding,
]);

/** What is known of a group. */
const Known = { Nothing: 0, Asked: 1, Made: 2 } as const;

/** Lets the first client of each group make it, and say so again until the server has it. */
export class GroupMaker {
  readonly #clients: ClientRange;
  readonly #firstRequest: number;
  readonly #members: number;
  /** By the first client of a group. */
  readonly #known: Uint8Array;

  constructor(clients: ClientRange, ids: IdRange) {
    this.#clients = clients;
    this.#firstRequest = ids.firstRequest;
    this.#members = clients.groupMembers ?? 1;
    this.#known = new Uint8Array(clients.count);
  }

  /** First client of the group of this one. */
  makerOf(client: number): number {
    return client - (client % this.#members);
  }

  isToMake(client: number): boolean {
    return this.#known[client] !== Known.Made && this.makerOf(client) === client;
  }

  request(client: number): GroupFrame {
    this.#known[client] = Known.Asked;
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

  /** Whether the client waits for an answer to the request with this id; a server may name any. */
  awaits(client: number, id: number): boolean {
    return id === this.#firstRequest + client && this.#known[client] === Known.Asked;
  }

  made(client: number): void {
    this.#known[client] = Known.Made;
  }

  /** It has it no longer. */
  lost(client: number): void {
    this.#known[client] = Known.Nothing;
  }

  /** @throws RunError where asking again would change nothing: without its groups a run is another one */
  refused(code: number): void {
    if (!PASSING_REFUSALS.has(code))
      throw new RunError('C2M_RUN', `the server does not make groups: ${reasonName(code)}`);
  }
}
