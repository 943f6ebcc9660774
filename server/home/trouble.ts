import { ReasonCode } from '../../protocol/frame.js';
import type { StoreFailure } from '../store/home-store.js';
import type { Acknowledgement } from './turn-log.js';

const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 2000;

/**
 * What a home remembers while its store fails, as on a full disk. The store is left alone for a while, twice as long after each
 * failure. Requests are refused meanwhile; acknowledgements cannot be refused, so they are owed and done later.
 */
export class Trouble {
  #restMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  #isFull = false;
  /** Acknowledgements that are not done, the newest of each user: it covers those before it. */
  readonly #owed = new Map<number, Acknowledgement>();
  /**
   * Homes that sent something which could not be kept. Nothing later is taken from them until they send it again: order between
   * two homes has to hold.
   */
  readonly #missed = new Set<number>();
  /** Those among them that were not yet asked to send again. */
  readonly #unasked = new Set<number>();
  /** Homes whose answer could not be kept. They are sent the question again, and answer again. */
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

  /** What that home sent could not be kept. */
  miss(home: number): void {
    this.#missed.add(home);
    this.#unasked.add(home);
  }

  /** What that home answered could not be kept. */
  missAnswer(home: number): void {
    this.#unheard.add(home);
  }

  /** Hot path. */
  get isMissing(): boolean {
    return this.#missed.size > 0;
  }

  /** Whether something earlier of that home is missing. */
  hasMissed(home: number): boolean {
    return this.#missed.has(home);
  }

  /** That home begins to send again all that was not answered. It does not count if it began before it was asked. */
  begunAgain(home: number): void {
    if (!this.#unasked.has(home)) this.#missed.delete(home);
  }

  /** That process died. The one in its place sends everything again by itself. */
  forget(home: number): void {
    this.#missed.delete(home);
    this.#unasked.delete(home);
  }

  /** Hot path. Whether something is owed. */
  get isOwing(): boolean {
    return this.#owed.size > 0;
  }

  /** Hot path. Whether an earlier acknowledgement of this user is owed. */
  owes(user: number): boolean {
    return this.#owed.has(user);
  }

  /** One of the owed acknowledgements, taken out. */
  takeOwed(): Acknowledgement | undefined {
    for (const [user, acknowledgement] of this.#owed) {
      this.#owed.delete(user);
      return acknowledgement;
    }
    return undefined;
  }

  /** The store has kept a turn: it works again. */
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
