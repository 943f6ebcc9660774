import type { QueueAlert, ServerStats, WorkerRestart } from '../../protocol/stats.js';
import type { NodeSample, TimelineSample } from '../../record/timeline.js';
import { monotonicMs } from '../monotonic-clock.js';
import type { ServerNode } from '../run-request.js';
import type { AdminWatch } from './admin-watch.js';
import { HomesOpened } from './homes-opened.js';
import type { ServerMemory } from './memory-ramp.js';
import { inMidSeconds } from './mid-seconds.js';
import { nameOfPart, partsByNode, worstOfNodes } from './node-queues.js';
import type { QueueHistory } from './queue-log.js';
import { ServerPoller } from './server-poller.js';

const MS_PER_SECOND = 1000;

type ServerSample = NonNullable<TimelineSample['server']>;

interface Watched {
  name: string;
  poller: ServerPoller;
  /** Its part of the line in which it told something new; undefined: it is not there. */
  last: ServerSample | undefined;
}

/**
 * Polls the admin ports of all nodes of a cluster. Connections, CPU and memory are those of all of them, a queue is that of the
 * node where it is longest. A node that does not answer has nothing.
 */
export class ClusterPoller implements AdminWatch {
  readonly homes = new HomesOpened();
  readonly #nodes: Watched[];
  #memory: ServerMemory | null = null;
  /** What that was added up from. */
  #memoryOf: readonly (ServerMemory | null)[] = [];
  /** Monotonic, when a line was taken that had something. */
  #takenAtMs: number | undefined;
  #stop: () => void = () => undefined;

  constructor(nodes: readonly ServerNode[]) {
    this.#nodes = nodes.map(({ name, adminUrl }) => ({
      name,
      poller: new ServerPoller(adminUrl),
      last: undefined,
    }));
  }

  get memory(): ServerMemory | null {
    const parts = this.#nodes.map(({ poller }) => (poller.failure === undefined ? poller.memory : null));
    if (parts.length === this.#memoryOf.length && parts.every((part, node) => part === this.#memoryOf[node]))
      return this.#memory;
    this.#memoryOf = parts;
    const there = parts.filter((part) => part !== null);
    this.#memory =
      there.length === 0
        ? null
        : {
            privateBytes: sumOf(there, ({ privateBytes }) => privateBytes),
            connections: sumOf(there, ({ connections }) => connections ?? 0),
            processes: sumOf(there, ({ processes }) => processes),
          };
    return this.#memory;
  }

  get alerts(): QueueAlert[] {
    return this.#nodes
      .flatMap(({ name, poller }) =>
        poller.alerts.map((alert) => ({ ...alert, queue: nameOfPart(alert.queue, name) })),
      )
      .sort((one, other) => one.raisedAtMs - other.raisedAtMs);
  }

  get restarts(): WorkerRestart[] {
    return this.#nodes
      .flatMap(({ name, poller }) =>
        poller.restarts.map((restart) => ({ ...restart, reason: `${name}: ${restart.reason}` })),
      )
      .sort((one, other) => one.atMs - other.atMs);
  }

  get failures(): string[] {
    return this.#nodes.flatMap(({ name, poller }) => poller.failures.map((failure) => `${name}: ${failure}`));
  }

  histories(): Map<string, QueueHistory> {
    return worstOfNodes(
      this.#nodes.map(({ name, poller }) => [name, poller.histories()] as const),
      ({ lengths }) => lengths.reduce((most, length) => Math.max(most, length), 0),
    );
  }

  thresholdOf(queue: string): number | null {
    const part = partsByNode(
      queue,
      this.#nodes.map(({ name }) => name),
    );
    return this.#nodes.find(({ name }) => name === part?.node)?.poller.thresholdOf(part?.queue ?? '') ?? null;
  }

  /** A node that does not answer is waited for on its own: the others are asked anew meanwhile. */
  async poll(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async ({ name, poller }) => {
        await poller.poll();
        if (poller.latest) this.homes.add(name, poller.latest);
      }),
    );
  }

  start(startMs: number): void {
    this.take();
    this.#stop = inMidSeconds(startMs, () => void this.poll());
  }

  stop(): void {
    this.#stop();
  }

  take(): TimelineSample['server'] {
    const nodes: NodeSample[] = [];
    for (const node of this.#nodes) {
      const fresh = node.poller.take();
      if (fresh) nodes.push(nodeSample(node, fresh));
      // Without news it goes on as before; without an answer it has nothing.
      node.last = fresh ?? (node.poller.failure === undefined ? node.last : undefined);
    }
    if (nodes.length === 0) return null;
    const nowMs = monotonicMs();
    const before = this.#takenAtMs;
    this.#takenAtMs = nowMs;
    const there = this.#nodes.flatMap(({ name, last }) => (last ? [[name, last] as const] : []));
    const samples = there.map(([, sample]) => sample);
    return {
      connections: sumOf(samples, ({ connections }) => connections ?? 0),
      cpu: sumOf(samples, ({ cpu }) => cpu),
      seconds:
        before === undefined
          ? Math.max(...nodes.map(({ seconds }) => seconds))
          : Math.round(nowMs - before) / MS_PER_SECOND,
      privateBytes: sumOf(samples, ({ privateBytes }) => privateBytes),
      eventLoopLagMs: Math.max(...samples.map(({ eventLoopLagMs }) => eventLoopLagMs ?? 0)),
      queues: Object.fromEntries(
        [
          ...worstOfNodes(
            there.map(([name, { queues }]) => [name, new Map(Object.entries(queues))] as const),
            (length) => length,
          ),
        ].filter(([queue, length]) => length > 0 || !queue.includes('#')),
      ),
      nodes,
    };
  }
}

function nodeSample(
  { name, poller }: Watched,
  { connections, cpu, seconds = 0, privateBytes, eventLoopLagMs }: ServerSample,
): NodeSample {
  return {
    name,
    pid: poller.latest?.workers[0]?.pid ?? 0,
    connections: connections ?? 0,
    cpu,
    seconds,
    privateBytes,
    eventLoopLagMs: eventLoopLagMs ?? 0,
    ...homesOf(poller.latest),
  };
}

/** Nothing where it is none of a cluster. */
function homesOf(stats: ServerStats | undefined): Pick<NodeSample, 'homes'> {
  if (!stats?.cluster) return {};
  return { homes: sumOf(stats.cluster.workers, ({ homes }) => homes) };
}

function sumOf<Each>(all: readonly Each[], figure: (each: Each) => number): number {
  return all.reduce((sum, each) => sum + figure(each), 0);
}
