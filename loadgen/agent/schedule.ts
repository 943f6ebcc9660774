import type { Phase } from '../../scenarios/scenario.js';
import type { AgentPlan } from '../agent-messages.js';
import { randomStream } from '../random.js';
import { Arrivals } from './arrivals.js';
import { sizeSampler } from './message-size.js';
import type { Presence } from './presence.js';

/** Takes a message that fell due; `client` is -1 where nobody is there who could send it. */
export type TakeDue = (client: number, isForGroup: boolean, dueMs: number, bytes: number) => void;

/**
 * What falls due, when, and whose it is: decided by the plan and its seed alone, whatever the server does and however
 * late the agent is. Every purpose has a stream of random numbers of its own, so that one does not shift another.
 */
export class Schedule {
  readonly #plan: Pick<AgentPlan, 'seed' | 'messages' | 'groups' | 'firstUser'>;
  readonly #presence: Presence;
  readonly #drawSize: () => number;
  readonly #groupShares;
  #arrivals: Arrivals | undefined;
  #phases = 0;

  constructor(plan: Pick<AgentPlan, 'seed' | 'messages' | 'groups' | 'firstUser'>, presence: Presence) {
    this.#plan = plan;
    this.#presence = presence;
    this.#drawSize = sizeSampler(plan.messages.size, randomStream(plan.seed, 'sizes'));
    this.#groupShares = randomStream(plan.seed, 'groups');
  }

  /** @param send takes what fell due in the phase before, up to its end: that was due in any case */
  beginPhase(phase: Phase, atMs: number, send: TakeDue): void {
    this.take(atMs, send);
    const { messages, firstUser, seed } = this.#plan;
    this.#phases += 1;
    const random = randomStream(seed, `arrivals of phase ${this.#phases}`);
    const endMs = atMs + phase.durationMs;
    this.#arrivals = new Arrivals(messages.arrival, phase.messageRate, atMs, endMs, random);
    this.#presence.beginPhase(phase, firstUser, atMs);
  }

  /** Hot path. Hands over what has fallen due by `nowMs`, in order, with everybody there or away as at each of its times. */
  take(nowMs: number, send: TakeDue): void {
    const { groups } = this.#plan;
    const arrivals = this.#arrivals;
    for (let dueMs = arrivals?.take(nowMs); dueMs !== undefined; dueMs = arrivals?.take(nowMs)) {
      this.#presence.tick(dueMs);
      const isForGroup = groups !== null && this.#groupShares.next() < groups.share;
      send(this.#presence.drawTalker(), isForGroup, dueMs, this.#drawSize());
    }
    this.#presence.tick(nowMs);
  }

  /** Nothing falls due any more. */
  end(): void {
    this.#arrivals = undefined;
  }
}
