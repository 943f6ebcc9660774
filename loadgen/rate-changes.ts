import type { Measurement } from '../record/run.js';
import type { AgentPool } from './coordination/agent-pool.js';
import { monotonicMs } from './monotonic-clock.js';
import { RunError } from './run-error.js';

/** A change of the rate, as run.json has it. */
export type RateChange = NonNullable<Measurement['rateChanges']>[number];

/** Each is a mark in every chart, and a line of the record. */
const MOST_CHANGES = 1000;
/** Changes that the note tells one by one. */
const CHANGES_TOLD = 5;

/** The rate of messages, as somebody changes it by hand while a phase goes on. The next phase has its own again. */
export class RateChanges {
  readonly made: RateChange[] = [];
  readonly #pool: AgentPool;
  readonly #leadMs: number;
  readonly #startMs: number;
  /** That of now; null: one in which no rate is in force. */
  #phase: { name: string; startMs: number; endMs: number } | null = null;

  /**
   * @param leadMs from telling the agents to when it counts
   * @param startMs when the run began, monotonic
   */
  constructor(pool: AgentPool, leadMs: number, startMs: number) {
    this.#pool = pool;
    this.#leadMs = leadMs;
    this.#startMs = startMs;
  }

  /**
   * @param startMs monotonic
   * @param durationMs null: of connect and drain, in which no rate is in force
   */
  beginPhase(name: string, startMs: number, durationMs: number | null): void {
    this.#phase = durationMs === null ? null : { name, startMs, endMs: startMs + durationMs };
  }

  /** @returns what was done, in words @throws RunError why it was not */
  change(perSecond: number, by: string): string {
    const phase = this.#phase;
    if (!phase)
      throw refused('no phase is under way that has a rate: clients connect, or the run is at its end');
    // Whole milliseconds of the phase: every agent has to take it for the same moment.
    const atMs = phase.startMs + Math.ceil(monotonicMs() + this.#leadMs - phase.startMs);
    if (atMs >= phase.endMs) throw refused(`phase ${phase.name} is all but over`);
    if (this.made.length >= MOST_CHANGES) throw refused(`it was changed ${MOST_CHANGES} times already`);
    this.#pool.tellAll({ kind: 'rate', messageRate: perSecond, atMs });
    const change = { atSeconds: this.#seconds(atMs), phase: phase.name, perSecond, by };
    this.made.push(change);
    return (
      `${rateWords(perSecond)} from ${change.atSeconds} s of the run on, ` +
      `until phase ${phase.name} ends at ${this.#seconds(phase.endMs)} s`
    );
  }

  get marks(): Measurement['marks'] {
    return this.made.map(({ atSeconds, perSecond }) => ({
      atSeconds,
      label: `rate ${rateWords(perSecond)}`,
    }));
  }

  /** What a reader must know; none where nothing was changed. */
  get notes(): string[] {
    if (this.made.length === 0) return [];
    const told = this.made
      .slice(0, CHANGES_TOLD)
      .map(
        (each) =>
          `${rateWords(each.perSecond)} in phase ${each.phase} from ${each.atSeconds} s on (${each.by})`,
      );
    const more = this.made.length - told.length;
    return [
      `the rate of messages was changed by hand: ${told.join(', ')}${more > 0 ? `, and ${more} times more` : ''}; ` +
        'so the seed does not make the same messages fall due again, and this run is comparable with no other',
    ];
  }

  #seconds(ms: number): number {
    return Math.round(ms - this.#startMs) / 1000;
  }
}

function refused(why: string): RunError {
  return new RunError('C2M_RUN', `the rate cannot be changed now: ${why}`);
}

/** `5,000/s` */
function rateWords(perSecond: number): string {
  return `${perSecond.toLocaleString('en-US', { maximumFractionDigits: 3 })}/s`;
}
