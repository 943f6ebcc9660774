import type { Measurement } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { CoresInUse } from './cores-in-use.js';

type Cpu = NonNullable<Measurement['cpu']>;

const MICROSECONDS_PER_SECOND = 1e6;
/** The kernel counts the CPU time of a process in ticks of 10 ms: of less than twenty the last decides too much. */
const LEAST_CPU_SECONDS = 0.2;

/**
 * What a message costs in CPU time while the phases run, the agents of all machines together. Rates over rates: the server's CPU is known between its answers,
 * which begin and end a little beside the seconds in which messages are counted.
 */
export class CpuCost {
  readonly #server = new CoresInUse();
  readonly #generator = new CoresInUse();
  #delivered = 0;
  #seconds = 0;

  /** Takes a line of a phase; one without an answer of the server says nothing of it, least of all that it slept. */
  add({ seconds, messages, server, generator }: TimelineSample): void {
    this.#delivered += messages.delivered;
    this.#seconds += seconds;
    this.#generator.add(generator.cpu, seconds);
    if (server) this.#server.add(server.cpu, server.seconds ?? seconds);
  }

  summary(): Cpu {
    const deliveredPerSecond = this.#seconds === 0 ? 0 : this.#delivered / this.#seconds;
    const perMessage = ({ mean, coreSeconds }: CoresInUse): number | null =>
      mean === null || deliveredPerSecond === 0 || coreSeconds < LEAST_CPU_SECONDS
        ? null
        : rounded((mean * MICROSECONDS_PER_SECOND) / deliveredPerSecond);
    return {
      serverUsPerMessage: perMessage(this.#server),
      generatorUsPerMessage: perMessage(this.#generator),
      serverCores: this.#server.summary(),
      generatorCores: this.#generator.summary(),
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
