import type { KeptStore } from '../../server/cluster/log-keeper.js';
import {
  type Entry,
  type RangeOptions,
  StoreFailure,
  type StoreUsage,
} from '../../server/store/home-store.js';
import { FencedError } from '../../server/store/jetstream/fenced-error.js';
import { FakeStore } from './fake-store.js';

/** The log of a home, as all its owners have it: what came to it, in one order, from the owner that has fenced it last. */
export class SharedLog {
  readonly kept = new Map<string, Buffer>();
  owner: LogStore | undefined;
  epoch = 0;
  /** It takes nothing just now. */
  isFull = false;
}

/** What an owner and its log have between them. */
export interface LogWay {
  /** Runs it after a moment on the network; never where the process is dead by then, later where it is cut off. */
  later(run: () => void): void;
  fenced(reason: string): void;
}

interface Commit {
  readonly changes: [string, Buffer | undefined][];
  resolve(): void;
  reject(failure: StoreFailure): void;
  state: 'sent' | 'refused' | 'kept' | 'acknowledged';
}

/** A home's log as one owner has it: like that of JetStream, with commits that take their time and a fence. */
export class LogStore implements KeptStore {
  readonly isDurable = true;
  readonly isFull = false;
  readonly fullness = 0;
  readonly takeover = { fencedMs: 0, snapshotMs: 0, replayMs: 0, snapshotBytes: 0, records: 0, bytes: 0 };
  readonly #log: SharedLog;
  readonly #way: LogWay;
  readonly #local = new FakeStore();
  #staged: [string, Buffer | undefined][] = [];
  #underWay: Commit[] = [];
  #isFailing = false;
  #isOver = false;

  constructor(log: SharedLog, way: LogWay) {
    this.#log = log;
    this.#way = way;
  }

  get log(): { underWay: number; bytesBehindSnapshot: number } {
    return { underWay: this.#underWay.length, bytesBehindSnapshot: 0 };
  }

  get staged(): number {
    return this.#staged.length;
  }

  async open(epoch: number): Promise<void> {
    await new Promise<void>((resolve) => this.#way.later(resolve));
    if (this.#log.epoch > epoch) throw new FencedError('the log is of a later epoch', this.#log.epoch);
    this.#log.epoch = epoch;
    this.#log.owner = this;
    for (const [key, value] of this.#log.kept) this.#local.kept.set(key, value);
    await new Promise<void>((resolve) => this.#way.later(resolve));
  }

  get(key: Buffer): Buffer | undefined {
    return this.#local.get(key);
  }

  range(prefix: Buffer, options?: RangeOptions): Iterable<Entry> {
    return this.#local.range(prefix, options);
  }

  count(prefix: Buffer): number {
    return this.#local.count(prefix);
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
      const commit: Commit = { changes, resolve, reject, state: 'sent' };
      this.#underWay.push(commit);
      this.#way.later(() => this.#arrive(commit));
    });
  }

  usage(): StoreUsage {
    return { diskBytes: 0, commits: 0, commitMs: 0 };
  }

  async close(): Promise<void> {
    this.#isOver = true;
  }

  /** At the log. */
  #arrive(commit: Commit): void {
    // What was refused while it was on its way is never kept: an appender refuses only what it knows that of.
    if (this.#isFailing || commit.state === 'refused') return;
    if (this.#log.owner !== this) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#way.later(() => this.#way.fenced('another owner has fenced the log'));
    } else if (this.#log.isFull) {
      this.#isFailing = true;
      this.#way.later(() => this.#fail());
    } else {
      apply(commit, this.#log.kept);
      commit.state = 'kept';
      this.#way.later(() => this.#acknowledged(commit));
    }
  }

  #acknowledged(commit: Commit): void {
    if (this.#isOver) return;
    commit.state = 'acknowledged';
    while (this.#underWay[0]?.state === 'acknowledged') {
      const next = this.#underWay.shift() as Commit;
      apply(next, this.#local.kept);
      next.resolve();
    }
  }

  /** What came to the log behind one that it had refused was refused as well. */
  #fail(): void {
    this.#isFailing = false;
    const failed = this.#underWay.filter(({ state }) => state === 'sent');
    this.#underWay = this.#underWay.filter(({ state }) => state !== 'sent');
    for (const commit of failed) commit.state = 'refused';
    for (const { reject } of failed) reject(new StoreFailure('the log is full', true));
  }
}

function apply({ changes }: Commit, kept: Map<string, Buffer>): void {
  for (const [key, value] of changes) {
    if (value) kept.set(key, value);
    else kept.delete(key);
  }
}
