import type { Random } from '../../loadgen/random.js';
import type { HomeKeeper } from '../../server/cluster/membership.js';
import { FencedError } from '../../server/store/jetstream/fenced-error.js';
import { latencyMs, type ProcessTime } from './simulated-link.js';
import type { SimulatedLogs } from './simulated-logs.js';
import type { VirtualClock } from './virtual-clock.js';

/** A home as its keeper has it. */
interface Held {
  readonly home: number;
  readonly epoch: number;
  sequence: number;
  isOpen: boolean;
  isClosing: boolean;
  hasFailed: boolean;
  /** Appends that no answer came for yet; each expects those before it. */
  underWay: number;
  whenIdle: (() => void) | undefined;
  /** When the last of its appends comes to the log: they come in order. */
  arrivesMs: number;
}

export interface KeeperParts {
  readonly process: number;
  readonly logs: SimulatedLogs;
  readonly random: Random;
  readonly clock: VirtualClock;
  readonly own: ProcessTime;
  readonly network: ProcessTime;
  /** How many records a fence has. */
  readonly fenceRecords: number;
  readonly violated: (words: string) => void;
  /** Whether another process may have the homes of this one, as its membership knows. */
  readonly mayBeReplaced: () => boolean;
  /** A home was refused by its log. */
  readonly lost: (home: number, epoch: number) => void;
}

/**
 * Appends of a home that an owner has under way. Each expects those before it: where the first is lost, a fence of one record is
 * just what the second waits for. So a fence has as many records as there can be under way.
 */
export const MOST_UNDER_WAY = 4;
const FAILED_OPEN_SHARE = 0.01;
/** Appends that are very late, with all behind them: still under way when another has the home. */
const LATE_SHARE = 0.01;
const LOST_SHARE = 0.005;
const ANSWER_WITHIN_MS = 2000;

/** Keeps homes as the server does: fences, reads, appends several at once, and has lost a home whose log refuses it. */
export class SimulatedKeeper implements HomeKeeper {
  readonly #parts: KeeperParts;
  readonly #held = new Map<number, Held>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  isOpen(home: number, epoch: number): boolean {
    const held = this.#held.get(home);
    return held?.isOpen === true && held.epoch === epoch;
  }

  open(home: number, epoch: number): Promise<void> {
    const { random, logs } = this.#parts;
    if (this.#held.has(home)) this.#parts.violated(`home ${home} is opened by one process twice`);
    const held: Held = {
      home,
      epoch,
      sequence: 0,
      isOpen: false,
      isClosing: false,
      hasFailed: false,
      underWay: 0,
      whenIdle: undefined,
      arrivesMs: 0,
    };
    this.#held.set(home, held);
    return this.#promise((resolve, reject) => {
      const fail = (error: Error): void => {
        if (this.#held.get(home) === held) this.#held.delete(home);
        reject(error);
      };
      const opened = (): void => {
        if (this.#held.get(home) !== held) {
          reject(new Error('it was dropped'));
          return;
        }
        held.isOpen = true;
        logs.opened(home, epoch);
        resolve();
      };
      const readThen = (next: () => void): void => this.#after(2 + 60 * random.next(), next);
      if (random.next() < FAILED_OPEN_SHARE) readThen(() => fail(new Error('the disk is slow')));
      else this.#fence(held, () => readThen(opened), fail);
    });
  }

  handOver(home: number): Promise<void> {
    const held = this.#held.get(home);
    if (!held) return Promise.reject(new Error(`home ${home} is not here`));
    held.isClosing = true;
    return this.#promise((resolve) => {
      const close = (): void => {
        if (this.#held.get(home) === held) this.#held.delete(home);
        resolve();
      };
      if (held.underWay === 0) this.#after(1 + 10 * this.#parts.random.next(), close);
      else held.whenIdle = close;
    });
  }

  drop(home: number): void {
    const held = this.#held.get(home);
    if (!held) return;
    this.#held.delete(home);
    const { whenIdle } = held;
    // What is under way is not waited for.
    if (whenIdle) this.#after(0, whenIdle);
  }

  /**
   * Delivers what waits in the homes that this process believes to own, which asks no log: where another owner may have delivered
   * it, it has to be marked as a redelivery.
   */
  deliver(): void {
    const { logs, violated, mayBeReplaced, process } = this.#parts;
    for (const { home, epoch, isOpen, isClosing } of this.#held.values()) {
      const opened = logs.openedEpoch(home);
      if (isOpen && !isClosing && opened > epoch && !mayBeReplaced())
        violated(
          `home ${home} is open in epoch ${opened}, and process ${process} delivers unmarked from epoch ${epoch}`,
        );
    }
  }

  /** Says something in some of the homes that this process believes to own. */
  write(): void {
    const { random } = this.#parts;
    for (const held of this.#held.values())
      if (held.isOpen && !held.isClosing && !held.hasFailed && random.next() < 0.1)
        for (let count = random.below(MOST_UNDER_WAY + 1 - held.underWay); count > 0; count -= 1)
          this.#append(held);
  }

  #fence(held: Held, done: () => void, failed: (error: Error) => void): void {
    const { logs, fenceRecords } = this.#parts;
    this.#ask(
      () => logs.last(held.home),
      ({ sequence, epoch }) => {
        held.sequence = sequence;
        if (epoch > held.epoch) failed(new FencedError(`home ${held.home} is of a later epoch`, epoch));
        else this.#fenceOn(held, fenceRecords, done, failed);
      },
    );
  }

  /** Without a gap: where something comes between, the fence begins anew behind it. */
  #fenceOn(held: Held, records: number, done: () => void, failed: (error: Error) => void): void {
    const { logs, process } = this.#parts;
    if (records === 0) {
      done();
      return;
    }
    this.#ask(
      () => logs.append(held.home, held.epoch, process, held.sequence),
      (appended) => {
        held.sequence = appended.sequence;
        if (appended.kind === 'done') this.#fenceOn(held, records - 1, done, failed);
        else this.#fence(held, done, failed);
      },
    );
  }

  #append(held: Held): void {
    const { logs, process, random, clock, network, own } = this.#parts;
    const expected = held.sequence;
    held.sequence += 1;
    held.underWay += 1;
    const isLost = logs.isLossy && random.next() < LOST_SHARE;
    const lateMs = random.next() < LATE_SHARE ? 4000 * random.next() : 0;
    held.arrivesMs = Math.max(held.arrivesMs, clock.nowMs + lateMs + latencyMs(random));
    if (isLost) {
      this.#after(ANSWER_WITHIN_MS, () => this.#answered(held, false));
      return;
    }
    network.after(held.arrivesMs - clock.nowMs, () => {
      const { kind } = logs.append(held.home, held.epoch, process, expected);
      network.after(latencyMs(random), () => own.after(0, () => this.#answered(held, kind === 'done')));
    });
  }

  #answered(held: Held, isKept: boolean): void {
    held.underWay -= 1;
    // Those behind it fail as well: nothing is said any more.
    if (!isKept) held.hasFailed = true;
    if (held.underWay > 0) return;
    held.whenIdle?.();
    held.whenIdle = undefined;
    if (held.hasFailed && !held.isClosing) this.#parts.lost(held.home, held.epoch);
  }

  /** Asks a log over the network. */
  #ask<Answer>(ask: () => Answer, answered: (answer: Answer) => void): void {
    const { network, own, random } = this.#parts;
    network.after(latencyMs(random), () => {
      const answer = ask();
      network.after(latencyMs(random), () => own.after(0, () => answered(answer)));
    });
  }

  #after(delayMs: number, run: () => void): void {
    this.#parts.own.after(delayMs, run);
  }

  #promise(start: (resolve: () => void, reject: (error: Error) => void) => void): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      start(
        () => {
          clock.promiseSettled();
          resolve();
        },
        (error) => {
          clock.promiseSettled();
          reject(error);
        },
      );
    });
  }
}
