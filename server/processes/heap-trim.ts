/** Fewer connections than this leave too little behind to stop a worker for. */
const LEAST_DEPARTURE = 1000;
/** The first finds the objects, the second gives back the pages that it emptied. */
const COLLECTIONS = 2;

/**
 * V8 collects garbage when it needs room. A worker whose clients have left needs none, and would keep what they held
 * for ever. Does nothing in a process started without --expose-gc.
 */
export class HeapTrim {
  /** Most connections since garbage was last collected on purpose. */
  #peak = 0;
  #collectionsDue = 0;

  /** Looks, about once a second, whether half of the connections are gone. */
  look(connections: number, areAllGone: boolean): void {
    this.#peak = Math.max(this.#peak, connections);
    const departed = this.#peak - connections;
    if (departed >= LEAST_DEPARTURE && departed * 2 >= this.#peak && areAllGone) {
      this.#peak = connections;
      this.#collectionsDue = COLLECTIONS;
    }
    if (this.#collectionsDue === 0) return;
    this.#collectionsDue -= 1;
    globalThis.gc?.();
  }
}
