/** Lets one at a time work on a thing, in the order in which they came; things of other names go on meanwhile. */
export class KeyedMutex {
  /** The last that waits for each name; a name that nobody is at has none. */
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    // Whoever came before has told its own caller of its failure.
    const turn = before ? before.then(work, work) : work();
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
