import type { TimelineSample } from '../../record/timeline.js';
import { mergedSample } from './merged-sample.js';

/** An hour; each takes one to five KiB, by how many queues the server has. */
const MOST_SAMPLES = 3600;
/** Of them, the newest that stay as they are. */
const KEPT_WHOLE = 1200;

/**
 * The timeline of a run that goes on, as far as its page needs it. Once it gets too long, lines of what is longer ago
 * become one for two of them, and later for four; timeline.ndjson has all, and the report at the end is made from that.
 */
export class LiveSamples {
  #samples: TimelineSample[] = [];

  get all(): readonly TimelineSample[] {
    return this.#samples;
  }

  add(sample: TimelineSample): void {
    this.#samples.push(sample);
    if (this.#samples.length <= MOST_SAMPLES) return;
    const cut = this.#samples.length - KEPT_WHOLE;
    this.#samples = [...inPairs(this.#samples.slice(0, cut)), ...this.#samples.slice(cut)];
  }
}

function inPairs(samples: readonly TimelineSample[]): TimelineSample[] {
  return samples.flatMap((sample, index) => {
    const next = samples[index + 1];
    if (index % 2 === 1) return [];
    return [next ? mergedSample(sample, next) : sample];
  });
}
