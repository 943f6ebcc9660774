/** Paths that all records together may have: phases and queues have names of their own. */
const MOST_PATHS = 20_000;

/** Figures of one record, in a few KiB. */
export interface StoredFigures {
  /** Null: it has none. */
  at(path: string): number | null;
}

/** Figures of thousands of records by their paths; each path is kept once. */
export class FigureStore {
  readonly #indexOf = new Map<string, number>();

  get paths(): string[] {
    return [...this.#indexOf.keys()];
  }

  /** What has no place any more is left out. */
  store(figures: ReadonlyMap<string, number>): StoredFigures {
    const known = [...figures].flatMap(([path, value]) => {
      const index = this.#take(path);
      return index === undefined ? [] : [{ index, value }];
    });
    known.sort((one, other) => one.index - other.index);
    const indexes = Uint16Array.from(known, ({ index }) => index);
    const values = Float64Array.from(known, ({ value }) => value);
    return {
      at: (path) => {
        const index = this.#indexOf.get(path);
        if (index === undefined) return null;
        const place = placeOf(indexes, index);
        return place < 0 ? null : (values[place] as number);
      },
    };
  }

  #take(path: string): number | undefined {
    const known = this.#indexOf.get(path);
    if (known !== undefined) return known;
    if (this.#indexOf.size >= MOST_PATHS) return undefined;
    const index = this.#indexOf.size;
    this.#indexOf.set(path, index);
    return index;
  }
}

/** Of a value in what is sorted; below zero: it is not there. */
function placeOf(sorted: Uint16Array, wanted: number): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] as number) < wanted) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === wanted ? from : -1;
}
