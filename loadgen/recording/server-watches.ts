import { setTimeout as sleep } from 'node:timers/promises';
import type { WatchedProcesses } from '../../scenarios/scenario.js';
import { monotonicMs } from '../monotonic-clock.js';
import { RunError } from '../run-error.js';
import type { RunRequest, ServerNode } from '../run-request.js';
import type { AdminWatch } from './admin-watch.js';
import { ClusterPoller } from './cluster-poller.js';
import { MetricsPoller } from './metrics-poller.js';
import { ProcessWatch } from './process-watch.js';
import { ServerPoller } from './server-poller.js';
import type { ServerWatch } from './server-watch.js';

const PAGE_WITHIN_MS = 5000;
const LOOK_AGAIN_MS = 50;

/** All that tells of the server under test in one run; each is undefined where the target has no such thing. */
export class ServerWatches {
  /** Its admin port, or those of its nodes. */
  readonly admin: AdminWatch | undefined;
  /** Its processes, from the outside. */
  readonly processes: ProcessWatch | undefined;
  /** What it says of itself on a page for Prometheus. */
  readonly metrics: MetricsPoller | undefined;

  private constructor(
    admin: AdminWatch | undefined,
    processes: ProcessWatch | undefined,
    metrics: MetricsPoller | undefined,
  ) {
    this.admin = admin;
    this.processes = processes;
    this.metrics = metrics;
  }

  /** Looks at each once. @throws RunError where one that the scenario names is not there */
  static async connect(request: RunRequest): Promise<ServerWatches> {
    const { processes, metrics } = request;
    return new ServerWatches(
      await connectAdmin(request),
      processes === null ? undefined : await watchProcesses(request),
      metrics === null
        ? undefined
        : await connectMetrics(metrics, request.scenario.target.kind === 'command'),
    );
  }

  /** Which of them has the figures of the server: it knows more of itself than its processes show. */
  get server(): ServerWatch | undefined {
    return this.admin ?? this.processes;
  }

  async poll(): Promise<void> {
    await Promise.all(this.#all.map((each) => each.poll()));
  }

  /** @param startMs monotonic, when the run begins */
  start(startMs: number): void {
    for (const each of this.#all) each.start(startMs);
  }

  stop(): void {
    for (const each of this.#all) each.stop();
  }

  /** What did not answer any more at the end. */
  failures(): string[] {
    const { admin, metrics } = this;
    return [
      ...(admin?.failures ?? []).map(
        (failure) => `the server's admin port did not answer at the end: ${failure}`,
      ),
      ...(metrics?.failure
        ? [`the server's page of metrics could not be read at the end: ${metrics.failure}`]
        : []),
    ];
  }

  get #all() {
    return [this.admin, this.processes, this.metrics].filter((each) => each !== undefined);
  }
}

async function connectAdmin({ nodes = [], adminUrl }: RunRequest): Promise<AdminWatch | undefined> {
  if (nodes.length > 0) return connectNodes(nodes);
  return adminUrl === null ? undefined : connectPoller(adminUrl);
}

async function connectNodes(nodes: readonly ServerNode[]): Promise<ClusterPoller> {
  const poller = new ClusterPoller(nodes);
  await poller.poll();
  const [failure] = poller.failures;
  if (failure === undefined) return poller;
  throw new RunError('C2M_RUN', `an admin port of the cluster does not answer: ${failure}`);
}

async function connectPoller(adminUrl: string): Promise<ServerPoller> {
  const poller = new ServerPoller(adminUrl);
  await poller.poll();
  if (poller.failure === undefined) return poller;
  throw new RunError(
    'C2M_RUN',
    `the admin port ${adminUrl} does not answer (${poller.failure}); correct target.admin, or leave it out`,
  );
}

async function watchProcesses({ processes, scenario }: RunRequest): Promise<ProcessWatch | undefined> {
  if (!processes) return undefined;
  const watch = new ProcessWatch(processes);
  await watch.poll();
  if (watch.memory || scenario.target.kind !== 'external') return watch;
  throw new RunError('C2M_RUN', `${missingProcess(scenario.target.processes)}; correct it, or leave it out`);
}

function missingProcess(processes: WatchedProcesses | null): string {
  return processes !== null && 'cgroup' in processes
    ? `target.cgroup: there is no process in ${processes.cgroup} on this host now`
    : `target.pid: there is no process ${processes?.pid} on this host now`;
}

/** @param isJustStarted such a server may open its page a moment after the port that it is waited for */
async function connectMetrics(
  page: NonNullable<RunRequest['metrics']>,
  isJustStarted: boolean,
): Promise<MetricsPoller> {
  const poller = new MetricsPoller(page);
  const untilMs = monotonicMs() + (isJustStarted ? PAGE_WITHIN_MS : 0);
  await poller.poll();
  while (poller.failure !== undefined && monotonicMs() < untilMs) {
    await sleep(LOOK_AGAIN_MS);
    await poller.poll();
  }
  if (poller.failure === undefined) return poller;
  throw new RunError(
    'C2M_RUN',
    `the page of metrics ${page.url} cannot be read (${poller.failure}); correct target.metrics, or leave it out`,
  );
}
