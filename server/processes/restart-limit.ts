/** Time in which deaths are counted: past the limit, starting again mends nothing. */
const WINDOW_MS = 60_000;

/** Counts the processes of a server that died lately. */
export class RestartLimit {
  readonly #perMinute: number;
  #deathsMs: number[] = [];

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** @throws where starting again mends nothing any more */
  count(reason: string): void {
    const now = performance.now();
    this.#deathsMs = [...this.#deathsMs.filter((atMs) => now - atMs < WINDOW_MS), now];
    const recent = this.#deathsMs.length;
    if (recent <= this.#perMinute) return;
    throw new Error(`${reason}; ${recent} workers died within ${WINDOW_MS / 1000} s`);
  }
}
