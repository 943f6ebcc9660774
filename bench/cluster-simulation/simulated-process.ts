import type { Random } from '../../loadgen/random.js';
import { LeasedMembership } from '../../server/cluster/leased-membership.js';
import type { MembershipListener } from '../../server/cluster/membership.js';
import { type Mutation, mutated } from './mutations.js';
import { MOST_UNDER_WAY, SimulatedKeeper } from './simulated-keeper.js';
import { type ProcessTime, SimulatedLink } from './simulated-link.js';
import type { SimulatedLogs } from './simulated-logs.js';
import type { SimulatedStore } from './simulated-store.js';
import type { VirtualClock } from './virtual-clock.js';

const WRITE_EVERY_MS = 100;

export interface ProcessParts {
  readonly id: number;
  readonly node: string;
  readonly homes: number;
  readonly leaseMs: number;
  readonly clock: VirtualClock;
  readonly store: SimulatedStore;
  readonly logs: SimulatedLogs;
  readonly random: Random;
  readonly mutation: Mutation | undefined;
  readonly violated: (words: string) => void;
}

/** A server process of the cluster: the real membership on simulated time, table and logs. */
export class SimulatedProcess {
  readonly id: number;
  readonly node: string;
  readonly membership: LeasedMembership;
  readonly link: SimulatedLink;
  readonly keeper: SimulatedKeeper;
  readonly #parts: ProcessParts;
  /** What was due while it was stopped. */
  readonly #late: (() => void)[] = [];
  state: 'running' | 'stopped' | 'dead' = 'running';
  /** It was told to leave, and goes on its own. */
  isLeaving = false;
  isIsolated = false;
  hasJoined = false;

  constructor(parts: ProcessParts) {
    const { id, node, homes, leaseMs, clock, store, logs, random, mutation, violated } = parts;
    this.#parts = parts;
    this.id = id;
    this.node = node;
    const own: ProcessTime = { after: (delayMs, run) => this.#after(delayMs, run) };
    this.link = new SimulatedLink(store, random, own, clock);
    const fenceRecords = { 'no-fence': 0, 'short-fence': 1 }[mutation as string] ?? MOST_UNDER_WAY;
    this.keeper = new SimulatedKeeper({
      process: id,
      logs,
      random,
      clock,
      own,
      network: clock,
      fenceRecords,
      violated,
      mayBeReplaced: () => mutation !== 'no-marks' && this.membership.mayBeReplaced,
      lost: (home, epoch) => this.membership.reopen(home, epoch, 'its log refused an append'),
    });
    let lives = 0;
    this.membership = new LeasedMembership({
      table: mutated(this.link, mutation),
      homes,
      replicas: 1,
      leaseMs,
      peer: { node, worker: 0, versions: { oldest: 1, newest: 1 }, addresses: [] },
      log: () => undefined,
      scheduler: { now: () => clock.nowMs, after: own.after },
      random: () => random.next(),
      newLife: () => {
        lives += 1;
        return `${id}.${lives}`;
      },
    });
    this.membership.watch(this.#listener(violated));
    this.membership.join(this.keeper).then(
      () => {
        this.hasJoined = true;
      },
      () => {
        // Whoever cannot come in is started again, as any supervisor does.
        this.state = 'dead';
      },
    );
    this.#write();
  }

  kill(): void {
    this.state = 'dead';
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.state === 'running') this.state = 'stopped';
  }

  /** SIGCONT: everything that was due meanwhile happens now. */
  goOn(): void {
    if (this.state !== 'stopped') return;
    this.state = 'running';
    const { random } = this.#parts;
    let delayMs = 0;
    for (const run of this.#late.splice(0)) {
      delayMs += random.next();
      this.#after(delayMs, run);
    }
  }

  leave(): void {
    if (this.isLeaving || this.state === 'dead') return;
    this.isLeaving = true;
    this.membership.leave().then(() => {
      this.state = 'dead';
    });
  }

  #after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const due = (): void => {
      if (isCancelled || this.state === 'dead') return;
      if (this.state === 'stopped') this.#late.push(due);
      else run();
    };
    const cancel = this.#parts.clock.after(delayMs, due);
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  #write(): void {
    this.#after(WRITE_EVERY_MS, () => {
      this.keeper.deliver();
      this.keeper.write();
      this.#write();
    });
  }

  #listener(violated: (words: string) => void): MembershipListener {
    const up = new Set<number>();
    return {
      up: ({ number }) => {
        if (up.has(number)) violated(`process ${this.id} is told twice that peer ${number} is there`);
        up.add(number);
      },
      down: ({ number }) => {
        if (!up.delete(number))
          violated(`process ${this.id} is told of the death of ${number}, which was not there`);
      },
      moved: (place, before) => {
        if (place.epoch < before.epoch)
          violated(`process ${this.id} is told that home ${place.home} goes back to epoch ${place.epoch}`);
      },
      isolated: (isIsolated) => {
        this.isIsolated = isIsolated;
      },
    };
  }
}
