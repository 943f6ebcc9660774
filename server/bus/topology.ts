/** The processes that keep mailboxes: `count` of them, numbered from `first` on. */
export interface Homes {
  first: number;
  count: number;
}

/**
 * Who is who among the processes of a server: workers, numbered from 0, take connections; homes keep mailboxes. Without
 * homes of their own the workers keep them, each its share.
 */
export class Topology {
  readonly workers: number;
  /** Workers and homes together. */
  readonly processes: number;
  readonly homes: Homes;

  constructor({ workers, homes }: { workers: number; homes: number }) {
    this.workers = workers;
    this.processes = workers + homes;
    this.homes = homes > 0 ? { first: workers, count: homes } : { first: 0, count: workers };
  }

  isWorker(process: number): boolean {
    return process < this.workers;
  }

  isHome(process: number): boolean {
    const { first, count } = this.homes;
    return process >= first && process < first + count;
  }

  /** Hot path. The process that keeps the mailbox of a user, or a group. */
  homeOf(user: number): number {
    return homeWorker(user, this.homes);
  }

  /** Whom a process has something to say to: a home talks to all, the others talk to homes. */
  peersOf(process: number): number[] {
    const { first, count } = this.homes;
    const all = this.isHome(process)
      ? Array.from({ length: this.processes }, (_, peer) => peer)
      : Array.from({ length: count }, (_, home) => first + home);
    return all.filter((peer) => peer !== process);
  }
}

/**
 * The home of a user. Ids are often consecutive, so they are mixed first (the finalizer of MurmurHash3,
 * public domain, Austin Appleby) and the two 32-bit halves both count.
 */
export function homeWorker(user: number, { first, count }: Homes): number {
  if (count === 1) return first;
  let hash = ((user % 0x1_0000_0000) | 0) ^ Math.imul(Math.floor(user / 0x1_0000_0000), 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) % count) + first;
}
