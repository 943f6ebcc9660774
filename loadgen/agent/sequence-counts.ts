/** How often something out of the ordinary happened to sequences of flows: kept only where it did. */
export class SequenceCounts {
  readonly #counts = new Map<number, Map<number, number>>();

  of(flow: number, sequence: number): number {
    return this.#counts.get(flow)?.get(sequence) ?? 0;
  }

  add(flow: number, sequence: number): void {
    let counts = this.#counts.get(flow);
    if (!counts) {
      counts = new Map();
      this.#counts.set(flow, counts);
    }
    counts.set(sequence, (counts.get(sequence) ?? 0) + 1);
  }

  forget(flow: number): void {
    if (this.#counts.size > 0) this.#counts.delete(flow);
  }
}
