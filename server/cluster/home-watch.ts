import { ReasonCode } from '../../protocol/frame.js';
import type { ClusterStats } from '../../protocol/stats.js';
import type { Router } from '../gateway/router.js';
import { BusVersionError } from './bus-version.js';
import type { ClusterBus } from './cluster-bus.js';
import type { LocalHomes } from './local-homes.js';
import type { HomePlace, Membership, MembershipListener, Peer } from './membership.js';

/**
 * What is said to a home whose owner has died waits so long for the next one: a takeover takes seconds. Then who has asked it for
 * something is closed, and asked no more for until it is found. The bytes are bounded where those of homes that move are.
 */
const AWAY_TIMEOUT_MS = 10_000;

export interface HomeWatchParts {
  membership: Membership;
  bus: ClusterBus;
  homes: LocalHomes;
  router: Pick<Router, 'homeLost' | 'homeFound' | 'closeAll'>;
  /** The turn has an end. */
  schedule(): void;
  /** Whoever comes in again has another number. */
  cameIn(self: Peer): Promise<void>;
  log(line: string): void;
}

/**
 * What this process does when a home is somewhere else. A home that is handed over is waited for: what is said to it is held
 * back, behind a word to its owner that nothing more comes, and goes to the next owner. One whose owner died answers
 * nobody: those who asked it for something are closed, the others go on where it is found again. What is said to it
 * meanwhile is kept for a while. So it is where its owner is not there for this process: it came and died between two looks at the
 * table, or the table, which has of each key the last value alone, tells of it later than of its homes.
 */
export class HomeWatch implements MembershipListener {
  readonly #parts: HomeWatchParts;
  /** Homes that are waited for, and by whom they were kept. */
  readonly #held = new Map<number, HomePlace>();
  /** Homes that nobody serves, for which what is said to them is kept: what ends that. */
  readonly #away = new Map<number, NodeJS.Timeout>();
  readonly #places: (HomePlace | undefined)[] = [];
  #isIn = false;
  /** As what it is coming in again. */
  #self: Peer | undefined;
  #hasChanged = true;

  constructor(parts: HomeWatchParts) {
    this.#parts = parts;
  }

  /** Whether this process is in the cluster, and not cut off from it. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** What this process sees of the cluster, where it has changed since the last call. */
  takeChanges(): Pick<ClusterStats, 'peers' | 'homes'> | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    const { peers, homes } = this.#parts.membership;
    return {
      peers: [...peers.values()].map(({ number, node, worker, isLeaving }) => ({
        number,
        node,
        worker,
        isLeaving,
      })),
      homes: homes.map(({ home, owner, epoch, state }) => ({ home, owner, epoch, state })),
    };
  }

  /** The bus speaks: from here on everything is as the membership has it. */
  begin(): void {
    const { membership } = this.#parts;
    this.#isIn = true;
    this.#hasChanged = true;
    this.#held.clear();
    this.#places.length = 0;
    for (const peer of membership.peers.values())
      if (peer.number !== membership.self.number) this.#meet(peer);
    for (const place of membership.homes) this.#take(place);
  }

  up(peer: Peer): void {
    const { membership } = this.#parts;
    this.#hasChanged = true;
    if (!this.#isIn || peer.number === membership.self.number) return;
    this.#meet(peer);
    for (const place of this.#places) if (place?.owner === peer.number) this.#ownerCame(place);
    this.#parts.schedule();
  }

  down({ number }: Peer): void {
    const { bus, homes, schedule } = this.#parts;
    this.#hasChanged = true;
    // Also before this process is in (again): what it knows of others then stays.
    bus.down(number);
    homes.lost(bus.addressOf(number));
    for (const place of this.#places) if (place?.owner === number) this.#lose(place.home);
    schedule();
  }

  /** A peer that is there takes nothing from here: whoever has a mailbox there is served elsewhere, if at all. */
  stuck(number: number): void {
    const { bus, homes, router, schedule } = this.#parts;
    homes.lost(bus.addressOf(number));
    for (const place of this.#places) {
      if (place?.owner !== number) continue;
      this.#lose(place.home);
      this.#giveUp(place.home);
      router.homeLost(place.home, false);
    }
    schedule();
  }

  moved(place: HomePlace): void {
    this.#hasChanged = true;
    if (this.#isIn) this.#take(place);
  }

  isolated(isIsolated: boolean): void {
    const { membership, bus, router, cameIn, log, schedule } = this.#parts;
    this.#self = isIsolated ? undefined : membership.self;
    if (!isIsolated) {
      const { self } = membership;
      cameIn(self).then(
        () => {
          // It may have been cut off once more meanwhile.
          if (this.#self === self) this.begin();
        },
        (error: Error) => log(`could not come in again: ${error.message}`),
      );
      return;
    }
    this.#isIn = false;
    for (const place of this.#places) if (place) bus.place(place.home, undefined);
    for (const home of [...this.#held.keys(), ...this.#away.keys()]) bus.dropHeld(home);
    for (const timer of this.#away.values()) clearTimeout(timer);
    this.#away.clear();
    this.#places.length = 0;
    this.#held.clear();
    router.closeAll(ReasonCode.Overloaded, 'this node hears nothing of its cluster; try another one');
    schedule();
  }

  #meet(peer: Peer): void {
    const { bus, log } = this.#parts;
    try {
      bus.up(peer);
    } catch (error) {
      // It is no reason for this one to stop: whoever is with that one cannot be reached from here.
      if (!(error instanceof BusVersionError)) throw error;
      log(error.message);
    }
  }

  /** Where a home is now; undefined: nobody serves it. */
  #take(place: HomePlace): void {
    const { home, owner, epoch, state } = place;
    const before = this.#places[home];
    this.#places[home] = place;
    if (before?.owner === owner && before.epoch === epoch && before.state === state) return;
    const isAnother = before !== undefined && (before.owner !== owner || before.epoch !== epoch);
    const isServed = this.#isThere(owner);
    if (!isServed && before && state !== 'opening') this.#lose(home);
    else if (isServed && state === 'moving') this.#hold(place, isAnother);
    else if (isAnother && !this.#isHandedOn(place)) this.#lose(home);
    if (isServed && state === 'open') this.#find(place);
    this.#parts.schedule();
  }

  /** Whether a peer can be talked to as far as this process knows; 0, nobody, cannot. */
  #isThere(owner: number): boolean {
    const { self, peers } = this.#parts.membership;
    return owner === self.number || peers.has(owner);
  }

  /** The owner of a home is told of only now: nothing was said to it yet. */
  #ownerCame(place: HomePlace): void {
    if (place.state === 'open') this.#find(place);
    else if (place.state === 'moving') this.#parts.bus.sayHeld(place.owner, place.home, place.epoch);
  }

  /** @param isAnother it moves on from an owner of which this process has not heard before */
  #hold(place: HomePlace, isAnother: boolean): void {
    const { bus, homes, membership } = this.#parts;
    const { home, owner, epoch } = place;
    const held = this.#held.get(home);
    if (held?.epoch === epoch) return;
    // It has moved twice before this process has heard of it, or was lost and not found: that owner does not know its connections.
    if (held || isAnother || this.#away.has(home)) this.#lose(home);
    else {
      this.#held.set(home, place);
      bus.hold(home);
      homes.homeLost(home);
    }
    if (owner !== membership.self.number) bus.sayHeld(owner, home, epoch);
  }

  /** Whether a home that is waited for went from its owner to the next one by its own will. */
  #isHandedOn({ home, epoch, isHandedOn = false }: HomePlace): boolean {
    return isHandedOn && this.#held.get(home)?.epoch === epoch - 1;
  }

  #lose(home: number): void {
    const { bus, homes, router } = this.#parts;
    // What is kept for it since was never said to anybody: it is as good as before.
    if (this.#away.has(home)) return;
    if (this.#held.delete(home)) bus.dropHeld(home);
    bus.place(home, undefined);
    homes.homeLost(home);
    router.homeLost(home, true);
    // Refused now, a message that its client sends again might be in the log all the same.
    bus.hold(home);
    const timer = setTimeout(() => {
      this.#giveUp(home);
      router.homeLost(home, true);
      this.#parts.schedule();
    }, AWAY_TIMEOUT_MS);
    timer.unref();
    this.#away.set(home, timer);
  }

  /** It is not waited for any more. @returns whether it was */
  #isFound(home: number): boolean {
    clearTimeout(this.#away.get(home));
    return this.#away.delete(home);
  }

  #giveUp(home: number): void {
    if (this.#isFound(home)) this.#parts.bus.dropHeld(home);
  }

  #find(place: HomePlace): void {
    const { bus, homes, membership, router } = this.#parts;
    const { home, owner, epoch } = place;
    bus.place(home, owner, epoch);
    if (this.#held.delete(home)) {
      if (owner === membership.self.number) homes.takeOver(home, epoch, bus.addressOf(owner));
      else bus.sayHere(owner, home, epoch);
      bus.release(home);
    } else {
      router.homeFound(home);
      if (this.#isFound(home)) bus.release(home);
    }
    // Only now: to one that is held homes say nothing.
    homes.resend(home);
    if (owner === membership.self.number) homes.resendFrom(home, this.#open());
  }

  *#open(): Iterable<number> {
    for (const place of this.#places) if (place?.state === 'open' && place.owner !== 0) yield place.home;
  }
}
