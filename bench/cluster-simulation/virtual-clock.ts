interface Event {
  readonly at: number;
  /** Of events at the same time the first that was planned comes first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that passes only from event to event; the same events in the same order, however fast the machine is. */
export class VirtualClock {
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;
  #hasPromises = false;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** @returns what takes it back */
  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const event: Event = { at: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** A promise was settled: what waits for it runs before time goes on. */
  promiseSettled(): void {
    this.#hasPromises = true;
  }

  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.at > untilMs) break;
      this.#pop();
      this.#nowMs = next.at;
      next.run?.();
      if (!this.#hasPromises) continue;
      this.#hasPromises = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    const { length } = heap;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
