/** Cores that somebody had in use, over time. */
export class CoresInUse {
  #peak: number | null = null;
  #coreSeconds = 0;
  #seconds = 0;

  add(cores: number, seconds: number): void {
    this.#peak = Math.max(cores, this.#peak ?? 0);
    this.#coreSeconds += cores * seconds;
    this.#seconds += seconds;
  }

  get coreSeconds(): number {
    return this.#coreSeconds;
  }

  /** Null: nothing was added. */
  get mean(): number | null {
    return this.#seconds === 0 ? null : this.#coreSeconds / this.#seconds;
  }

  /** As run.json has them, to a thousandth. */
  summary(): { mean: number | null; peak: number | null } {
    const { mean } = this;
    return { mean: mean && rounded(mean), peak: this.#peak && rounded(this.#peak) };
  }
}

function rounded(cores: number): number {
  return Math.round(cores * 1000) / 1000;
}
