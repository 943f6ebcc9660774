import type { Random } from '../../loadgen/random.js';
import type { LeaseTable, TableEntry, TableListener, WhenWritten } from '../../server/cluster/lease-table.js';
import { isPeerKey } from '../../server/cluster/table-entries.js';
import type { SimulatedStore, Write } from './simulated-store.js';

/** A client gives up waiting for an answer after this time. */
const ANSWER_WITHIN_MS = 2000;
/** A client knows by then that its link is cut. */
const CUT_KNOWN_AFTER_MS = 1500;
/** Of all requests, and of all answers. */
const LOST_SHARE = 0.003;
const SLOW_SHARE = 0.01;

/** What a process runs on: its time stands still while it is stopped, and ends when it is killed. */
export interface ProcessTime {
  after(delayMs: number, run: () => void): () => void;
}

/** How long messages take. */
export function latencyMs(random: Random): number {
  return random.next() < SLOW_SHARE ? 20 + 400 * random.next() : 1 + 8 * random.next();
}

/** The table as one process sees it, over a network that delays, and loses what the process cannot tell from a delay. */
export class SimulatedLink implements LeaseTable {
  readonly #store: SimulatedStore;
  readonly #random: Random;
  /** Of the process. */
  readonly #own: ProcessTime;
  /** Of the network, which goes on whatever becomes of the process. */
  readonly #network: ProcessTime;
  #listener: TableListener | undefined;
  /** How much of the history it was told. */
  #told = 0;
  #isTelling = false;
  #isReady = false;
  #isCut = false;
  isConnected = true;

  constructor(store: SimulatedStore, random: Random, own: ProcessTime, network: ProcessTime) {
    this.#store = store;
    this.#random = random;
    this.#own = own;
    this.#network = network;
  }

  put(key: string, value: unknown, done: WhenWritten): void {
    this.#send({ key, value, expected: undefined }, done);
  }

  create(key: string, value: unknown, done: WhenWritten): void {
    this.#send({ key, value, expected: 0 }, done);
  }

  update(key: string, value: unknown, revision: number, done: WhenWritten): void {
    this.#send({ key, value, expected: revision }, done);
  }

  delete(key: string, revision: number | undefined, done: WhenWritten): void {
    this.#send({ key, value: undefined, expected: revision }, done);
  }

  watch(listener: TableListener): () => void {
    this.#listener = listener;
    this.noticeChange();
    return () => {
      this.#listener = undefined;
    };
  }

  /** The store has changed: the process hears of it soon. */
  noticeChange(): void {
    if (!this.#listener || this.#isTelling || this.#isCut) return;
    this.#isTelling = true;
    this.#network.after(latencyMs(this.#random), () => {
      if (this.#isCut || this.#store.isStalled) {
        this.#isTelling = false;
        this.noticeChange();
        return;
      }
      this.#own.after(0, () => {
        this.#isTelling = false;
        this.#tell();
      });
    });
  }

  cut(): void {
    this.#isCut = true;
    this.#own.after(CUT_KNOWN_AFTER_MS, () => {
      if (this.#isCut) this.isConnected = false;
    });
  }

  mend(): void {
    this.#isCut = false;
    this.isConnected = true;
    this.noticeChange();
  }

  #send(write: Write, done: WhenWritten): void {
    let isAnswered = false;
    const answer: WhenWritten = (outcome) => {
      if (isAnswered) return;
      isAnswered = true;
      giveUp();
      done(outcome);
    };
    const giveUp = this.#own.after(ANSWER_WITHIN_MS, () =>
      answer({ kind: 'unknown', reason: 'no answer came' }),
    );
    if (this.#isLost()) return;
    this.#network.after(latencyMs(this.#random), () =>
      this.#store.submit(write, (outcome) => {
        if (!this.#isLost())
          this.#network.after(latencyMs(this.#random), () => {
            if (!this.#isCut) this.#own.after(0, () => answer(outcome));
          });
      }),
    );
  }

  #isLost(): boolean {
    return this.#isCut || this.#random.next() < LOST_SHARE;
  }

  /**
   * Of a key that has changed several times since, sometimes only the last is told: as after watching anew, peers first, or as a
   * server does that is slow to tell.
   */
  #tell(): void {
    const missed = this.#store.history.slice(this.#told);
    this.#told = this.#store.history.length;
    const skips = !this.#isReady || (missed.length > 1 && this.#random.next() < 0.05);
    const isReadAnew = !this.#isReady || (skips && this.#random.next() < 0.5);
    for (const entry of skips ? lastOfEach(missed, isReadAnew) : missed) this.#listener?.changed(entry);
    if (this.#isReady) return;
    this.#isReady = true;
    this.#listener?.ready();
  }
}

function lastOfEach(entries: readonly TableEntry[], arePeersFirst: boolean): TableEntry[] {
  const last = new Map(entries.map((entry) => [entry.key, entry.revision]));
  const told = entries.filter(({ key, revision }) => last.get(key) === revision);
  if (!arePeersFirst) return told;
  return [...told.filter(({ key }) => isPeerKey(key)), ...told.filter(({ key }) => !isPeerKey(key))];
}
