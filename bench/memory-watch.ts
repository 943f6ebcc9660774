import { privateBytes, processTree } from './process-tree.js';

const EVERY_MS = 250;

/** Samples the private memory of a process and all below it, four times a second. */
export class MemoryWatch {
  readonly #root: number;
  readonly #timer: NodeJS.Timeout;
  readonly #pids = new Set<number>();
  #newest = 0;
  #peak = 0;

  constructor(root: number) {
    this.#root = root;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  /** Every process that was ever seen. */
  get pids(): Iterable<number> {
    return this.#pids;
  }

  /** Forgets the peak. @returns bytes now */
  restart(): number {
    this.#peak = 0;
    this.#sample();
    return this.#newest;
  }

  get peakBytes(): number {
    return this.#peak;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const tree = processTree(this.#root);
    for (const pid of tree) this.#pids.add(pid);
    this.#newest = tree.reduce((sum, pid) => sum + privateBytes(pid), 0);
    this.#peak = Math.max(this.#peak, this.#newest);
  }
}
