import type { Measurement } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';

type PhaseMemory = NonNullable<Measurement['phases'][number]['memory']>;

const SECONDS_PER_MINUTE = 60;
/** A slope through fewer seconds is that of one garbage collection. */
const LEAST_SAMPLES = 10;

/** Private memory of the server and of the agents, phase by phase: the highest, and how fast it grows. */
export class MemoryTrend {
  readonly #phases = new Map<string, { server: Line; agents: Line }>();

  add({ phase, t, server, generator }: TimelineSample): void {
    const lines = this.#phases.get(phase) ?? { server: new Line(), agents: new Line() };
    this.#phases.set(phase, lines);
    const minutes = t / SECONDS_PER_MINUTE;
    if (server) lines.server.add(minutes, server.privateBytes);
    lines.agents.add(minutes, generator.privateBytes);
  }

  /** Null where there was nothing, or too little, to see. */
  summary(phase: string): PhaseMemory {
    const lines = this.#phases.get(phase);
    return {
      serverPeakBytes: lines?.server.max ?? null,
      serverBytesPerMinute: lines?.server.slope() ?? null,
      agentPeakBytes: lines?.agents.max ?? null,
      agentBytesPerMinute: lines?.agents.slope() ?? null,
    };
  }
}

/** Least squares through points as they come. */
class Line {
  max: number | null = null;
  #count = 0;
  #sumX = 0;
  #sumY = 0;
  #sumXX = 0;
  #sumXY = 0;

  add(x: number, y: number): void {
    this.max = Math.max(y, this.max ?? 0);
    this.#count += 1;
    this.#sumX += x;
    this.#sumY += y;
    this.#sumXX += x * x;
    this.#sumXY += x * y;
  }

  slope(): number | null {
    const spread = this.#count * this.#sumXX - this.#sumX ** 2;
    if (this.#count < LEAST_SAMPLES || spread <= 0) return null;
    return Math.round((this.#count * this.#sumXY - this.#sumX * this.#sumY) / spread);
  }
}
