/** Sequences of flows that are out of the ordinary: few in a right server, so kept only where there are any. */
export class SequenceSets {
  readonly #sets = new Map<number, Set<number>>();

  /** @returns false where it is in already */
  add(flow: number, sequence: number): boolean {
    let sequences = this.#sets.get(flow);
    if (!sequences) {
      sequences = new Set();
      this.#sets.set(flow, sequences);
    }
    if (sequences.has(sequence)) return false;
    sequences.add(sequence);
    return true;
  }

  /** Hot path. */
  has(flow: number, sequence: number): boolean {
    return this.#sets.size > 0 && (this.#sets.get(flow)?.has(sequence) ?? false);
  }

  /** Hot path. @returns whether it was in */
  delete(flow: number, sequence: number): boolean {
    return this.#sets.size > 0 && (this.#sets.get(flow)?.delete(sequence) ?? false);
  }

  forget(flow: number): void {
    if (this.#sets.size > 0) this.#sets.delete(flow);
  }

  *entries(): Iterable<[flow: number, sequence: number]> {
    for (const [flow, sequences] of this.#sets) for (const sequence of sequences) yield [flow, sequence];
  }
}
