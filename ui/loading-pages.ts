/** Pages that were handed out and do not follow yet: a browser has still to read them, and their script. */
export class LoadingPages {
  #count = 0;
  #newestMs = Number.NEGATIVE_INFINITY;
  #whenAll: (() => void) | undefined;

  handedOut(): void {
    this.#count += 1;
    this.#newestMs = performance.now();
  }

  /** One of them follows now. */
  arrived(): void {
    this.#count = Math.max(0, this.#count - 1);
    if (this.#count === 0) this.#whenAll?.();
  }

  /** Resolves once all of them follow. What fetched the page and has no script never will: it is waited for that long. */
  async settled(patienceMs: number): Promise<void> {
    const leftMs = this.#newestMs + patienceMs - performance.now();
    if (this.#count === 0 || leftMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      this.#whenAll = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
