import type { QueueAlert, ServerStats, WorkerRestart } from '../../protocol/stats.js';
import type { TimelineSample } from '../../record/timeline.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { AdminWatch } from './admin-watch.js';
import type { ServerMemory } from './memory-ramp.js';
import { inMidSeconds } from './mid-seconds.js';
import { type QueueHistory, QueueLog } from './queue-log.js';
import { ServerCpuMeter } from './server-cpu.js';

const REQUEST_TIMEOUT_MS = 2000;

/** Polls the admin port of the server under test for its queues, memory and CPU. */
export class ServerPoller implements AdminWatch {
  readonly #url: string;
  #stop: () => void = () => undefined;
  #underWay: Promise<void> | undefined;
  #latest: ServerStats | undefined;
  #receivedAtMs = 0;
  /** Whether an answer has come, with something new in it, since the last `take`. */
  #isFresh = false;
  #memory: ServerMemory | null = null;
  /** Of servers that were killed and started again meanwhile. */
  readonly #earlierAlerts: QueueAlert[] = [];
  readonly #earlierRestarts: WorkerRestart[] = [];
  readonly #cpu = new ServerCpuMeter();
  readonly queues = new QueueLog();
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

  get failures(): string[] {
    return this.#failure === undefined ? [] : [this.#failure];
  }

  histories(): Map<string, QueueHistory> {
    return this.queues.histories();
  }

  thresholdOf(queue: string): number | null {
    return this.#latest?.queues[queue]?.threshold ?? null;
  }

  /** Memory of all workers at the server's last answer; the same object until they look at themselves anew. */
  get memory(): ServerMemory | null {
    return this.#memory;
  }

  get alerts(): QueueAlert[] {
    return [...this.#earlierAlerts, ...(this.#latest?.alerts ?? [])];
  }

  /** A server of another make may not tell. */
  get restarts(): WorkerRestart[] {
    return [...this.#earlierRestarts, ...(this.#latest?.restarts ?? [])];
  }

  /** Asks once a second. CPU is measured from the last answer on. @param startMs monotonic, when the run begins */
  start(startMs: number): void {
    this.take();
    this.#stop = inMidSeconds(startMs, () => void this.poll());
  }

  stop(): void {
    this.#stop();
  }

  /** Asks once, or waits for the answer under way; a failure is remembered, not thrown: the run goes on without it. */
  poll(): Promise<void> {
    this.#underWay ??= this.#ask().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** The server's part of a line of the timeline; null where no answer has come since the last call. */
  take(): TimelineSample['server'] {
    const stats = this.#latest;
    if (!stats || !this.#isFresh) return null;
    this.#isFresh = false;
    const cpu = this.#cpu.read(stats, this.#receivedAtMs);
    if (!cpu) return null;
    return {
      connections: stats.connections,
      cpu: cpu.cores,
      seconds: Math.round(cpu.seconds * 1000) / 1000,
      privateBytes: this.#memory?.privateBytes ?? 0,
      eventLoopLagMs: Math.max(0, ...stats.workers.map((worker) => worker.eventLoopLagP99Ms)),
      queues: this.queues.takeHighest(),
    };
  }

  async #ask(): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        redirect: 'error',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      this.#receive((await response.json()) as ServerStats, monotonicMs());
      this.#failure = undefined;
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      this.#failure = cause?.message ?? message;
    }
  }

  #receive(stats: ServerStats, atMs: number): void {
    if (stats.schema !== 'c2m.stats/1') throw new Error(`${this.#url} does not answer with c2m.stats/1`);
    const before = this.#latest;
    if (before && stats.startedAtMs !== before.startedAtMs) {
      this.#earlierAlerts.push(...before.alerts);
      this.#earlierRestarts.push(...(before.restarts ?? []));
      this.queues.restart();
      this.#cpu.restart();
    }
    this.#latest = stats;
    this.#receivedAtMs = atMs;
    this.queues.take(stats);
    if (before && !hasNews(before, stats)) return;
    this.#isFresh = true;
    this.#memory = {
      privateBytes: stats.workers.reduce((sum, worker) => sum + worker.privateBytes, 0),
      connections: stats.connections,
      processes: stats.workers.length,
    };
  }
}

/** Whether any worker has looked at itself since; one that does not say when is taken to have done so. */
function hasNews(before: ServerStats, now: ServerStats): boolean {
  if (now.workers.length !== before.workers.length) return true;
  return now.workers.some(({ pid, atMs }, index) => {
    const earlier = before.workers[index];
    return atMs === undefined || atMs !== earlier?.atMs || pid !== earlier.pid;
  });
}
