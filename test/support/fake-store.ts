import {
  type Entry,
  type HomeStore,
  type RangeOptions,
  StoreFailure,
  type StoreUsage,
} from '../../server/store/home-store.js';

interface Commit {
  changes: [string, Buffer | undefined][];
  resolve(): void;
  reject(error: StoreFailure): void;
}

/**
 * A durable store for tests whose commits come back when the test says, in any order, kept or not. Like a replicated log
 * it keeps commits in the order of the calls: where one fails, so do those behind it.
 */
export class FakeStore implements HomeStore {
  readonly isDurable = true;
  isFull = false;
  fullness = 0;
  mostTurnBytes: number | undefined;
  readonly kept = new Map<string, Buffer>();
  readonly #underWay: Commit[] = [];
  #acknowledged = new Set<Commit>();
  #staged: [string, Buffer | undefined][] = [];

  get staged(): number {
    return this.#staged.length;
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  async open(): Promise<void> {
    // There is nobody else.
  }

  get(key: Buffer): Buffer | undefined {
    const value = this.kept.get(key.toString('latin1'));
    return value && Buffer.from(value);
  }

  *range(prefix: Buffer, { from, isReversed = false, limit }: RangeOptions = {}): Iterable<Entry> {
    const start = prefix.toString('latin1');
    const origin = from?.toString('latin1');
    const keys = [...this.kept.keys()]
      .filter((key) => key.startsWith(start))
      .filter((key) => origin === undefined || (isReversed ? key <= origin : key >= origin))
      .sort();
    if (isReversed) keys.reverse();
    for (const key of keys.slice(0, limit))
      yield { key: Buffer.from(key, 'latin1'), value: Buffer.from(this.kept.get(key) as Buffer) };
  }

  count(prefix: Buffer): number {
    return [...this.range(prefix)].length;
  }

  stage(key: Buffer, value?: Buffer): void {
    this.#staged.push([key.toString('latin1'), value && Buffer.from(value)]);
  }

  discard(): void {
    this.#staged = [];
  }

  commit(): Promise<void> | undefined {
    if (this.#staged.length === 0) return undefined;
    const changes = this.#staged;
    this.#staged = [];
    return new Promise((resolve, reject) => {
      this.#underWay.push({ changes, resolve, reject });
    });
  }

  /** One of the commits under way is kept, and its caller hears of it before or after those of others. */
  async keep(at: number): Promise<void> {
    const commit = this.#underWay[at];
    if (!commit || this.#acknowledged.has(commit)) return;
    this.#acknowledged.add(commit);
    commit.resolve();
    // What is kept is seen in order.
    while (this.#underWay[0] && this.#acknowledged.delete(this.#underWay[0])) {
      for (const [key, value] of (this.#underWay.shift() as Commit).changes) {
        if (value) this.kept.set(key, value);
        else this.kept.delete(key);
      }
    }
    await settled();
  }

  /** The first commit under way that was not acknowledged fails, and all behind it. */
  async fail(isFull = false): Promise<void> {
    const from = this.#underWay.findIndex((commit) => !this.#acknowledged.has(commit));
    const isLast = !this.#underWay.slice(from + 1).some((commit) => this.#acknowledged.has(commit));
    // One behind it is kept already, so it cannot fail any more.
    if (from < 0 || !isLast) return;
    const failed = this.#underWay.splice(from);
    for (const { reject } of failed) reject(new StoreFailure('the fake store fails', isFull));
    await settled();
  }

  usage(): StoreUsage {
    return { diskBytes: 0, commits: 0, commitMs: 0 };
  }

  async close(): Promise<void> {
    this.kept.clear();
  }
}

/** All promises that follow from what was done have run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
