import type { RecordedNode } from '../../record/run.js';
import type { NodeSample, TimelineSample } from '../../record/timeline.js';
import { CoresInUse } from './cores-in-use.js';
import type { HomesOpened } from './homes-opened.js';

/** What each server of a cluster did over the run, from the lines of the timeline. */
export class NodeSummaries {
  readonly #talking: ReadonlySet<string>;
  readonly #nodes = new Map<string, NodeSummary>();

  /** @param talking phases of the scenario, in which CPU counts */
  constructor(talking: ReadonlySet<string>) {
    this.#talking = talking;
  }

  add({ phase, server }: TimelineSample): void {
    for (const sample of server?.nodes ?? []) {
      const summary = this.#nodes.get(sample.name) ?? new NodeSummary();
      this.#nodes.set(sample.name, summary);
      summary.add(sample, this.#talking.has(phase));
    }
  }

  /**
   * By name; empty: the server is no cluster.
   * @param homes which came to each, where they tell
   */
  summary(homes?: ReturnType<HomesOpened['byNode']>): RecordedNode[] {
    return [...this.#nodes]
      .map(([name, node]) => ({
        name,
        ...node.figures(),
        ...(homes && { takenOver: 0, movedIn: 0, ...homes.get(name) }),
      }))
      .sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
  }
}

class NodeSummary {
  readonly #cores = new CoresInUse();
  #connectionsPeak = 0;
  #privateBytesPeak = 0;
  #eventLoopLagMaxMs = 0;
  #homesPeak: number | undefined;

  add(sample: NodeSample, isTalking: boolean): void {
    const { connections, cpu, seconds, privateBytes, eventLoopLagMs, homes } = sample;
    if (homes !== undefined) this.#homesPeak = Math.max(this.#homesPeak ?? 0, homes);
    this.#connectionsPeak = Math.max(this.#connectionsPeak, connections);
    this.#privateBytesPeak = Math.max(this.#privateBytesPeak, privateBytes);
    this.#eventLoopLagMaxMs = Math.max(this.#eventLoopLagMaxMs, eventLoopLagMs);
    if (isTalking) this.#cores.add(cpu, seconds);
  }

  figures(): Omit<RecordedNode, 'name'> {
    return {
      connectionsPeak: this.#connectionsPeak,
      cpuCores: this.#cores.summary(),
      privateBytesPeak: this.#privateBytesPeak,
      eventLoopLagMaxMs: this.#eventLoopLagMaxMs,
      ...(this.#homesPeak !== undefined && { homesPeak: this.#homesPeak }),
    };
  }
}
