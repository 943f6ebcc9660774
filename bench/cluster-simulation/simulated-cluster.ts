import { Random } from '../../loadgen/random.js';
import type { TableEntry } from '../../server/cluster/lease-table.js';
import type { HomePlace } from '../../server/cluster/membership.js';
import { homeKey, type PeerEntry, peerKey } from '../../server/cluster/table-entries.js';
import { DISTURBANCES, type Disturbance, disturb } from './disturbances.js';
import type { Mutation } from './mutations.js';
import { SimulatedLogs } from './simulated-logs.js';
import { SimulatedProcess } from './simulated-process.js';
import { SimulatedStore } from './simulated-store.js';
import { VirtualClock } from './virtual-clock.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly processes: number;
  readonly homes: number;
  readonly leaseMs: number;
  /** How long it is disturbed, in leases, and how often. */
  readonly disturbedLeases: number;
  readonly disturbances: number;
  /** All of them unless said otherwise. */
  readonly kinds?: readonly Disturbance[];
  readonly mutation?: Mutation;
}

/** Bounds that are part of what is checked, in leases after the last disturbance. */
export const HOMES_OPEN_WITHIN_LEASES = 8;
export const QUIET_WITHIN_LEASES = 30;
/** A death that is not known yet is known by then. */
const QUIET_AT_LEAST_LEASES = 2;
/** Then nothing moves any more. */
const QUIET_FOR_LEASES = 3;
const CHECK_EVERY_MS = 50;
const MOST_VIOLATIONS = 20;

export interface SimulationResult {
  /** Empty if everything held. */
  readonly violations: readonly string[];
  /** After the last disturbance, in leases: until every home was open, and until nothing moved any more. */
  readonly openLeases: number;
  readonly quietLeases: number;
  /** Of everything that was written to the table, and when. */
  readonly hash: string;
  readonly writes: number;
  readonly deaths: number;
  /** To the logs: what was kept, and what was refused to those who were no owners any more or came late. */
  readonly appended: number;
  readonly refused: number;
  readonly takeovers: number;
  readonly longestTakeoverMs: number;
}

/** One cluster through one history: from its start through what happens to it until it is quiet again. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new SimulatedCluster(options).run();
}

class SimulatedCluster {
  readonly #options: SimulationOptions;
  readonly #clock = new VirtualClock();
  readonly #random: Random;
  readonly #store: SimulatedStore;
  readonly #logs: SimulatedLogs;
  readonly #violations: string[] = [];
  /** All that ever were. */
  readonly #all: SimulatedProcess[] = [];
  readonly #living = new Set<SimulatedProcess>();
  /** Homes that were open until a moment ago, and open at their next owner. */
  readonly #wasHandedOver = new Set<number>();
  #hash = 0x811c_9dc5;
  #deaths = 0;
  #lastMoveMs = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#store = new SimulatedStore((entry, before) => this.#written(entry, before));
    this.#logs = new SimulatedLogs(options.homes, (words) => this.#violated(words));
  }

  async run(): Promise<SimulationResult> {
    const { processes, leaseMs, disturbedLeases } = this.#options;
    for (let count = 0; count < processes; count += 1)
      this.#clock.after(this.#random.next() * leaseMs, () => this.#start());
    await this.#settle('after its start');
    const endMs = this.#clock.nowMs + disturbedLeases * leaseMs;
    this.#logs.isLossy = true;
    this.#planDisturbances(endMs);
    await this.#clock.runUntil(endMs);
    this.#logs.isLossy = false;
    const { openLeases, quietLeases } = await this.#settle('after the last disturbance');
    await this.#stayQuiet();
    const takeovers = this.#all.flatMap(({ membership }) => membership.takeovers);
    return {
      violations: this.#violations,
      openLeases,
      quietLeases,
      hash: (this.#hash >>> 0).toString(16).padStart(8, '0'),
      writes: this.#store.history.length,
      deaths: this.#deaths,
      appended: this.#logs.appended,
      refused: this.#logs.refused,
      takeovers: takeovers.length,
      longestTakeoverMs: takeovers.reduce((longest, { openedMs }) => Math.max(longest, openedMs), 0),
    };
  }

  #planDisturbances(endMs: number): void {
    const { disturbances, kinds = DISTURBANCES, leaseMs } = this.#options;
    const disturbed = {
      clock: this.#clock,
      random: this.#random,
      store: this.#store,
      leaseMs,
      processes: () => this.#running(),
      start: () => this.#start(),
    };
    const spanMs = endMs - this.#clock.nowMs;
    for (let count = 0; count < disturbances; count += 1) {
      const kind = kinds[this.#random.below(kinds.length)] as Disturbance;
      this.#clock.after(this.#random.next() * spanMs, () => disturb(kind, disturbed, endMs));
    }
    // Somebody is always there in the end.
    this.#clock.after(spanMs, () => {
      if (this.#running().every(({ isLeaving }) => isLeaving)) this.#start();
    });
  }

  #start(): void {
    const { homes, leaseMs, mutation } = this.#options;
    const id = this.#all.length + 1;
    const process = new SimulatedProcess({
      id,
      node: `node-${id % Math.max(3, Math.floor(this.#options.processes / 4))}`,
      homes,
      leaseMs,
      clock: this.#clock,
      store: this.#store,
      logs: this.#logs,
      random: new Random(this.#options.seed * 100_003 + id),
      mutation,
      violated: (words) => this.#violated(words),
    });
    this.#all.push(process);
    this.#living.add(process);
  }

  #running(): SimulatedProcess[] {
    return [...this.#living].filter(({ state }) => state === 'running');
  }

  /** Until every home is open and nothing is on its way, or the bounds are passed. */
  async #settle(when: string): Promise<{ openLeases: number; quietLeases: number }> {
    const { leaseMs } = this.#options;
    const beganMs = this.#clock.nowMs;
    const leases = (): number => (this.#clock.nowMs - beganMs) / leaseMs;
    let openLeases: number | undefined;
    let quietLeases: number | undefined;
    for (;;) {
      await this.#clock.runUntil(this.#clock.nowMs + CHECK_EVERY_MS);
      if (openLeases === undefined && this.#firstClosed() === undefined) openLeases = leases();
      const trouble = this.#trouble();
      if (trouble === undefined) {
        quietLeases ??= leases();
        // A process that went on just now may be taken for dead yet.
        if (leases() - quietLeases > QUIET_AT_LEAST_LEASES)
          return { openLeases: openLeases ?? quietLeases, quietLeases };
        continue;
      }
      quietLeases = undefined;
      if (openLeases === undefined && leases() > HOMES_OPEN_WITHIN_LEASES)
        this.#violated(`${when}: ${this.#firstClosed()} for ${HOMES_OPEN_WITHIN_LEASES} leases`);
      else if (leases() > QUIET_WITHIN_LEASES)
        this.#violated(`${when}: ${trouble} after ${QUIET_WITHIN_LEASES} leases`);
      else continue;
      return { openLeases: openLeases ?? leases(), quietLeases: leases() };
    }
  }

  async #stayQuiet(): Promise<void> {
    const fromMs = this.#clock.nowMs;
    await this.#clock.runUntil(fromMs + QUIET_FOR_LEASES * this.#options.leaseMs);
    if (this.#lastMoveMs > fromMs) this.#violated('homes still move though everything is balanced');
    const trouble = this.#trouble();
    if (trouble !== undefined) this.#violated(`quiet, and then: ${trouble}`);
  }

  /** What is not as it should be in the end. */
  #trouble(): string | undefined {
    const running = this.#running();
    const away = running.find(
      ({ isLeaving, isIsolated, hasJoined }) => isLeaving || isIsolated || !hasJoined,
    );
    if (away) return `process ${away.id} neither is in nor has gone`;
    const counts = new Map(running.map(({ membership }) => [membership.self.number, 0]));
    for (let home = 0; home < this.#options.homes; home += 1) {
      const place = this.#place(home);
      if (place?.state !== 'open') return `home ${home} is ${place?.state}`;
      counts.set(place.owner, (counts.get(place.owner) ?? 0) + 1);
    }
    const closed = this.#firstClosed();
    if (closed !== undefined) return closed;
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    return most - least > 1 ? `one process has ${least} homes and another ${most}` : undefined;
  }

  /** A home that nobody serves, or that is said to be served by somebody who does not. */
  #firstClosed(): string | undefined {
    const byNumber = new Map(this.#running().map((process) => [process.membership.self.number, process]));
    for (let home = 0; home < this.#options.homes; home += 1) {
      const place = this.#place(home);
      const owner = place && byNumber.get(place.owner);
      if (!place || !owner) return `home ${home} belongs to nobody who is there`;
      // While it moves it was open a moment ago, and is again in a moment.
      if (place.state === 'open' && !owner.keeper.isOpen(home, place.epoch))
        return `home ${home} is not open at process ${owner.id}`;
      if (place.state === 'opening' && place.epoch <= 1) return `home ${home} was never open`;
      if (place.state === 'opening' && !this.#wasHandedOver.has(home)) return `home ${home} is not open yet`;
    }
    return undefined;
  }

  #place(home: number): HomePlace | undefined {
    return this.#store.get(homeKey(home))?.value as HomePlace | undefined;
  }

  #written(entry: TableEntry, before: TableEntry | undefined): void {
    this.#mix(entry);
    for (const process of this.#living) {
      if (process.state === 'dead') this.#living.delete(process);
      else process.link.noticeChange();
    }
    if (entry.key.startsWith('home.')) {
      const [place, placeBefore] = [entry.value as HomePlace, before?.value as HomePlace | undefined];
      if (place.owner !== placeBefore?.owner || place.state === 'moving')
        this.#lastMoveMs = this.#clock.nowMs;
      this.#checkMove(place, placeBefore);
    } else if (entry.value === undefined && entry.key.startsWith('peer.')) {
      const peer = before?.value as PeerEntry | undefined;
      if (peer?.peer.isLeaving === false) this.#deaths += 1;
    }
  }

  /** Nobody takes a home from somebody who is there, and epochs rise with each owner. */
  #checkMove(place: HomePlace, before: HomePlace | undefined): void {
    const { home, owner, epoch } = place;
    const isHandedOver = before?.state === 'moving' && before.next === owner;
    if (place.state === 'opening' && isHandedOver) this.#wasHandedOver.add(home);
    else if (place.state !== 'moving') this.#wasHandedOver.delete(home);
    if (!before) return;
    const was = `home ${home} of ${before.owner} in epoch ${before.epoch}, ${before.state}, became ${owner}'s`;
    if (epoch < before.epoch || (owner !== before.owner && epoch === before.epoch))
      this.#violated(`${was} in epoch ${epoch}`);
    const isOwnerThere = this.#store.get(peerKey(before.owner)) !== undefined;
    if (owner !== before.owner && isOwnerThere && !isHandedOver && before.state !== 'opening')
      this.#violated(`${was} though ${before.owner} is there`);
  }

  /** FNV-1a. */
  #mix({ key, revision, value }: TableEntry): void {
    const place = value as Partial<HomePlace> | undefined;
    const words = `${key} ${revision} ${this.#clock.nowMs} ${place?.owner} ${place?.epoch} ${place?.state}`;
    let hash = this.#hash;
    for (let at = 0; at < words.length; at += 1) hash = Math.imul(hash ^ words.charCodeAt(at), 0x0100_0193);
    this.#hash = hash;
  }

  #violated(words: string): void {
    if (this.#violations.length < MOST_VIOLATIONS)
      this.#violations.push(`at ${(this.#clock.nowMs / 1000).toFixed(3)} s: ${words}`);
  }
}
