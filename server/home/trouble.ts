import { ReasonCode } from '../../protocol/frame.js';
import type { StoreFailure } from '../store/home-store.js';
import type { Acknowledgement } from './turn-log.js';

const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 2000;

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
  /**
   * Homes of which something was not taken. Nothing more is taken from them until they begin again, since what comes
   * later must not overtake it.
   */
  readonly #missed = new Set<number>();
  /** Those that were not asked for it yet. */
  readonly #unasked = new Set<number>();
  /** Whose answers were not taken: they are to be sent again what they have answered. */
  readonly #unheard = new Set<number>();

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

  /** Something of another home was not taken, or was and is not kept. */
  miss(home: number): void {
    this.#missed.add(home);
    this.#unasked.add(home);
  }

  /** The same of an answer: what it answers has to be sent again. */
  missAnswer(home: number): void {
    this.#unheard.add(home);
  }

  /** Hot path. */
  get isMissing(): boolean {
    return this.#missed.size > 0;
  }

  /** Whether what comes from that home is behind something that was not taken. */
  hasMissed(home: number): boolean {
    return this.#missed.has(home);
  }

  /** That home begins again with what was not taken. */
  begunAgain(home: number): void {
    if (!this.#unasked.has(home)) this.#missed.delete(home);
  }

  /** That process died: whoever takes its place begins with everything. */
  forget(home: number): void {
    this.#missed.delete(home);
    this.#unasked.delete(home);
  }

  /** Hot path. Whether something is owed. */
  get isOwing(): boolean {
    return this.#owed.size > 0;
  }

  /** Hot path. Whether something is owed that this user has said: what it says now comes behind it. */
  owes(user: number): boolean {
    return this.#owed.has(user);
  }

  /** Something of what is owed, to be done now. */
  takeOwed(): Acknowledgement | undefined {
    for (const [user, acknowledgement] of this.#owed) {
      this.#owed.delete(user);
      return acknowledgement;
    }
    return undefined;
  }

  /** The store has kept a turn. */
  end(): void {
    this.#restMs = 0;
  }

  /** The homes that are to be asked to send again, and those to send again to; undefined: none. */
  takeMissed(): { ask: number[]; resend: number[] } | undefined {
    if (this.#unasked.size === 0 && this.#unheard.size === 0) return undefined;
    const todo = { ask: [...this.#unasked], resend: [...this.#unheard] };
    this.#unasked.clear();
    this.#unheard.clear();
    return todo;
  }
}
