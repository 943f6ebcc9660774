import { FencedError } from '../store/jetstream/fenced-error.js';
import { assignHomes, fewestHomes } from './assignment.js';
import type { ClusterView } from './cluster-view.js';
import { HomeWriter } from './home-writer.js';
import type { LeaseTable } from './lease-table.js';
import type { HomeKeeper, HomePlace } from './membership.js';
import type { Scheduler } from './scheduler.js';

/** Homes that one process reads at a time: reading a log takes memory and disk. */
const MOST_OPENING = 16;
/** Homes that one process hands over at a time: meanwhile nobody can write to them. */
const MOST_MOVING = 4;
/** Changes come in crowds: they are thought about together, and less often while there is nothing for this peer to do. */
const THINK_AFTER_MS = 20;
const IDLE_THINK_EVERY_MS = 100;
const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5000;
/** After so many attempts somebody else shall try. */
const MOST_TRIES = 5;

/** A home as it is in this process. */
interface Kept {
  readonly home: number;
  readonly epoch: number;
  /** `closed`: handed over, and only the table does not say so yet. */
  phase: 'opening' | 'open' | 'closing' | 'closed';
  /** It was handed over in order. */
  isWhole?: boolean;
}

/** A home that could not be opened. */
interface Failed {
  tries: number;
  /** The epoch with which it failed; it is tried again with `nextEpoch`. */
  epoch: number;
  nextEpoch: number;
  /** It is time to try again. */
  isDue: boolean;
}

export interface DutyParts {
  readonly table: LeaseTable;
  readonly view: ClusterView;
  readonly keeper: HomeKeeper;
  readonly scheduler: Scheduler;
  readonly log: (words: string) => void;
}

/**
 * What one peer does with homes: it opens, serves, hands over and drops them until what it has is what the table says, and claims
 * in the table what is its part of the assignment. It acts only on what it has read in the table, never on what it wrote itself.
 */
export class HomeDuties {
  readonly #parts: DutyParts;
  readonly #writer: HomeWriter;
  /** Number of this peer; undefined: it is none, and does nothing. */
  #self: number | undefined;
  /** That the table says are its own. */
  readonly #owned = new Set<number>();
  readonly #kept = new Map<number, Kept>();
  /** Homes with which the keeper is still busy, even where they were dropped long ago. */
  readonly #unsettled = new Set<number>();
  readonly #failed = new Map<number, Failed>();
  #isThinking = false;
  #notBeforeMs = 0;

  constructor(parts: DutyParts) {
    this.#parts = parts;
    this.#writer = new HomeWriter(parts.table, parts.view, (home) => {
      // Not at once: without a link the table gives no answer in no time, and written again each time it would leave the process no
      // time to make the link again.
      parts.scheduler.after(FIRST_RETRY_MS, () => {
        this.#tend(home);
        this.think();
      });
    });
  }

  /** @param self number under which this process has come in: nothing is its own yet */
  begin(self: number): void {
    this.#self = self;
    this.#owned.clear();
    this.#failed.clear();
    this.#writer.forget();
    this.think();
  }

  /** How many homes the table says are its own. */
  get owned(): number {
    return this.#owned.size;
  }

  /** The table says something else of a home than before. */
  moved({ home, owner }: HomePlace): void {
    this.#writer.changed(home);
    if (this.#self === undefined) return;
    if (owner === this.#self) this.#owned.add(home);
    else this.#owned.delete(home);
    this.#tend(home);
    this.think();
  }

  /** The keeper cannot serve it any more. */
  reopen(home: number, epoch: number, reason: string): void {
    const kept = this.#kept.get(home);
    // Where it is opened or handed over the keeper says so there.
    if (kept?.epoch !== epoch || kept.phase !== 'open') return;
    this.#parts.log(`home ${home} is opened again: ${reason}`);
    this.#drop(kept, reason);
    this.#tend(home);
  }

  /** Somebody is gone, there, or leaves: homes that are on their way there may not be any more. */
  peerChanged(number: number): void {
    for (const home of this.#owned) if (this.#place(home).next === number) this.#tend(home);
    this.think();
  }

  /** Soon, and once for all that has changed until then. */
  think(): void {
    if (this.#isThinking || this.#self === undefined) return;
    this.#isThinking = true;
    const { scheduler } = this.#parts;
    scheduler.after(Math.max(THINK_AFTER_MS, this.#notBeforeMs - scheduler.now()), () => {
      this.#isThinking = false;
      if (this.#self === undefined || this.#thinkNow(this.#self)) return;
      this.#notBeforeMs = scheduler.now() + IDLE_THINK_EVERY_MS;
    });
  }

  /** Drops everything, and does nothing more until it begins again. */
  end(reason: string): void {
    this.#self = undefined;
    this.#owned.clear();
    for (const kept of [...this.#kept.values()]) this.#drop(kept, reason);
  }

  #place(home: number): HomePlace {
    return this.#parts.view.homes[home] as HomePlace;
  }

  /** @returns whether there was anything to do */
  #thinkNow(self: number): boolean {
    const { view } = this.#parts;
    if (!this.#hasPart(self)) return false;
    const targets = assignHomes(view.homes, view.peers, view.pins);
    if (targets.size === 0) return false;
    let { opening, moving } = this.#underWay(targets);
    const before = opening + moving;
    for (const [home, target] of targets) {
      const place = this.#place(home);
      if (this.#writer.isWriting(home)) continue;
      if (place.owner === self) {
        const isReady = place.state === 'open' && this.#kept.get(home)?.phase === 'open';
        if (!isReady || moving >= MOST_MOVING) continue;
        moving += 1;
        this.#writer.write({ ...place, state: 'moving', next: target });
      } else if (target === self && !view.peers.has(place.owner) && opening < MOST_OPENING) {
        opening += 1;
        this.#claim(place, self, place.epoch + 1);
      }
    }
    return opening + moving > before;
  }

  /** Whether an assignment could ask anything of this peer: most of the time it could not, and costs much more. */
  #hasPart(self: number): boolean {
    const { view } = this.#parts;
    if (view.hasOrphans || view.pins.size > 0 || view.peers.get(self)?.isLeaving) return true;
    for (const { number, isLeaving } of view.peers.values())
      if (!isLeaving && view.ownedBy(number) < this.owned - 1) return true;
    return false;
  }

  /** @param targets of the assignment: some of them may be on their way there */
  #underWay(targets: ReadonlyMap<number, number>): { opening: number; moving: number } {
    let [opening, moving] = [0, 0];
    for (const home of this.#owned) {
      const { state } = this.#place(home);
      if (state === 'opening') opening += 1;
      if (state === 'moving' || (state === 'open' && this.#writer.isWriting(home))) moving += 1;
    }
    for (const home of targets.keys())
      if (!this.#owned.has(home) && this.#writer.isWriting(home)) opening += 1;
    return { opening, moving };
  }

  /** Does the next thing that a home needs, if it is this process that has to do it. */
  #tend(home: number): void {
    const self = this.#self;
    if (self === undefined) return;
    const place = this.#place(home);
    const kept = this.#kept.get(home);
    if (place.owner !== self) {
      this.#failed.delete(home);
      if (kept) this.#drop(kept, `peer ${place.owner} has it in epoch ${place.epoch}`);
      return;
    }
    if (this.#writer.isWriting(home)) return;
    if (kept && kept.epoch !== place.epoch) {
      this.#drop(kept, `epoch ${kept.epoch} is over, it is ${place.epoch}`);
      this.#tend(home);
    } else if (place.state === 'opening') this.#tendOpening(place, kept, self);
    else if (place.state === 'open') this.#tendOpen(place, kept, self);
    else this.#tendMoving(place, kept, self);
  }

  #tendOpening(place: HomePlace, kept: Kept | undefined, self: number): void {
    const failed = this.#failed.get(place.home);
    if (!kept && failed?.epoch === place.epoch) this.#tryAgain(place, failed, self);
    else if (!kept) this.#open(place);
    else if (kept.phase === 'open') this.#writer.write({ ...withoutNext(place), state: 'open' });
    else if (kept.phase === 'closed') this.#claim(place, self, place.epoch + 1);
  }

  #tendOpen(place: HomePlace, kept: Kept | undefined, self: number): void {
    if (kept?.phase === 'open' || kept?.phase === 'closing') return;
    // It is not open here, whoever wrote so.
    this.#claim(place, self, place.epoch + 1);
  }

  #tendMoving(place: HomePlace, kept: Kept | undefined, self: number): void {
    if (kept?.phase === 'opening' || kept?.phase === 'closing') return;
    const next = this.#parts.view.peers.get(place.next as number);
    if (next && !next.isLeaving) {
      if (kept?.phase === 'open') this.#handOver(kept);
      else this.#claim(place, next.number, place.epoch + 1, kept?.isWhole);
      return;
    }
    // Taken back; the assignment knows where it goes instead.
    if (kept?.phase === 'open') this.#writer.write({ ...withoutNext(place), state: 'open' });
    else this.#claim(place, self, place.epoch + 1, kept?.isWhole);
  }

  /** @param isHandedOn nothing is missing of what its owner before, this one, had of it */
  #claim({ home }: HomePlace, owner: number, epoch: number, isHandedOn = false): void {
    this.#writer.write({ home, owner, epoch, state: 'opening', ...(isHandedOn && { isHandedOn }) });
  }

  #tryAgain(place: HomePlace, failed: Failed, self: number): void {
    const { view, log } = this.#parts;
    if (!failed.isDue) return;
    const other = failed.tries < MOST_TRIES ? undefined : fewestHomes(view.homes, view.peers, self);
    if (other !== undefined)
      log(`home ${place.home} could not be opened in ${failed.tries} attempts; peer ${other} shall try`);
    this.#claim(place, other ?? self, failed.nextEpoch);
  }

  #open({ home, epoch }: HomePlace): void {
    if (this.#unsettled.has(home)) return;
    const kept: Kept = { home, epoch, phase: 'opening' };
    this.#kept.set(home, kept);
    this.#ask(
      kept,
      () => this.#parts.keeper.open(home, epoch),
      () => {
        kept.phase = 'open';
        this.#failed.delete(home);
      },
      (error) => {
        this.#kept.delete(home);
        this.#openFailed(kept, error);
      },
    );
  }

  #openFailed({ home, epoch }: Kept, error: Error): void {
    const tries = (this.#failed.get(home)?.tries ?? 0) + 1;
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (tries - 1));
    const logEpoch = error instanceof FencedError ? error.epoch : 0;
    const nextEpoch = Math.max(epoch, logEpoch) + 1;
    const { log, scheduler } = this.#parts;
    const failed = { tries, epoch, nextEpoch, isDue: false };
    this.#failed.set(home, failed);
    log(`home ${home} cannot be opened in epoch ${epoch}: ${error.message}; again in ${delayMs} ms`);
    scheduler.after(delayMs, () => {
      failed.isDue = true;
      this.#tend(home);
    });
  }

  #handOver(kept: Kept): void {
    const { home, epoch } = kept;
    const { keeper, log } = this.#parts;
    kept.phase = 'closing';
    this.#ask(
      kept,
      () => keeper.handOver(home, epoch),
      () => {
        kept.phase = 'closed';
        kept.isWhole = true;
      },
      (error) => {
        // The next owner reads in the log what was kept.
        log(`home ${home} could not be handed over in order: ${error.message}`);
        keeper.drop(home, 'it could not be handed over in order');
        kept.phase = 'closed';
      },
    );
  }

  /** Asks the keeper, and does what comes next; what comes of a home that was dropped meanwhile does not count. */
  #ask(kept: Kept, ask: () => Promise<void>, done: () => void, failed: (error: Error) => void): void {
    const { home } = kept;
    this.#unsettled.add(home);
    const settle = (act: () => void): void => {
      this.#unsettled.delete(home);
      if (this.#kept.get(home) === kept) act();
      this.#tend(home);
      this.think();
    };
    // A keeper that throws at once has failed like any other.
    new Promise<void>((resolve) => resolve(ask())).then(
      () => settle(done),
      (error: unknown) => settle(() => failed(error instanceof Error ? error : new Error(String(error)))),
    );
  }

  #drop(kept: Kept, reason: string): void {
    this.#kept.delete(kept.home);
    if (kept.phase !== 'closed') this.#parts.keeper.drop(kept.home, reason);
  }
}

function withoutNext({ next: _, ...place }: HomePlace): HomePlace {
  return place;
}
