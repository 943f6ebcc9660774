import { monotonicMs } from '../monotonic-clock.js';

/** Of the time of a run, what looks of one kind may take. */
const MOST_SHARE = 0.01;

/** A look that may cost much, such as one at all processes of a host: it is made the more seldom, the longer it takes. */
export class SparingLook<Seen> {
  readonly #look: () => Seen;
  readonly #longestMs: number;
  #seen: { value: Seen } | undefined;
  #nextMs = 0;

  /** @param longestMs so old may be what was seen, whatever another look costs */
  constructor(look: () => Seen, longestMs = Number.POSITIVE_INFINITY) {
    this.#look = look;
    this.#longestMs = longestMs;
  }

  /** What is seen now, or was seen a moment ago. */
  get(): Seen {
    const startMs = monotonicMs();
    if (this.#seen && startMs < this.#nextMs) return this.#seen.value;
    const value = this.#look();
    const endMs = monotonicMs();
    this.#nextMs = endMs + Math.min(this.#longestMs, (endMs - startMs) / MOST_SHARE);
    this.#seen = { value };
    return value;
  }

  /** Things have changed: the next `get` looks anew. */
  forget(): void {
    this.#seen = undefined;
  }
}
