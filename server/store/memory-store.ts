import type { Entry, HomeStore, RangeOptions, StoreUsage } from './home-store.js';
import { keysFrom } from './store-keys.js';

/** What an entry takes beside its bytes: two strings, and its place in the map. */
const ENTRY_BYTES = 150;

/**
 * A home in the memory of its process: fast, and gone with it. What is at hand stays with the home; this keeps what it
 * lets go of. As strings of one byte a character, since those have no slab of 8 KiB behind them that one small survivor
 * would hold, and no object of their own outside the heap.
 */
export class MemoryStore implements HomeStore {
  readonly isDurable = false;
  readonly staged = 0;
  readonly #maxBytes: number;
  readonly #values = new Map<string, string>();
  #bytes = 0;
  #round: Iterator<[string, string]> | undefined;

  /** @param maxBytes past it the store is full */
  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  get fullness(): number {
    return this.#bytes / this.#maxBytes;
  }

  async open(): Promise<void> {
    // Nobody else can have it.
  }

  get(key: Buffer): Buffer | undefined {
    const value = this.#values.get(key.toString('latin1'));
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }

  /** Looks at every key: for what is asked seldom. */
  *range(prefix: Buffer, { from, isReversed = false, limit }: RangeOptions = {}): Iterable<Entry> {
    const { start, end } = keysFrom(prefix);
    const [first, behind] = [start.toString('latin1'), end.toString('latin1')];
    const origin = from?.toString('latin1');
    const isWanted = (key: string) =>
      key >= first && key < behind && (origin === undefined || (isReversed ? key <= origin : key >= origin));
    const keys = [...this.#values.keys()].filter(isWanted).sort();
    if (isReversed) keys.reverse();
    for (const key of keys.slice(0, limit)) {
      const value = this.#values.get(key);
      if (value !== undefined) yield { key: Buffer.from(key, 'latin1'), value: Buffer.from(value, 'latin1') };
    }
  }

  goRound(count: number): Entry[] {
    const entries: Entry[] = [];
    while (entries.length < count) {
      this.#round ??= this.#values.entries();
      const { done, value } = this.#round.next();
      if (done) {
        this.#round = undefined;
        break;
      }
      entries.push({ key: Buffer.from(value[0], 'latin1'), value: Buffer.from(value[1], 'latin1') });
    }
    return entries;
  }

  count(prefix: Buffer): number {
    return [...this.range(prefix)].length;
  }

  stage(key: Buffer, value?: Buffer): void {
    const name = key.toString('latin1');
    const before = this.#values.get(name);
    if (before !== undefined) this.#bytes -= bytesOf(name, before);
    if (value === undefined) {
      this.#values.delete(name);
      return;
    }
    const kept = value.toString('latin1');
    this.#values.set(name, kept);
    this.#bytes += bytesOf(name, kept);
  }

  discard(): void {
    // Nothing is staged: what comes here is kept at once.
  }

  commit(): undefined {
    return undefined;
  }

  usage(): StoreUsage {
    return { diskBytes: 0, commits: 0, commitMs: 0 };
  }

  async close(): Promise<void> {
    this.#values.clear();
    this.#bytes = 0;
  }
}

function bytesOf(key: string, value: string): number {
  return key.length + value.length + ENTRY_BYTES;
}
