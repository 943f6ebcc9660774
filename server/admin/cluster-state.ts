import type { ClusterPeer, ClusterStats, ClusterWorkerStats } from '../../protocol/stats.js';
import type { ClusterConfig } from '../config.js';
import type { ClusterReport } from '../processes/worker.js';

/** A home that nobody serves for longer is worth a word: a takeover takes seconds. */
const LONGEST_AWAY_MS = 30_000;
/** Of many homes so many are named. */
const MOST_NAMED = 8;

/** The cluster as the workers of this node have last seen it. */
export class ClusterState {
  readonly #cluster: ClusterConfig;
  readonly #now: () => number;
  #seen: Pick<ClusterStats, 'peers' | 'homes'> = { peers: [], homes: [] };
  readonly #workers = new Map<number, ClusterWorkerStats>();
  /** By home that nobody serves: since when, as it was seen here. */
  readonly #awaySinceMs = new Map<number, number>();

  constructor(cluster: ClusterConfig, now: () => number = () => performance.now()) {
    this.#cluster = cluster;
    this.#now = now;
  }

  take({ worker, seen }: ClusterReport): void {
    this.#workers.set(worker.worker, worker);
    // One that is cut off sees what was, and not what is.
    if (!seen || (worker.peer === 0 && this.#seen.homes.length > 0)) return;
    this.#seen = seen;
    const numbers = new Set(seen.peers.map(({ number }) => number));
    for (const { home, owner, state } of seen.homes) {
      const isServed = state !== 'opening' && numbers.has(owner);
      if (isServed) this.#awaySinceMs.delete(home);
      else if (!this.#awaySinceMs.has(home)) this.#awaySinceMs.set(home, this.#now());
    }
  }

  died(worker: number): void {
    this.#workers.delete(worker);
  }

  stats(): ClusterStats {
    const { name, node } = this.#cluster;
    const workers = [...this.#workers.values()].sort((a, b) => a.worker - b.worker);
    return { name, node, ...this.#seen, workers };
  }

  /** What is the matter, one a line. */
  get problems(): string[] {
    const isolated = [...this.#workers.values()].filter(({ peer }) => peer === 0);
    if (isolated.length > 0)
      return isolated.map(
        ({ worker }) =>
          `server worker ${worker} is cut off from the cluster ${this.#cluster.name}; it comes in again when it can`,
      );
    const nowMs = this.#now();
    const away = [...this.#awaySinceMs].filter(([, sinceMs]) => nowMs - sinceMs > LONGEST_AWAY_MS);
    if (away.length === 0) return [];
    const longestMs = nowMs - Math.min(...away.map(([, sinceMs]) => sinceMs));
    const named = away
      .slice(0, MOST_NAMED)
      .map(([home]) => home)
      .join(', ');
    const more = away.length > MOST_NAMED ? ` and ${away.length - MOST_NAMED} more` : '';
    const which =
      away.length === 1 ? `home ${named} of the cluster is` : `homes ${named}${more} of the cluster are`;
    return [`${which} served by nobody, for ${Math.round(longestMs / 1000)} s`];
  }

  /** All of this node hands its homes over. */
  get isLeaving(): boolean {
    const own = this.#own;
    return own.length > 0 && own.every(({ isLeaving }) => isLeaving);
  }

  /** It has handed them over. */
  get hasLeft(): boolean {
    if (!this.isLeaving) return false;
    const numbers = new Set(this.#own.map(({ number }) => number));
    return !this.#seen.homes.some(({ owner }) => numbers.has(owner));
  }

  get #own(): ClusterPeer[] {
    return this.#seen.peers.filter(({ node }) => node === this.#cluster.node);
  }
}
