import type { QueueSample, ServerStats } from '../../protocol/stats.js';
import { QueueFlow, type RatesAtLongest } from './queue-flow.js';

/** What one queue did in a run. */
export interface QueueHistory {
  /** Highest length at each sample, several a second. */
  lengths: readonly number[];
  /** Each null where the server does not count what comes and goes. */
  behindMs: number | null;
  rates: RatesAtLongest | null;
  meanLength: number | null;
  busyShare: number | null;
  waitMs: number | null;
}

interface Counts {
  arrived: number;
  served: number;
}

/**
 * The queues of a server over a run, from the samples that it takes of itself. A server of several processes tells each
 * one's queues (`mailboxes#0`); their total (`mailboxes`) is what one process would have.
 */
export class QueueLog {
  /** Highest length of each queue since `takeHighest`. */
  #highest = new Map<string, number>();
  readonly #lengths = new Map<string, number[]>();
  readonly #flows = new Map<string, QueueFlow>();
  /** Newest counts of each queue as the server names them; those that a sample leaves out have not changed. */
  #counts = new Map<string, Counts>();
  #lastSequence: number | undefined;

  /** The server that counted until now is gone, and another one counts from zero. */
  restart(): void {
    this.#lastSequence = 0;
    this.#counts = new Map();
  }

  /** Takes the samples that it has not seen. What was sampled before the first call belongs to another run. */
  take(stats: ServerStats): void {
    const last = this.#lastSequence ?? Number.POSITIVE_INFINITY;
    const fresh = stats.samples.filter(({ sequence }) => sequence > last);
    this.#lastSequence = stats.samples.at(-1)?.sequence ?? this.#lastSequence ?? 0;
    const empty = Object.fromEntries(Object.keys(stats.queues).map((queue) => [queue, 0]));
    for (const sample of fresh) {
      const lengths = withTotals(Object.entries({ ...empty, ...sample.queues }));
      for (const [queue, length] of lengths) this.#note(queue, length);
      this.#readFlows(sample, lengths);
    }
    // Samples are kept for seconds only: what those that are gone have told must not be missed.
    const hasMissed = fresh[0] !== undefined && fresh[0].sequence > last + 1;
    if (last === Number.POSITIVE_INFINITY || hasMissed) this.#readSums(stats);
  }

  /** Highest length of each queue since the last call; of one process among many only where it held something. */
  takeHighest(): Record<string, number> {
    const highest = [...this.#highest].filter(
      ([queue, length]) => length > 0 || processOf(queue) === undefined,
    );
    this.#highest = new Map();
    return Object.fromEntries(highest);
  }

  /** By name, totals and their parts. */
  histories(): Map<string, QueueHistory> {
    return new Map([...this.#lengths].map(([name, lengths]) => [name, this.#history(name, lengths)]));
  }

  #history(name: string, lengths: readonly number[]): QueueHistory {
    const flow = this.#flows.get(name);
    if (!flow)
      return { lengths, behindMs: null, rates: null, meanLength: null, busyShare: null, waitMs: null };
    // Items of different processes do not wait for each other: a total is as late as the latest of its parts.
    const parts = [...this.#flows].filter(([part]) => part.startsWith(`${name}#`)).map(([, each]) => each);
    const behindMs = Math.max(...(parts.length > 0 ? parts : [flow]).map((each) => each.behindMs));
    const { ratesAtLongest, meanLength, busyShare, waitMs } = flow;
    return { lengths, behindMs, rates: ratesAtLongest ?? null, meanLength, busyShare, waitMs };
  }

  /** What has been counted until now, whenever that was. */
  #readSums({ samples, workers, queues }: ServerStats): void {
    const atMs = samples.at(-1)?.atMs;
    if (atMs === undefined) return;
    const reports = Object.fromEntries(workers.map((worker) => [worker.worker, worker.atMs ?? atMs]));
    const counts = Object.fromEntries(
      Object.entries(queues).map(([name, { arrived, served }]) => [
        name,
        [arrived, served] as [number, number],
      ]),
    );
    this.#readFlows({ atMs, sequence: 0, queues: {}, reports, counts }, new Map());
  }

  #note(queue: string, length: number): void {
    this.#highest.set(queue, Math.max(length, this.#highest.get(queue) ?? 0));
    const lengths = this.#lengths.get(queue);
    if (lengths) lengths.push(length);
    else this.#lengths.set(queue, [length]);
  }

  #readFlows({ atMs, reports, counts }: QueueSample, peaks: ReadonlyMap<string, number>): void {
    // A server of another make may not tell.
    if (!reports || !counts) return;
    for (const [queue, [arrived, served]] of Object.entries(counts))
      this.#counts.set(queue, { arrived, served });
    for (const [queue, { arrived, served }] of this.#counts) {
      const reportedAtMs = reports[processOf(queue) ?? Object.keys(reports)[0] ?? ''];
      // Who did not report in time has said nothing, least of all that nothing moved.
      if (reportedAtMs !== undefined)
        this.#flow(queue).read({ atMs: reportedAtMs, arrived, served, peak: peaks.get(queue) ?? 0 });
    }
    const [arrived, served] = (['arrived', 'served'] as const).map((what) =>
      withTotals([...this.#counts].map(([queue, of]) => [queue, of[what]])),
    ) as [Map<string, number>, Map<string, number>];
    for (const [queue, sum] of arrived) {
      if (this.#counts.has(queue)) continue;
      this.#flow(queue).read({
        atMs,
        arrived: sum,
        served: served.get(queue) ?? 0,
        peak: peaks.get(queue) ?? 0,
      });
    }
  }

  #flow(queue: string): QueueFlow {
    const flow = this.#flows.get(queue) ?? new QueueFlow();
    this.#flows.set(queue, flow);
    return flow;
  }
}

/** The number of the process that a queue belongs to; undefined: it is that of the only one, or a total. */
function processOf(queue: string): string | undefined {
  const hash = queue.indexOf('#');
  return hash < 0 ? undefined : queue.slice(hash + 1);
}

function withTotals(figures: [string, number][]): Map<string, number> {
  const totals = new Map<string, number>();
  for (const [queue, figure] of figures) {
    const hash = queue.indexOf('#');
    if (hash < 0) continue;
    const name = queue.slice(0, hash);
    totals.set(name, (totals.get(name) ?? 0) + figure);
  }
  return new Map([...totals, ...figures]);
}
