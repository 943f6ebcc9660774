import { randomUUID } from 'node:crypto';
import { Arrival } from './arrival.js';
import { ClusterView, type SeatedPeer } from './cluster-view.js';
import { HomeDuties } from './home-duties.js';
import type { LeaseTable } from './lease-table.js';
import type { HomeKeeper, HomeMap, HomePlace, Membership, MembershipListener, Peer } from './membership.js';
import { areNamesakes, earlierNamesakes, NodeNameError } from './namesakes.js';
import { BEATS_IN_A_LEASE, PeerLeases } from './peer-lease.js';
import { realScheduler, type Scheduler } from './scheduler.js';
import { type PeerEntry, peerKey } from './table-entries.js';
import { type Takeover, Takeovers } from './takeovers.js';

/** Longer than the table stands still while the leader of its stream is elected: 4 to 9 s in nats-server 2.9. */
const LONGEST_STALL_MS = 15_000;
const JOIN_WITHIN_MS = 30_000;
/** That the table has to answer in when this peer goes; otherwise its lease ends in the end. */
const GO_WITHIN_MS = 1000;

export interface LeasedMembershipOptions {
  readonly table: LeaseTable;
  /** The same for all processes of a cluster. */
  readonly homes: number;
  readonly replicas: number;
  /** The same for all processes of a cluster: a peer that is silent so long is dead. */
  readonly leaseMs: number;
  readonly peer: Omit<Peer, 'number' | 'isLeaving'>;
  readonly log: (words: string) => void;
  /** Another server has the name of this node, and came before: this peer has gone, for good. Not called where `join` rejects. */
  readonly nameTaken?: (error: NodeNameError) => void;
  /** Told with each beat, and told of what others say. */
  readonly clock?: { nowMs(): number; heard(clockMs: number): void };
  readonly scheduler?: Scheduler;
  /** In [0, 1). */
  readonly random?: () => number;
  /** One word that no other process has, each time that it is called. */
  readonly newLife?: () => string;
}

interface Pending {
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Membership by leases in a table that all see in the same order. A peer is dead when its key is deleted, by itself or by another
 * that has not heard it for a lease: from then on its homes may be claimed, and it knows by that that it is nobody's peer any more.
 * Nobody's clock is trusted for more than being quick: an owner that was replaced is refused by its log.
 */
export class LeasedMembership implements Membership {
  readonly #options: LeasedMembershipOptions;
  readonly #table: LeaseTable;
  readonly #scheduler: Scheduler;
  readonly #view: ClusterView;
  readonly #leases: PeerLeases;
  readonly #takeovers = new Takeovers();
  readonly #listeners: MembershipListener[] = [];
  #duties: HomeDuties | undefined;
  #self: Peer;
  /** Undefined: it is not in the table, or not any more. */
  #own: PeerEntry | undefined;
  /** As it was when this process was cut off: others may still see it. */
  #former: PeerEntry | undefined;
  #beatRevision = 0;
  #lastSeenMs = 0;
  /** When each beat that was not seen in the table yet was said, and the newest of those that were. */
  readonly #saidMs = new Map<number, number>();
  #lastSaidMs = Number.NEGATIVE_INFINITY;
  #arrival: Arrival | undefined;
  #joining: Pending | undefined;
  #leaving: Pending[] = [];
  #isAskedToLeave = false;
  /** It takes part: it has arrived, and no server that may be alive has had the name of its node before. */
  #isIn = false;
  #isIsolated = false;
  #isOver = false;
  #stopWatching: (() => void) | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(options: LeasedMembershipOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#scheduler = options.scheduler ?? realScheduler;
    this.#self = { ...options.peer, number: 0, isLeaving: false };
    this.#leases = new PeerLeases(options.leaseMs);
    this.#view = new ClusterView(
      options.homes,
      {
        peerHeard: (seated, before) => this.#peerHeard(seated, before),
        peerGone: (seated) => this.#peerGone(seated),
        moved: (place, before) => this.#moved(place, before),
        wishesChanged: () => this.#wishesChanged(),
      },
      () => this.#scheduler.now(),
    );
  }

  get mayBeReplaced(): boolean {
    const { leaseMs } = this.#options;
    return this.#scheduler.now() - this.#lastSaidMs >= leaseMs - leaseMs / BEATS_IN_A_LEASE;
  }

  get self(): Peer {
    return this.#self;
  }

  get peers(): ReadonlyMap<number, Peer> {
    return this.#view.peers;
  }

  get homes(): HomeMap {
    return this.#view.homes;
  }

  /** Homes that this process has taken over from the dead. */
  get takeovers(): readonly Takeover[] {
    return this.#takeovers.done;
  }

  watch(listener: MembershipListener): void {
    this.#listeners.push(listener);
  }

  join(keeper: HomeKeeper): Promise<void> {
    if (this.#duties) throw new Error('this membership was joined before: make another');
    const { log } = this.#options;
    const [table, scheduler] = [this.#table, this.#scheduler];
    this.#duties = new HomeDuties({ table, view: this.#view, keeper, scheduler, log });
    return new Promise((resolve, reject) => {
      this.#joining = { resolve, reject };
      let isReady = false;
      this.#arrive();
      this.#stopWatching = table.watch({
        changed: (entry) => {
          if (this.#isOver) return;
          this.#view.apply(entry);
          if (isReady) this.#arrival?.step();
        },
        ready: () => {
          isReady = true;
          this.#arrival?.step();
        },
      });
      this.#stopTimer = scheduler.after(JOIN_WITHIN_MS, () =>
        this.#refused(
          new Error(
            `the cluster could not be joined within ${JOIN_WITHIN_MS / 1000} s; it waits for ${this.#arrival?.waitsFor}: ` +
              'see that NATS runs with JetStream, and that as many of its servers run as the cluster has replicas',
          ),
        ),
      );
    });
  }

  reopen(home: number, epoch: number, reason: string): void {
    this.#duties?.reopen(home, epoch, reason);
  }

  leave(): Promise<void> {
    if (this.#isOver || !this.#own) return this.close();
    this.#isAskedToLeave = true;
    return new Promise((resolve, reject) => {
      this.#leaving.push({ resolve, reject });
      this.#wishesChanged();
      this.#leaveIfDone();
    });
  }

  close(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return this.#go('this process goes');
  }

  // Coming in

  #arrive(): void {
    const { homes, replicas, peer, newLife = randomUUID, random = Math.random } = this.#options;
    this.#arrival = new Arrival(
      {
        table: this.#table,
        view: this.#view,
        scheduler: this.#scheduler,
        shape: { homes, replicas },
        peer: () => ({ ...peer, isLeaving: this.#shouldLeave() }),
        life: newLife(),
        random,
      },
      { arrived: (entry) => this.#arrived(entry), refused: (error) => this.#refused(error) },
    );
  }

  #arrived(entry: PeerEntry): void {
    this.#arrival = undefined;
    this.#own = entry;
    this.#self = entry.peer;
    this.#beatRevision = 0;
    this.#lastSeenMs = this.#scheduler.now();
    this.#saidMs.clear();
    this.#lastSaidMs = Number.NEGATIVE_INFINITY;
    this.#leases.restart();
    this.#stopTimer?.();
    this.#beatLater();
    this.#deleteFormer();
    const [namesake] = this.#namesakes();
    if (namesake)
      this.#options.log(
        `a server of the name ${namesake.node} was here before, as peer ${namesake.number}: this one waits until that is known to be gone`,
      );
    this.#wishesChanged();
    this.#takePart();
  }

  /** Takes part as soon as it may, and as the others know it. */
  #takePart(): void {
    if (this.#isIn || !this.#own || this.#namesakes().length > 0) return;
    const { number } = this.#self;
    if (this.peers.get(number)?.isLeaving !== this.#shouldLeave()) return;
    this.#isIn = true;
    this.#duties?.begin(number);
    if (this.#isIsolated) {
      this.#isIsolated = false;
      this.#options.log(`came into the cluster again, as peer ${number}`);
      for (const listener of this.#listeners) listener.isolated(false);
    }
    this.#joining?.resolve();
    this.#joining = undefined;
  }

  /** Peers of servers that have had the name of this node before it. */
  #namesakes(): Peer[] {
    return earlierNamesakes(this.peers, this.#own ? this.#self : { ...this.#self, number: 0 });
  }

  /** A namesake has said that it is there. */
  #namesakeHeard(peer: Peer): void {
    if (!this.#own || this.#isOver || !this.#namesakes().some(({ number }) => number === peer.number)) return;
    const error = NodeNameError.of(peer);
    const joining = this.#joining;
    this.#joining = undefined;
    void this.#go(error.message).then(() => {
      if (joining) joining.reject(error);
      else this.#options.nameTaken?.(error);
    });
  }

  /** What it had before it was cut off is free to be claimed at once. */
  #deleteFormer(): void {
    const former = this.#former;
    const seated = former && this.#view.seated(former.peer.number);
    if (seated && seated.entry.life === former.life)
      this.#table.delete(peerKey(former.peer.number), seated.revision, nothing);
    this.#former = undefined;
  }

  #refused(error: Error): void {
    const joining = this.#joining;
    if (!joining) {
      // It was one of this cluster before: somebody made another out of it, which people have to mend.
      this.#options.log(error.message);
      this.#scheduler.after(LONGEST_STALL_MS, () => {
        if (this.#isOver) return;
        this.#arrive();
        this.#arrival?.step();
      });
      return;
    }
    this.#stop();
    joining.reject(error);
  }

  // Beats

  #beatLater(): void {
    const intervalMs = this.#options.leaseMs / BEATS_IN_A_LEASE;
    this.#stopTimer = this.#scheduler.after(intervalMs, () => {
      if (this.#isOver || !this.#own) return;
      this.#beatLater();
      this.#isolateAfterSilence();
      this.#beat();
    });
  }

  /** Also where no answer has come to the one before: it may be lost, and a lease does not wait for that to be known. */
  #beat(): void {
    const own = this.#own;
    if (!own) return;
    const { number } = own.peer;
    // The answer may have come before the change itself.
    const revision = Math.max(this.#beatRevision, this.#view.seated(number)?.revision ?? 0);
    const { clock } = this.#options;
    const time = clock && { clockMs: clock.nowMs() };
    const beat: PeerEntry = { peer: this.#self, life: own.life, beat: own.beat + 1, ...time };
    this.#own = beat;
    this.#saidMs.set(beat.beat, this.#scheduler.now());
    this.#table.update(peerKey(number), beat, revision, (outcome) => {
      // Otherwise of an earlier life.
      if (outcome.kind === 'done' && this.#own?.life === beat.life)
        this.#beatRevision = Math.max(this.#beatRevision, outcome.revision);
    });
  }

  #isolateAfterSilence(): void {
    const { leaseMs } = this.#options;
    const silentMs = this.#scheduler.now() - this.#lastSeenMs;
    const isConnected = this.#table.isConnected;
    if (silentMs <= (isConnected ? Math.max(LONGEST_STALL_MS, 2 * leaseMs) : leaseMs)) return;
    const why = isConnected ? 'the table of the cluster does not answer' : 'the connection to NATS is lost';
    this.#isolate(`${why}, for ${(silentMs / 1000).toFixed(1)} s`);
  }

  #isolate(reason: string): void {
    const number = this.#self.number;
    const wasIn = this.#isIn;
    this.#former = this.#own;
    this.#own = undefined;
    this.#isIn = false;
    this.#stopTimer?.();
    this.#options.log(
      `peer ${number} is cut off: ${reason}; it drops its homes, and comes in again when it can`,
    );
    this.#duties?.end(`this process is cut off: ${reason}`);
    if (wasIn) {
      this.#isIsolated = true;
      for (const listener of this.#listeners) listener.isolated(true);
    }
    if (this.#isAskedToLeave) {
      void this.#go('this process leaves');
      return;
    }
    this.#arrive();
    this.#arrival?.step();
  }

  // What the table says

  #peerHeard(seated: SeatedPeer, before: PeerEntry | undefined): void {
    const { entry } = seated;
    const { number } = entry.peer;
    this.#leases.heard(number);
    if (!before) for (const listener of this.#listeners) listener.up(entry.peer);
    if (this.#isOwn(entry)) this.#ownBeatSeen(entry);
    // Under a number that it has given up before it came in: nobody serves what is given to that one.
    else if (this.#own?.life === entry.life) this.#table.delete(peerKey(number), seated.revision, nothing);
    else if (entry.clockMs !== undefined) this.#options.clock?.heard(entry.clockMs);
    if (areNamesakes(entry.peer, this.#self)) {
      if (!before) this.#namesakeCame(entry.peer);
      else if (entry.beat > before.beat) this.#namesakeHeard(entry.peer);
    }
    if (!before || before.peer.isLeaving !== entry.peer.isLeaving) {
      this.#duties?.peerChanged(number);
      this.#leaveIfDone();
      this.#takePart();
    }
  }

  /** What this process is in the table: another number of the same life is what it has left behind on its way in. */
  #isOwn({ life, peer }: PeerEntry): boolean {
    return this.#own?.life === life && this.#own.peer.number === peer.number;
  }

  #namesakeCame({ node, number }: Peer): void {
    if (this.#isIn && !this.#namesakes().some((namesake) => namesake.number === number))
      this.#options.log(
        `another server of the name ${node} came, as peer ${number}: it is refused, since this one was first`,
      );
  }

  #ownBeatSeen({ peer: self, beat }: PeerEntry): void {
    this.#lastSeenMs = this.#scheduler.now();
    this.#lastSaidMs = Math.max(this.#lastSaidMs, this.#saidMs.get(beat) ?? this.#lastSaidMs);
    for (const each of this.#saidMs.keys()) if (each <= beat) this.#saidMs.delete(each);
    for (const number of this.#leases.ownBeat(self.number, this.#lastSeenMs)) {
      const seated = this.#view.seated(number);
      // Refused if it has written since; where no answer comes the next beat asks again.
      if (seated) this.#table.delete(peerKey(number), seated.revision, nothing);
    }
  }

  #peerGone(seated: SeatedPeer): void {
    const { peer } = seated.entry;
    const nowMs = this.#scheduler.now();
    this.#leases.gone(peer.number);
    if (this.#view.ownedBy(peer.number) > 0)
      for (const { home, owner } of this.#view.homes)
        if (owner === peer.number) this.#takeovers.lost(home, owner, seated.heardMs, nowMs);
    for (const listener of this.#listeners) listener.down(peer);
    if (this.#isOwn(seated.entry)) this.#isolate('the others have taken it for dead');
    this.#duties?.peerChanged(peer.number);
    if (areNamesakes(peer, this.#self)) this.#wishesChanged();
    this.#leaveIfDone();
    this.#takePart();
  }

  #moved(place: HomePlace, before: HomePlace): void {
    for (const listener of this.#listeners) listener.moved(place, before);
    if (place.state === 'open')
      this.#takeovers.opened(
        place.home,
        place.epoch,
        place.owner === this.#own?.peer.number,
        this.#scheduler.now(),
      );
    this.#duties?.moved(place);
    if (before.owner === this.#self.number) this.#leaveIfDone();
  }

  // Leaving

  #shouldLeave(): boolean {
    // While one of the same name may live it is given no homes.
    return this.#isAskedToLeave || this.#view.isDrained(this.#self.node) || this.#namesakes().length > 0;
  }

  #wishesChanged(): void {
    this.#duties?.think();
    const isLeaving = this.#shouldLeave();
    if (!this.#own || this.#self.isLeaving === isLeaving) return;
    this.#self = { ...this.#self, isLeaving };
    this.#beat();
  }

  #leaveIfDone(): void {
    if (!this.#isAskedToLeave || this.#isOver || !this.#own) return;
    const others = [...this.peers.values()].filter(({ number }) => number !== this.#self.number);
    const isKnown = this.peers.get(this.#self.number)?.isLeaving === true;
    // Until others know that it leaves they may still give it homes.
    if (others.some(({ isLeaving }) => !isLeaving) && !(isKnown && this.#duties?.owned === 0)) return;
    void this.#go('this process leaves');
  }

  async #go(reason: string): Promise<void> {
    const own = this.#own;
    this.#stop();
    this.#duties?.end(reason);
    if (own) await this.#deleteOwn(own.peer.number);
    this.#joining?.reject(new Error('it was closed before it had joined'));
    for (const { resolve } of this.#leaving.splice(0)) resolve();
  }

  /** Resolves when the table has answered, or after a while. */
  #deleteOwn(number: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#scheduler.after(GO_WITHIN_MS, resolve);
      // Its numbers are given again only after many thousands of others: whatever is under that key is its own.
      this.#table.delete(peerKey(number), undefined, () => {
        cancel();
        resolve();
      });
    });
  }

  #stop(): void {
    this.#isOver = true;
    this.#isIn = false;
    this.#own = undefined;
    this.#arrival?.cancel();
    this.#stopTimer?.();
    this.#stopWatching?.();
  }
}

function nothing(): void {
  // The table says what has become of it.
}
