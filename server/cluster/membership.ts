/**
 * A process of the cluster: it takes connections, and keeps homes. A node is one server, with a process for each of its
 * workers; each of those is a peer of its own.
 */
export interface Peer {
  /** From 1 on, in the order in which they came; a process that is started again has another one. */
  readonly number: number;
  /** The node that it belongs to, as people name it, and which of its workers it is, from 0. */
  readonly node: string;
  readonly worker: number;
  /** One word for each start of a server, which all of its workers have; releases of before say none. */
  readonly instance?: string;
  /** Of the bus, that it can speak; see bus-version.ts. */
  readonly versions: { readonly oldest: number; readonly newest: number };
  /** Where clients connect: `protocol://host:port`. */
  readonly addresses: readonly string[];
  /** It hands its homes over, and takes no more. */
  readonly isLeaving: boolean;
}

/** Peers are numbered with 16 bits, together with the homes: see home-addresses.ts. */
export const LARGEST_PEER = 60_000;
export const MOST_HOMES = 4096;

/** Of a cluster: it is part of names of streams and of subjects. */
export const CLUSTER_NAME = /^[a-zA-Z0-9_-]{1,32}$/;

/** Longest that a process which leaves waits for others to take its homes. */
export const LEAVE_TIMEOUT_MS = 60_000;

/**
 * What becomes of a home. `opening`: its owner reads the log; `open`: it answers; `moving`: its owner hands it over, and
 * what is said to it is held back by whoever says it.
 */
export type HomeState = 'opening' | 'open' | 'moving';

/** Who has a home. */
export interface HomePlace {
  readonly home: number;
  /** Number of a peer; 0: nobody yet. */
  readonly owner: number;
  /** Rises with each owner; 0: there was none. */
  readonly epoch: number;
  readonly state: HomeState;
  /** Whom it moves to. */
  readonly next?: number;
  /** The owner before has handed it over with all that it had; otherwise that one was gone, or is taken for gone. */
  readonly isHandedOn?: boolean;
}

/** By number of the home. */
export type HomeMap = readonly HomePlace[];

/** All calls come in the order of the table that all peers see, which is the same for every one of them. */
export interface MembershipListener {
  /** Not called again for a peer that begins to leave: see `Membership.peers`. */
  up(peer: Peer): void;
  /**
   * Its lease is over, or it has left: it has no homes any more, and no connections that homes could deliver to. The homes that
   * it had keep its number until others claim them, which `moved` tells after this.
   */
  down(peer: Peer): void;
  /** A home is somewhere else, or is in another state. */
  moved(place: HomePlace, before: HomePlace): void;
  /**
   * True: this process has heard nothing of the others for longer than its lease: its homes are dropped (`HomeKeeper.drop`
   * was called for each) and it is nobody's peer. False: it has come in again, under a new number.
   */
  isolated(isIsolated: boolean): void;
}

/** Who is there, and who owns which home. One a process. */
export interface Membership {
  /** Number 0 until it has come in; while it is isolated, what it was before. */
  readonly self: Peer;
  /** Those that are there, this one among them. */
  readonly peers: ReadonlyMap<number, Peer>;
  readonly homes: HomeMap;
  /**
   * The newest beat that is known to be in the table was said nearly a lease ago: others may have taken its homes meanwhile, which it
   * has not heard of. What such a home delivers may have been delivered by its next owner.
   */
  readonly mayBeReplaced: boolean;
  watch(listener: MembershipListener): void;
  /**
   * Comes in: from now on homes are given to it. Where a server of the same name is in the table it waits until that one is known to
   * be dead, for a lease at most.
   * @throws NodeNameError where that one lives, Error saying what else is wrong, such as another number of homes
   */
  join(keeper: HomeKeeper): Promise<void>;
  /**
   * The keeper cannot serve a home of its own any more, such as when its log refused it: it is dropped, and opened again in a later
   * epoch unless it is somebody else's by then. Nothing happens where `epoch` is not the one that it has.
   */
  reopen(home: number, epoch: number, reason: string): void;
  /** Hands over all homes, a few at a time, and goes; resolves when it owns none, or nobody else is there to take them. */
  leave(): Promise<void>;
  /** Goes at once: others take over what it has. */
  close(): Promise<void>;
}

/**
 * What a process does with the homes that it is given. `open` and `handOver` of one home come one after the other, each once the
 * one before has settled; `drop` comes at any time, and what is under way for that home then has to settle soon, however.
 */
export interface HomeKeeper {
  /**
   * Fences the log off from earlier owners, reads it, and serves the home. Rejects where it cannot be had, with nothing left
   * to drop; it is asked for again then, with a higher epoch: above that of a `FencedError`.
   */
  open(home: number, epoch: number): Promise<void>;
  /**
   * The others know that it moves (`moving`) and hold back what they have to say to it. Resolves when all that was said before is
   * kept and answered, and the home is closed here.
   */
  handOver(home: number, epoch: number): Promise<void>;
  /** It is another's: nothing more is said for it, nothing that is under way is waited for. */
  drop(home: number, reason: string): void;
}
