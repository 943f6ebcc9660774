/** How often a peer says that it is there, of its lease. */
export const BEATS_IN_A_LEASE = 4;
/** The first of them only begins the lease. */
const SILENT_BEATS = BEATS_IN_A_LEASE + 1;

/**
 * Whose lease is over. Time is counted in beats of this process that it has seen come back from the table: what others wrote before
 * them it has seen by then, so that whoever is silent is silent, and while the table stands still no time passes.
 */
export class PeerLeases {
  readonly #leaseMs: number;
  /** Own beats seen since something was heard of a peer, by its number. */
  readonly #silentBeats = new Map<number, number>();
  #lastBeatMs: number | undefined;
  #wasLate = false;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  heard(number: number): void {
    this.#silentBeats.set(number, 0);
  }

  gone(number: number): void {
    this.#silentBeats.delete(number);
  }

  /** As if everybody was heard just now. */
  restart(): void {
    this.#lastBeatMs = undefined;
    this.#wasLate = false;
    for (const number of this.#silentBeats.keys()) this.#silentBeats.set(number, 0);
  }

  /**
   * A beat of this process has come back from the table.
   * @param self its number
   * @returns those whom this process should take for dead. One is the first to do so, the others only when that does not help:
   * otherwise hundreds would write the same.
   */
  ownBeat(self: number, nowMs: number): number[] {
    const isLate = this.#lastBeatMs !== undefined && nowMs - this.#lastBeatMs > this.#leaseMs / 2;
    this.#lastBeatMs = nowMs;
    // The table stood still, or this process did: a lease for everybody. Not twice in a row: a table may be that slow always.
    const isAfterStall = isLate && !this.#wasLate;
    this.#wasLate = isLate;
    const dead: number[] = [];
    for (const [number, beats] of this.#silentBeats) {
      if (number === self) continue;
      this.#silentBeats.set(number, isAfterStall ? 0 : beats + 1);
      if (!isAfterStall && beats + 1 >= SILENT_BEATS && beats + 1 >= SILENT_BEATS + this.#rank(self, number))
        dead.push(number);
    }
    return dead;
  }

  /** How many come before this process in noticing that death: those next in number that are heard, in a ring; 4 at most. */
  #rank(self: number, dead: number): number {
    const isBetween = (number: number): boolean =>
      dead < self ? number > dead && number < self : number > dead || number < self;
    let rank = 0;
    for (const [number, beats] of this.#silentBeats)
      if (beats <= BEATS_IN_A_LEASE / 2 && number !== self && isBetween(number)) rank += 1;
    return Math.min(rank, 4);
  }
}
