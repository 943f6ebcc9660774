import type { Random } from '../../loadgen/random.js';
import { FencedError, type HomeKeeper } from '../../server/cluster/membership.js';
import { latencyMs, type ProcessTime } from './simulated-link.js';
import type { Appended, SimulatedLogs } from './simulated-logs.js';
import type { VirtualClock } from './virtual-clock.js';

/** A home as its keeper has it. */
interface Held {
  readonly home: number;
  readonly epoch: number;
  sequence: number;
  isOpen: boolean;
  isClosing: boolean;
  /** Appends that no answer came for yet; each expects those before it. */
  underWay: number;
  whenIdle: (() => void) | undefined;
}

export interface KeeperParts {
  readonly process: number;
  readonly logs: SimulatedLogs;
  readonly random: Random;
  readonly clock: VirtualClock;
  readonly own: ProcessTime;
  readonly network: ProcessTime;
  /** False: it opens homes without fencing their logs, which has to be found out. */
  readonly isFencing: boolean;
  readonly violated: (words: string) => void;
}

const FAILED_OPEN_SHARE = 0.01;
/** Appends that are very late: still under way when another has the home. */
const LATE_APPEND_SHARE = 0.02;

/** Keeps homes as the server does: fences, reads, appends several at once, stops where it is refused. */
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
      underWay: 0,
      whenIdle: undefined,
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

  /** Says something in some of the homes that this process believes to own. */
  write(): void {
    const { random } = this.#parts;
    for (const held of this.#held.values())
      if (held.isOpen && !held.isClosing && random.next() < 0.1) this.#append(held);
  }

  #fence(held: Held, done: () => void, failed: (error: Error) => void): void {
    const { logs, process, isFencing } = this.#parts;
    this.#ask(
      () => logs.last(held.home),
      ({ sequence, epoch }) => {
        held.sequence = sequence;
        if (epoch > held.epoch) failed(new FencedError(held.home, epoch));
        else if (!isFencing) done();
        else
          this.#ask(
            () => logs.append(held.home, held.epoch, process, sequence),
            (appended) => {
              held.sequence = appended.sequence;
              if (appended.kind === 'done') done();
              else if (appended.epoch > held.epoch) failed(new FencedError(held.home, appended.epoch));
              else this.#fence(held, done, failed);
            },
          );
      },
    );
  }

  #append(held: Held): void {
    const { logs, process, random } = this.#parts;
    const expected = held.sequence;
    held.sequence += 1;
    held.underWay += 1;
    const lateMs = random.next() < LATE_APPEND_SHARE ? 4000 * random.next() : 0;
    this.#ask(
      (): Appended => logs.append(held.home, held.epoch, process, expected),
      (appended) => {
        held.underWay -= 1;
        if (appended.kind === 'refused') this.#refused(held, appended.sequence, appended.epoch);
        if (held.underWay > 0) return;
        held.whenIdle?.();
        held.whenIdle = undefined;
      },
      lateMs,
    );
  }

  /** Those behind one that came late are refused, and written again; where another owner has fenced the log, it is over. */
  #refused(held: Held, sequence: number, epoch: number): void {
    if (epoch > held.epoch) held.isClosing = true;
    else if (held.underWay === 0) held.sequence = sequence;
  }

  /** Asks a log over the network. */
  #ask<Answer>(ask: () => Answer, answered: (answer: Answer) => void, lateMs = 0): void {
    const { network, own, random } = this.#parts;
    network.after(lateMs + latencyMs(random), () => {
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
