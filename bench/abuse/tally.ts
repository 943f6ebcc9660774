/** Counts of one flood: what the attacker did, what it was told, and what was wrong that only it can see. */
export interface TallyReport {
  did: Record<string, number>;
  told: Record<string, number>;
  /** Promises that were broken before the attacker's eyes, each a sentence. */
  faults: string[];
}

export class Tally {
  readonly #did: Record<string, number> = {};
  readonly #told: Record<string, number> = {};
  readonly #faults = new Set<string>();

  did(what: string, count = 1): void {
    this.#did[what] = (this.#did[what] ?? 0) + count;
  }

  told(what: string, count = 1): void {
    this.#told[what] = (this.#told[what] ?? 0) + count;
  }

  countOf(what: string): number {
    return this.#told[what] ?? 0;
  }

  fault(sentence: string): void {
    this.#faults.add(sentence);
  }

  report(): TallyReport {
    return { did: this.#did, told: this.#told, faults: [...this.#faults] };
  }
}

export function addTallies(reports: TallyReport[]): TallyReport {
  const sum: TallyReport = { did: {}, told: {}, faults: [] };
  for (const { did, told, faults } of reports) {
    addCounts(sum.did, did);
    addCounts(sum.told, told);
    sum.faults.push(...faults);
  }
  return sum;
}

export function addCounts(sum: Record<string, number>, counts: Record<string, number>): void {
  for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
}
