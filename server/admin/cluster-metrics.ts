import type { Counter, Gauge } from 'prom-client';
import type { ClusterStats, OpenedHome } from '../../protocol/stats.js';

/** Makes metrics of the registry that they are rendered from. */
export interface MetricsMaker {
  gauge(name: string, help: string, labelNames: string[]): Gauge;
  counter(name: string, help: string, labelNames: string[]): Counter;
}

/** What `/metrics` of a node says of its cluster. */
export class ClusterMetrics {
  readonly #peers: Gauge;
  readonly #states: Gauge;
  readonly #cutOff: Gauge;
  readonly #homes: Gauge;
  readonly #turns: Gauge;
  readonly #logBytes: Gauge;
  readonly #busBytes: Gauge;
  readonly #heldBytes: Gauge;
  readonly #repeated: Counter;
  readonly #takeovers: Counter;
  readonly #seconds: Counter;
  readonly #last: Gauge;

  constructor({ gauge, counter }: MetricsMaker) {
    this.#peers = gauge('c2m_cluster_peers', 'Processes of the cluster that this node sees.', ['leaving']);
    this.#states = gauge(
      'c2m_cluster_homes_by_state',
      'Homes of the whole cluster, as this node sees them: open, opening, moving, without_owner.',
      ['state'],
    );
    this.#cutOff = gauge('c2m_cluster_cut_off', '1 while a worker is cut off from the cluster.', ['worker']);
    this.#homes = gauge('c2m_cluster_homes', 'Homes that are open at a worker of this node.', ['worker']);
    this.#turns = gauge('c2m_cluster_turns_under_way', 'Turns whose logs have not confirmed them.', [
      'worker',
    ]);
    this.#logBytes = gauge(
      'c2m_cluster_log_bytes',
      'Log behind the last snapshots of the homes here: what takeovers would read.',
      ['worker'],
    );
    this.#busBytes = gauge('c2m_cluster_bus_waiting_bytes', 'What other peers have not taken from the bus.', [
      'worker',
    ]);
    this.#heldBytes = gauge('c2m_cluster_bus_held_bytes', 'What is held back for homes that move.', [
      'worker',
    ]);
    this.#repeated = counter('c2m_cluster_bus_repeated_batches_total', 'Batches of the bus sent once more.', [
      'worker',
    ]);
    this.#takeovers = counter(
      'c2m_cluster_takeovers_total',
      'Homes opened here; handed_on: by their owners, otherwise those were gone or nobody had them.',
      ['worker', 'handed_on'],
    );
    this.#seconds = counter('c2m_cluster_takeover_seconds_total', 'Time that opening those took.', [
      'worker',
      'handed_on',
    ]);
    this.#last = gauge('c2m_cluster_takeover_seconds', 'What opening the last home took.', ['handed_on']);
  }

  render({ peers, homes, workers }: ClusterStats): void {
    const numbers = new Set(peers.map(({ number }) => number));
    for (const isLeaving of [false, true])
      this.#peers.set(
        { leaving: String(isLeaving) },
        peers.filter((peer) => peer.isLeaving === isLeaving).length,
      );
    const states = { open: 0, opening: 0, moving: 0, without_owner: 0 };
    for (const { owner, state } of homes) states[numbers.has(owner) ? state : 'without_owner'] += 1;
    for (const [state, count] of Object.entries(states)) this.#states.set({ state }, count);
    for (const each of workers) {
      const labels = { worker: String(each.worker) };
      this.#cutOff.set(labels, each.peer === 0 ? 1 : 0);
      this.#homes.set(labels, each.homes);
      this.#turns.set(labels, each.turnsUnderWay);
      this.#logBytes.set(labels, each.logBytes);
      this.#busBytes.set(labels, each.busBytes);
      this.#heldBytes.set(labels, each.heldBytes);
      this.#repeated.inc(labels, each.repeatedBatches);
      const { handedOn, takenOver } = each.openings;
      for (const [isHandedOn, { count, tookMs }] of [
        ['true', handedOn],
        ['false', takenOver],
      ] as const) {
        this.#takeovers.inc({ ...labels, handed_on: isHandedOn }, count);
        this.#seconds.inc({ ...labels, handed_on: isHandedOn }, tookMs / 1000);
      }
    }
    const opened = workers.flatMap((worker) => worker.opened);
    for (const isHandedOn of [true, false]) {
      const last = newest(opened.filter((each) => each.isHandedOn === isHandedOn));
      if (last) this.#last.set({ handed_on: String(isHandedOn) }, last.tookMs / 1000);
    }
  }
}

function newest(opened: readonly OpenedHome[]): OpenedHome | undefined {
  let last: OpenedHome | undefined;
  for (const each of opened) if (!last || each.atMs >= last.atMs) last = each;
  return last;
}
