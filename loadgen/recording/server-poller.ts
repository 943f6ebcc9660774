import type { QueueAlert, ServerStats, WorkerRestart } from '../../protocol/stats.js';
import type { TimelineSample } from '../../record/timeline.js';
import { QueueFlow } from './queue-flow.js';

const POLL_MS = 1000;
const REQUEST_TIMEOUT_MS = 2000;

/** Polls the admin port of the server under test for its queues, memory and CPU. */
export class ServerPoller {
  readonly #url: string;
  #timer: NodeJS.Timeout | undefined;
  #latest: ServerStats | undefined;
  #lastSequence = 0;
  /** Of servers that were killed and started again meanwhile. */
  readonly #earlierAlerts: QueueAlert[] = [];
  readonly #earlierRestarts: WorkerRestart[] = [];
  /** Highest length of each queue since `take`, and every sample of the run for the summary. */
  #intervalMax = new Map<string, number>();
  readonly #lengths = new Map<string, number[]>();
  readonly #flows = new Map<string, QueueFlow>();
  #cpuBefore: { seconds: number; atMs: number } | undefined;
  #failure: string | undefined;

  /** @param adminUrl such as `http://127.0.0.1:9464` */
  constructor(adminUrl: string) {
    this.#url = `${adminUrl.replace(/\/$/, '')}/stats`;
  }

  /** The server's last answer. */
  get latest(): ServerStats | undefined {
    return this.#latest;
  }

  /** Why the last poll failed, if it did. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** All lengths that were sampled, by queue. */
  get lengths(): ReadonlyMap<string, number[]> {
    return this.#lengths;
  }

  get flows(): ReadonlyMap<string, QueueFlow> {
    return this.#flows;
  }

  get alerts(): QueueAlert[] {
    return [...this.#earlierAlerts, ...(this.#latest?.alerts ?? [])];
  }

  /** A server of another make may not tell. */
  get restarts(): WorkerRestart[] {
    return [...this.#earlierRestarts, ...(this.#latest?.restarts ?? [])];
  }

  start(): void {
    this.#timer = setInterval(() => void this.poll(), POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Asks once; a failure is remembered, not thrown: the run goes on without this sample. */
  async poll(): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      this.#take((await response.json()) as ServerStats);
      this.#failure = undefined;
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      this.#failure = cause?.message ?? message;
    }
  }

  /** Private memory of all workers, or null before the first answer. */
  privateBytes(): number | null {
    return this.#latest ? this.#latest.workers.reduce((sum, worker) => sum + worker.privateBytes, 0) : null;
  }

  /** The server's part of a line of the timeline; null before the first answer. */
  take(nowMs: number): TimelineSample['server'] {
    const stats = this.#latest;
    if (!stats) return null;
    const cpuSeconds = stats.workers.reduce((sum, worker) => sum + worker.cpuSeconds, 0);
    const before = this.#cpuBefore;
    this.#cpuBefore = { seconds: cpuSeconds, atMs: nowMs };
    // Of one worker among many only what has something in it.
    const queues = Object.fromEntries(
      [...this.#intervalMax].filter(([queue, length]) => length > 0 || !queue.includes('#')),
    );
    this.#intervalMax = new Map();
    return {
      connections: stats.connections,
      // A worker that was started again begins with no CPU time.
      cpu:
        before && nowMs > before.atMs
          ? (Math.max(0, cpuSeconds - before.seconds) * 1000) / (nowMs - before.atMs)
          : 0,
      privateBytes: this.privateBytes() ?? 0,
      eventLoopLagMs: Math.max(0, ...stats.workers.map((worker) => worker.eventLoopLagP99Ms)),
      queues,
    };
  }

  #take(stats: ServerStats): void {
    if (stats.schema !== 'c2m.stats/1') throw new Error(`${this.#url} does not answer with c2m.stats/1`);
    const isFirst = this.#latest === undefined;
    if (this.#latest && stats.startedAtMs !== this.#latest.startedAtMs) {
      this.#earlierAlerts.push(...this.#latest.alerts);
      this.#earlierRestarts.push(...(this.#latest.restarts ?? []));
      this.#lastSequence = 0;
      this.#cpuBefore = undefined;
    }
    this.#latest = stats;
    const longest = new Map<string, number>();
    const empty = Object.fromEntries(Object.keys(stats.queues).map((queue) => [queue, 0]));
    for (const sample of stats.samples) {
      // What was sampled before this run began belongs to another one.
      if (isFirst || sample.sequence <= this.#lastSequence) continue;
      for (const [queue, length] of Object.entries(withTotals({ ...empty, ...sample.queues }))) {
        longest.set(queue, Math.max(length, longest.get(queue) ?? 0));
        this.#intervalMax.set(queue, Math.max(length, this.#intervalMax.get(queue) ?? 0));
        const lengths = this.#lengths.get(queue);
        if (lengths) lengths.push(length);
        else this.#lengths.set(queue, [length]);
      }
    }
    this.#lastSequence = stats.samples.at(-1)?.sequence ?? this.#lastSequence;
    this.#readFlows(stats, longest);
  }

  #readFlows(stats: ServerStats, longest: ReadonlyMap<string, number>): void {
    const atMs = stats.samples.at(-1)?.atMs;
    if (atMs === undefined) return;
    for (const field of ['arrived', 'served'] as const) {
      // A server of another make may not tell.
      if (Object.values(stats.queues).some((queue) => typeof queue[field] !== 'number')) return;
    }
    const of = (field: 'arrived' | 'served') =>
      withTotals(
        Object.fromEntries(Object.entries(stats.queues).map(([name, queue]) => [name, queue[field]])),
      );
    const served = of('served');
    for (const [name, arrived] of Object.entries(of('arrived'))) {
      const flow = this.#flows.get(name) ?? new QueueFlow();
      this.#flows.set(name, flow);
      flow.read(arrived, served[name] ?? 0, longest.get(name) ?? 0, atMs);
    }
  }
}

/** A server of several workers tells each worker's queues (`mailboxes#0`); their sum is what one worker would have. */
function withTotals(queues: Record<string, number>): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const [queue, length] of Object.entries(queues)) {
    const hash = queue.indexOf('#');
    if (hash < 0) continue;
    const name = queue.slice(0, hash);
    totals[name] = (totals[name] ?? 0) + length;
  }
  return { ...totals, ...queues };
}
