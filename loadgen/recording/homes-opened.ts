import type { OpenedHome, ServerStats } from '../../protocol/stats.js';
import type { Measurement } from '../../record/run.js';

const MS_PER_SECOND = 1000;
/** Those that a node opens one after the other within it are told of as one. */
const TOGETHER_MS = 1000;
/** Homes are opened for the first time with it: nobody had them before. */
const FIRST_EPOCH = 1;

type Cluster = NonNullable<Measurement['cluster']>;

/** A home that came to a node after another had it. */
interface Arrival extends OpenedHome {
  node: string;
}

/** Which homes came to which nodes, how and when, from what those tell of the newest at their admin ports. */
export class HomesOpened {
  /** By home and epoch: each is told of many times. */
  readonly #arrivals = new Map<string, Arrival>();

  /** What a node said. One that is killed before it is asked has told nothing of the last second. */
  add(node: string, { cluster }: Pick<ServerStats, 'cluster'>): void {
    for (const { opened } of cluster?.workers ?? [])
      for (const home of opened) {
        const key = `${home.home} ${home.epoch}`;
        if (home.epoch > FIRST_EPOCH && !this.#arrivals.has(key)) this.#arrivals.set(key, { ...home, node });
      }
  }

  /** @param sinceMs since 1970; what came before it is of the start of the cluster */
  summary(sinceMs: number): Cluster {
    const arrivals = this.#since(sinceMs);
    const takeovers = arrivals.filter(({ isHandedOn }) => !isHandedOn);
    return {
      takeovers: takeovers.length,
      moves: arrivals.length - takeovers.length,
      takeover: { max: takeovers.length === 0 ? null : Math.max(...takeovers.map(({ tookMs }) => tookMs)) },
    };
  }

  /** Homes that came to each node. @param sinceMs as above */
  byNode(sinceMs: number): Map<string, { takenOver: number; movedIn: number }> {
    const nodes = new Map<string, { takenOver: number; movedIn: number }>();
    for (const { node, isHandedOn } of this.#since(sinceMs)) {
      const counts = nodes.get(node) ?? { takenOver: 0, movedIn: 0 };
      nodes.set(node, counts);
      counts[isHandedOn ? 'movedIn' : 'takenOver'] += 1;
    }
    return nodes;
  }

  /** One for all that came to a node in the same way and at about the same time. @param sinceMs as above, when the run began */
  marks(sinceMs: number): Measurement['marks'] {
    const groups: Arrival[][] = [];
    const last = new Map<string, Arrival[]>();
    for (const arrival of this.#since(sinceMs)) {
      const of = `${arrival.node} ${arrival.isHandedOn}`;
      const group = last.get(of);
      if (group && arrival.atMs - (group[0] as Arrival).atMs < TOGETHER_MS) {
        group.push(arrival);
        continue;
      }
      const begun = [arrival];
      groups.push(begun);
      last.set(of, begun);
    }
    return groups.map((group) => ({
      atSeconds: Math.round((group[0] as Arrival).atMs - sinceMs) / MS_PER_SECOND,
      label: wordsOf(group),
      isOfCluster: true,
    }));
  }

  /** By time. */
  #since(sinceMs: number): Arrival[] {
    return [...this.#arrivals.values()]
      .filter(({ atMs }) => atMs >= sinceMs)
      .sort((one, other) => one.atMs - other.atMs);
  }
}

function wordsOf(group: readonly Arrival[]): string {
  const { node, isHandedOn } = group[0] as Arrival;
  const homes = group.length === 1 ? '1 home' : `${group.length} homes`;
  if (isHandedOn) return `${homes} moved to ${node}`;
  const fromMs = Math.min(...group.map(({ atMs, tookMs }) => atMs - tookMs));
  const toMs = Math.max(...group.map(({ atMs }) => atMs));
  return `${node} took over ${homes} in ${((toMs - fromMs) / MS_PER_SECOND).toFixed(1)} s`;
}
