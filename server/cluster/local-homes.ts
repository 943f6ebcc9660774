import type { ClusterWorkerStats } from '../../protocol/stats.js';
import type { HomeMessage } from '../bus/bus.js';
import { Home, type HomeOptions } from '../home/home.js';
import type { KeptConnection } from '../home/mailboxes.js';
import { type HomesReport, reportOf, type WorkerHomes } from '../home/worker-homes.js';
import type { HomeStore } from '../store/home-store.js';

/** Of many homes a few are swept a call: each looks at a few entries of its store. */
const SWEPT_AT_ONCE = 64;

/** The store of a home in a cluster, as this process sees it. */
export interface LoggedStore extends HomeStore {
  /** Turns that are under way to its log, and what that has behind its last snapshot. */
  readonly log: { readonly underWay: number; readonly bytesBehindSnapshot: number };
}

interface LocalHome {
  readonly home: Home;
  readonly store: LoggedStore;
  readonly epoch: number;
  /** Connections that its last owner had, by gateway: they are taken over when that says that it knows. */
  readonly notes: Map<number, KeptConnection[]>;
}

/** The homes of a cluster that this process keeps now. */
export class LocalHomes implements WorkerHomes {
  readonly #homes = new Map<number, LocalHome>();
  /** Those that something has happened to in this turn. */
  #touched = new Set<LocalHome>();
  #sweeping: Iterator<LocalHome> | undefined;
  /** What homes have counted that were here. */
  readonly #past: HomesReport = {
    users: 0,
    store: { items: 0, diskBytes: 0, commits: 0, commitMs: 0 },
    mailboxes: { peak: 0, arrived: 0, served: 0 },
    fanOut: { peak: 0, arrived: 0, served: 0 },
  };

  /** Hot path: once a turn. */
  get staged(): number {
    let staged = 0;
    for (const { store } of this.#touched) staged += store.staged;
    return staged;
  }

  /** What the logs of all of them have under way, and behind their snapshots. */
  logs(): Pick<ClusterWorkerStats, 'homes' | 'turnsUnderWay' | 'logBytes'> {
    let [turnsUnderWay, logBytes] = [0, 0];
    for (const { store } of this.#homes.values()) {
      turnsUnderWay += store.log.underWay;
      logBytes += store.log.bytesBehindSnapshot;
    }
    return { homes: this.#homes.size, turnsUnderWay, logBytes };
  }

  /** @param store of that home, opened for `epoch` */
  add(number: number, store: LoggedStore, epoch: number, options: Omit<HomeOptions, 'store'>): void {
    const home = new Home({ store, ...options });
    const local = { home, store, epoch, notes: home.takeNotes(epoch) };
    this.#homes.set(number, local);
    this.#touched.add(local);
  }

  /** Takes a home out, as it is. */
  remove(number: number): void {
    const local = this.#homes.get(number);
    if (!local) return;
    this.#homes.delete(number);
    this.#touched.delete(local);
    this.#count(reportOf(local.home, local.store));
  }

  /**
   * Commits what a home has left, with the connections that it has, and resolves once all of it is kept.
   * @throws Error where it is not, or the home is not here in that epoch
   */
  async part(number: number, epoch: number): Promise<void> {
    const local = this.#homes.get(number);
    if (local?.epoch !== epoch) throw new Error('it is not open here');
    local.home.part(epoch);
    local.home.commit();
    await local.home.settled();
    if (!local.home.hasKeptAll) throw new Error('its log does not take what it has left');
  }

  /** A gateway has held back what it says to a home until now: its connections go on. @param epoch of which it has heard */
  takeOver(number: number, epoch: number, gateway: number): void {
    const local = this.#homes.get(number);
    const notes = local?.notes.get(gateway);
    if (local?.epoch !== epoch || !notes) return;
    local.notes.delete(gateway);
    local.home.takeOver(notes);
    this.#touched.add(local);
  }

  /**
   * Hot path. What comes for one that is not here any more was said by somebody who is told so. So it is with an `attach` to an owner
   * before, which may be this process too: taken now, it would be delivered to from where it was then, and again once it comes anew.
   */
  receive(message: HomeMessage, home: number): void {
    const local = this.#homes.get(home);
    if (!local) return;
    if (message.kind === 'attach' && (message.epoch ?? local.epoch) !== local.epoch) return;
    this.#touched.add(local);
    local.home.receive(message);
  }

  commit(): void {
    // What one says to another while it commits belongs to the same turn.
    while (this.#touched.size > 0) {
      const touched = this.#touched;
      this.#touched = new Set();
      for (const { home } of touched) home.commit();
    }
  }

  sweep(): void {
    for (let step = 0; step < Math.min(SWEPT_AT_ONCE, this.#homes.size); step += 1) {
      this.#sweeping ??= this.#homes.values();
      const { done, value } = this.#sweeping.next();
      if (done) {
        this.#sweeping = undefined;
        continue;
      }
      value.home.sweep();
      this.#touched.add(value);
    }
  }

  /** @param process address of a gateway */
  lost(process: number): void {
    for (const local of this.#homes.values()) {
      local.notes.delete(process);
      local.home.lost(process);
      this.#touched.add(local);
    }
  }

  homeLost(home: number): void {
    for (const local of this.#homes.values()) {
      local.home.homeLost(home);
      this.#touched.add(local);
    }
  }

  /** Every home here sends again what that one may not have taken over. */
  resend(home: number): void {
    for (const local of this.#homes.values()) {
      local.home.resend(home);
      this.#touched.add(local);
    }
  }

  /** A home that was opened here sends what it has left to each of these. */
  resendFrom(number: number, homes: Iterable<number>): void {
    const local = this.#homes.get(number);
    if (!local) return;
    for (const home of homes) local.home.resend(home);
    this.#touched.add(local);
  }

  report(): HomesReport {
    const sum = structuredClone(this.#past);
    for (const { home, store } of this.#homes.values()) {
      const { users, store: usage, mailboxes, fanOut } = reportOf(home, store);
      sum.users += users;
      addTo(sum.store, usage);
      addTo(sum.mailboxes, mailboxes);
      addTo(sum.fanOut, fanOut);
    }
    return sum;
  }

  /** What a home has counted here is not taken back when it moves away; what it still had is there now. */
  #count({ store, mailboxes, fanOut }: HomesReport): void {
    this.#past.store.commits += store.commits;
    this.#past.store.commitMs += store.commitMs;
    for (const [queue, { arrived }] of [
      [this.#past.mailboxes, mailboxes],
      [this.#past.fanOut, fanOut],
    ] as const) {
      queue.arrived += arrived;
      queue.served += arrived;
    }
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#homes.values()].map(({ home }) => home.settled()));
  }

  async close(): Promise<void> {
    const homes = [...this.#homes.values()];
    this.#homes.clear();
    this.#touched.clear();
    await Promise.all(homes.map(({ store }) => store.close()));
  }
}

function addTo<Fields extends object>(sum: Fields, part: Fields): void {
  for (const [name, value] of Object.entries(part)) {
    const fields = sum as Record<string, number>;
    fields[name] = (fields[name] ?? 0) + value;
  }
}
