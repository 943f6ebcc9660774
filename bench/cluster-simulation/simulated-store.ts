import type { TableEntry, WriteOutcome } from '../../server/cluster/lease-table.js';

/** A write as it comes to the table. */
export interface Write {
  readonly key: string;
  /** Undefined: delete it. */
  readonly value: unknown;
  /** The key has to be at it, 0: not there; undefined: whatever it is at. */
  readonly expected: number | undefined;
}

/** The table itself: what is written is written for all at once, in one order. */
export class SimulatedStore {
  /** All that was ever written; revision n is at n - 1. */
  readonly history: TableEntry[] = [];
  readonly #keys = new Map<string, TableEntry>();
  readonly #written: (entry: TableEntry, before: TableEntry | undefined) => void;
  /** It stands still: what comes waits. */
  #stalled: { losesWrites: boolean; waiting: (() => void)[] } | undefined;

  constructor(written: (entry: TableEntry, before: TableEntry | undefined) => void) {
    this.#written = written;
  }

  get isStalled(): boolean {
    return this.#stalled !== undefined;
  }

  /** @param losesWrites what comes meanwhile is never written; otherwise it is when the table goes on */
  stall(losesWrites: boolean): void {
    this.#stalled ??= { losesWrites, waiting: [] };
  }

  goOn(): void {
    const waiting = this.#stalled?.waiting ?? [];
    this.#stalled = undefined;
    for (const run of waiting) run();
  }

  submit(write: Write, done: (outcome: WriteOutcome) => void): void {
    if (!this.#stalled) done(this.#write(write));
    else if (!this.#stalled.losesWrites) this.#stalled.waiting.push(() => done(this.#write(write)));
  }

  get(key: string): TableEntry | undefined {
    return this.#keys.get(key);
  }

  #write({ key, value, expected }: Write): WriteOutcome {
    const before = this.#keys.get(key);
    if (expected !== undefined && (before?.revision ?? 0) !== expected) return { kind: 'conflict' };
    const revision = this.history.length + 1;
    const entry = { key, value, revision };
    this.history.push(entry);
    if (value === undefined) this.#keys.delete(key);
    else this.#keys.set(key, entry);
    this.#written(entry, before);
    return { kind: 'done', revision };
  }
}
