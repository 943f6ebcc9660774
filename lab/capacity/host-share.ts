import { unitAt } from '../../record/metrics.js';
import type { RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';

/** With less of its cores idle, a host has none to give. */
const NOTHING_LEFT = 0.95;
/** What waits for a core takes longer, and what is counted stays as it is. */
const UNITS_OF_TIME: ReadonlySet<string> = new Set(['ms', 'us', 'seconds', 'perSecond']);

/** Who had the cores of this host during a trial, from its samples as they come. */
export class HostShare {
  #seconds = 0;
  #generator = 0;
  #server = 0;
  #answeredSeconds = 0;
  /** CPU seconds of the host, and of others on the same hardware, at the first sample and the last. */
  #first: TimelineSample | undefined;
  #last: TimelineSample | undefined;

  add(sample: TimelineSample): void {
    if (sample.phase === 'drain') return;
    this.#first ??= sample;
    this.#last = sample;
    this.#seconds += sample.seconds;
    this.#generator += sample.generator.cpu * sample.seconds;
    if (!sample.server) return;
    const between = sample.server.seconds ?? sample.seconds;
    this.#server += sample.server.cpu * between;
    this.#answeredSeconds += between;
  }

  /**
   * Why a trial that broke tells nothing of the server: the host had no CPU left, most of it went to what is neither server
   * nor agent, and all that did not hold is about time. Undefined: it tells.
   */
  disturbance(record: RunRecord): string | undefined {
    const [first, last] = [this.#first, this.#last];
    // Of a cluster, the servers of NATS are part of what is tried, and not known apart.
    if (!first || !last || last.t <= first.t || record.nodes || this.#answeredSeconds === 0) return undefined;
    if (record.target.kind === 'external' || first.kernel.busySeconds === 0) return undefined;
    const missed = record.gates.filter(({ passed }) => !passed).map(({ expression }) => expression);
    const isOfTime = (expression: string): boolean =>
      UNITS_OF_TIME.has(unitAt(/^[^\s<>=!]+/.exec(expression)?.[0] ?? ''));
    if (missed.length === 0 || !missed.every(isOfTime)) return undefined;
    const { cores } = record.environment;
    const used = (read: (sample: TimelineSample) => number): number =>
      (read(last) - read(first)) / (last.t - first.t);
    const busy = used(({ kernel }) => kernel.busySeconds) + used(({ kernel }) => kernel.stealSeconds);
    const areClientsElsewhere = record.hosts.some(({ clock }) => clock !== null);
    const own =
      this.#server / this.#answeredSeconds + (areClientsElsewhere ? 0 : this.#generator / this.#seconds);
    const others = Math.min(busy, cores) - own;
    if (busy < cores * NOTHING_LEFT || others <= own) return undefined;
    return `the host had no CPU left, and ${others.toFixed(2)} of its ${cores} cores went to others than the server and the agents (${own.toFixed(2)})`;
  }
}
