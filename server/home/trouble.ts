import { ReasonCode } from '../../protocol/frame.js';
import type { StoreFailure } from '../store/home-store.js';
import type { Acknowledgement } from './turn-log.js';

const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 2000;

/** Acknowledgements that are made up for in one turn: each needs room on a disk that may have little. */
const OWED_AT_ONCE = 100;

/**
 * A store that takes nothing just now, such as one on a full disk. It is left alone for a while, longer from time to time:
 * requests are refused, and what clients have acknowledged is made up for.
 */
export class Trouble {
  #restMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  #isFull = false;
  /** By user, the newest of each: it covers those before. */
  readonly #owed = new Map<number, Acknowledgement>();
  /** Other homes have sent what was not taken, and are to send it again. */
  #hasMissed = false;

  /** Whether nothing may be staged now. */
  get isStanding(): boolean {
    return this.#restMs > 0 && performance.now() < this.#untilMs;
  }

  /** What a request is refused with. */
  get refusal(): ReasonCode {
    return this.#isFull ? ReasonCode.StoreFull : ReasonCode.StoreFailed;
  }

  begin({ isFull }: StoreFailure): void {
    this.#isFull = isFull;
    this.#restMs = Math.min(LONGEST_REST_MS, Math.max(FIRST_REST_MS, this.#restMs * 2));
    this.#untilMs = performance.now() + this.#restMs;
  }

  owe(acknowledgement: Acknowledgement): void {
    this.#owed.set(acknowledgement.user, acknowledgement);
  }

  miss(): void {
    this.#hasMissed = true;
  }

  /** Some of what is owed, to be done now. */
  takeOwed(): Acknowledgement[] {
    const taken: Acknowledgement[] = [];
    for (const [user, acknowledgement] of this.#owed) {
      if (taken.length === OWED_AT_ONCE) break;
      this.#owed.delete(user);
      taken.push(acknowledgement);
    }
    return taken;
  }

  /** The store has kept a turn. @returns whether others are to send again what they have not heard of */
  end(): boolean {
    this.#restMs = 0;
    const hasMissed = this.#hasMissed;
    this.#hasMissed = false;
    return hasMissed;
  }
}
