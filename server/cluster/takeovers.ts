/** How long a home was away because its owner had died. */
export interface Takeover {
  readonly home: number;
  /** Number of the peer that died. */
  readonly from: number;
  /** With which it is open again. */
  readonly epoch: number;
  /** From the last sign of life of its owner to when its death was known, and to when the home was open: as this process saw it. */
  readonly noticedMs: number;
  readonly openedMs: number;
}

const MOST_KEPT = 1000;

interface Away {
  readonly from: number;
  readonly lastHeardMs: number;
  readonly noticedMs: number;
}

/** Homes that this process takes over from the dead. */
export class Takeovers {
  readonly #away = new Map<number, Away>();
  readonly #done: Takeover[] = [];

  /** The last 1000, oldest first. */
  get done(): readonly Takeover[] {
    return this.#done;
  }

  lost(home: number, from: number, lastHeardMs: number, nowMs: number): void {
    // Where the one who took it over dies as well, it was away since the first death.
    if (this.#away.has(home)) return;
    this.#away.set(home, { from, lastHeardMs, noticedMs: nowMs - lastHeardMs });
  }

  opened(home: number, epoch: number, isOwn: boolean, nowMs: number): void {
    const away = this.#away.get(home);
    if (!away) return;
    this.#away.delete(home);
    if (!isOwn) return;
    const { from, lastHeardMs, noticedMs } = away;
    this.#done.push({ home, from, epoch, noticedMs, openedMs: nowMs - lastHeardMs });
    if (this.#done.length > MOST_KEPT) this.#done.shift();
  }
}
