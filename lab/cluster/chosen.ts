import { type Random, randomStream } from '../../loadgen/random.js';
import type { Which } from '../../scenarios/scenario.js';

/** What can be chosen: a node, or a server of NATS. */
interface Choosable {
  readonly name: string;
  readonly isThere: boolean;
}

/** Chooses among those that are there, as an action says. */
export class Chooser<Each extends Choosable> {
  readonly #all: readonly Each[];
  readonly #random: Random;
  #turn = 0;

  /**
   * @param seed what is drawn follows from it
   * @param kind of what, for errors: `node`
   */
  constructor(
    all: readonly Each[],
    seed: number,
    readonly kind: string,
  ) {
    this.#all = all;
    this.#random = randomStream(seed, kind);
  }

  /** @throws Error where that one is not there now, or none */
  choose(which: Which): Each {
    const chosen = this.#chosen(which);
    if (!chosen) throw new Error(`no ${this.kind} is there now`);
    if (!chosen.isThere) throw new Error(`${chosen.name} is not there now`);
    return chosen;
  }

  #chosen(which: Which): Each | undefined {
    if (typeof which === 'number') return this.#all[which - 1];
    if (which === 'any') {
      const there = this.#all.filter(({ isThere }) => isThere);
      return there[this.#random.below(there.length)];
    }
    // Whoever is gone when it is its turn is passed over.
    for (let passed = 0; passed < this.#all.length; passed += 1) {
      const next = this.#all[this.#turn % this.#all.length];
      this.#turn += 1;
      if (next?.isThere) return next;
    }
    return undefined;
  }
}
