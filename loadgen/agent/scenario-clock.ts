/**
 * Times of a scenario: milliseconds since its first phase began. Whatever the clock of a host shows, and however that was
 * found out, they are the same numbers in every agent to the last bit, so that all agree on which of two things comes first.
 */
export class ScenarioClock {
  #phaseMs = 0;
  #atMs = Number.NaN;

  /**
   * A phase began.
   * @param phaseMs time of the scenario
   * @param atMs what the clock of this host showed
   */
  beginPhase(phaseMs: number, atMs: number): void {
    this.#phaseMs = phaseMs;
    this.#atMs = atMs;
  }

  /** No phase has begun: there is no time of the scenario yet. */
  get isStopped(): boolean {
    return Number.isNaN(this.#atMs);
  }

  /** The time of the scenario at a time of this host. */
  scenarioMs(hostMs: number): number {
    return this.#phaseMs + (hostMs - this.#atMs);
  }

  /** The same of what the coordinator told: whole milliseconds, because it told each host in the time of its own clock. */
  toldMs(hostMs: number): number {
    return Math.round(this.scenarioMs(hostMs));
  }

  /** The time of this host at a time of the scenario. */
  hostMs(scenarioMs: number): number {
    return this.#atMs + (scenarioMs - this.#phaseMs);
  }
}
