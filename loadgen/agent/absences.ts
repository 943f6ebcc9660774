/**
 * How long each client was away on purpose. What waits for somebody who is away waits for no fault of the server, so the
 * time is taken off; what it took beside that stays.
 */
export class Absences {
  /** Of those that are over, milliseconds. */
  readonly #overMs: Float64Array;
  /** When the present one began, as a negative number; else when the last one ended; 0: there was none. */
  readonly #sinceMs: Float64Array;
  #hadAny = false;

  constructor(clients: number) {
    this.#overMs = new Float64Array(clients);
    this.#sinceMs = new Float64Array(clients);
  }

  /** Somebody was away. */
  get hadAny(): boolean {
    return this.#hadAny;
  }

  isAway(client: number): boolean {
    return (this.#sinceMs[client] as number) < 0;
  }

  begin(client: number, nowMs: number): void {
    if (this.isAway(client)) return;
    this.#hadAny = true;
    this.#sinceMs[client] = -nowMs;
  }

  end(client: number, nowMs: number): void {
    if (!this.isAway(client)) return;
    (this.#overMs[client] as number) += nowMs + (this.#sinceMs[client] as number);
    this.#sinceMs[client] = nowMs;
  }

  /** When it came back the last time; 0: it was never away. */
  backAtMs(client: number): number {
    return Math.max(0, this.#sinceMs[client] as number);
  }

  /** Hot path. All of them until `atMs`, which is not before the last one that is over. */
  totalMs(client: number, atMs: number): number {
    const since = this.#sinceMs[client] as number;
    const over = this.#overMs[client] as number;
    return since < 0 ? over + Math.max(0, atMs + since) : over;
  }
}
