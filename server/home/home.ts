import type { Bus, HomeMessage } from '../bus/bus.js';
import type { Limits } from '../config.js';
import type { Counters } from '../queues/counters.js';
import type { HomeStore } from '../store/home-store.js';
import { CommitQueue } from './commit-queue.js';
import { NOTES, noteOf, readNote } from './connection-notes.js';
import { Deduplication } from './deduplication.js';
import { FairShare, type FairShareLimits } from './fair-share.js';
import { FanOut } from './fan-out.js';
import { type GroupLimits, Groups } from './groups.js';
import { HomeClock } from './home-clock.js';
import { Mailbox } from './mailbox.js';
import type { MailboxItem } from './mailbox-item.js';
import { type KeptConnection, Mailboxes, type MailboxLimits } from './mailboxes.js';
import { Messages } from './messages.js';
import { OutgoingReceipts } from './outgoing-receipts.js';
import { Recovery } from './recovery.js';
import { Retention } from './retention.js';
import { Trouble } from './trouble.js';
import { type Acknowledgement, addCounts, type Consequence, type Turn, TurnLog } from './turn-log.js';

export type HomeLimits = MailboxLimits &
  FairShareLimits &
  GroupLimits &
  Pick<Limits, 'sendsUnderWay' | 'retentionMs'>;

/**
 * After a failed commit, acknowledgements are owed: clients have sent them and the store has not kept them. They are done in turns of
 * up to this many items, and this many turns at a time.
 */
const OWED_ITEMS = 16;
const OWED_TURNS = 64;
/** Each turn that is kept doubles what the next may do of what is owed, up to this. */
const MOST_OWED_AT_ONCE = 4096;
const TRUSTED_FROM = 64;

/** Messages between homes. Each is kept by its sender, and sent again, until it is answered. */
const FROM_HOMES: ReadonlySet<HomeMessage['kind']> = new Set([
  'receipt',
  'receipt-kept',
  'copies',
  'copies-kept',
]);

/** What they add, receipts for one, is less than what is deleted with them. */
const MAKING_ROOM: ReadonlySet<HomeMessage['kind']> = new Set(['acknowledge', 'receipt-kept', 'copies-kept']);

const never = (): boolean => false;

export interface HomeOptions {
  store: HomeStore;
  /** The room that the store has. */
  storeBytes: number;
  bus: Bus;
  counters: Counters;
  limits: HomeLimits;
  /** Of a cluster: another process may have this home by now, and have delivered what is still here. */
  mayBeReplaced?: () => boolean;
}

/**
 * A home: the mailboxes and the groups of its share of the users. It takes bus messages and answers with bus messages;
 * it never sees a socket. What one turn of the event loop changed is committed as one, and said afterwards.
 */
export class Home {
  readonly mailboxes: Mailboxes;
  readonly fanOut: FanOut;
  readonly #receipts: OutgoingReceipts;
  readonly #groups: Groups;
  readonly #deduplication: Deduplication;
  readonly #fairShare: FairShare;
  readonly #messages: Messages;
  readonly #retention: Retention;
  readonly #log = new TurnLog();
  readonly #commits: CommitQueue<Turn>;
  readonly #trouble = new Trouble();
  readonly #recovery: Recovery;
  readonly #store: HomeStore;
  readonly #bus: Bus;
  readonly #counters: Counters;
  readonly #retentionMs: number;
  readonly #clock: HomeClock;
  /** How many owed items the next turn does beside new work; 0 until a turn was kept since the last failure. */
  #owedAtOnce = 0;
  /**
   * How many owed items a turn does that does nothing else: half as many where that was too much for the room that is
   * left, twice as many after a row of them that were kept.
   */
  #owedATurn = OWED_ITEMS;
  #isMakingUp = false;
  /** The turn of now adds something, beside what follows from acknowledgements and answers. */
  #isAdding = false;
  /**
   * What other homes send again arrives all at once. On a nearly full disk one turn with all of it would fail, be sent again, and
   * fail again. So after a failure a turn ends as soon as it has so many: half as many after each failure, twice as many
   * after a second in which turns had that many and were kept.
   */
  #fromHomesAtOnce = Number.POSITIVE_INFINITY;
  #hasKeptSoMany = false;
  #fromHomes = 0;
  /** Read once a turn, so that everything in it has the same time. */
  #nowMs: number;

  constructor({ store, storeBytes, bus, counters, limits, mayBeReplaced = never }: HomeOptions) {
    this.#store = store;
    this.#bus = bus;
    this.#counters = counters;
    this.#retentionMs = limits.retentionMs;
    this.#clock = new HomeClock(store);
    this.#nowMs = this.#clock.now();
    const log = this.#log;
    this.#deduplication = new Deduplication(store);
    this.mailboxes = new Mailboxes({
      store,
      bus,
      counters,
      limits,
      log,
      deduplication: this.#deduplication,
      mayBeReplaced,
    });
    this.fanOut = new FanOut(store, bus, log);
    this.#receipts = new OutgoingReceipts(store, bus, log);
    this.#groups = new Groups(store, limits);
    this.#fairShare = new FairShare(limits, store, storeBytes);
    this.#retention = new Retention({
      store,
      mailboxes: this.mailboxes,
      groups: this.#groups,
      deduplication: this.#deduplication,
      log,
    });
    this.#messages = new Messages({
      store,
      bus,
      counters,
      limits,
      log,
      mailboxes: this.mailboxes,
      deduplication: this.#deduplication,
      groups: this.#groups,
      fairShare: this.#fairShare,
      fanOut: this.fanOut,
      receipts: this.#receipts,
    });
    this.#commits = new CommitQueue(store, {
      promised: (turn) => this.#promised(turn),
      failed: (turns, failure) => {
        this.#owedAtOnce = 0;
        if (this.#isMakingUp) this.#owedATurn = Math.max(1, Math.floor(this.#owedATurn / 2));
        else this.#fromHomesAtOnce = Math.max(1, Math.min(OWED_ITEMS, Math.floor(this.#fromHomesAtOnce / 2)));
        this.#hasKeptSoMany = false;
        this.#recovery.failed([...turns, log.take(0)], failure, this.#nowMs);
      },
    });
    this.#recovery = new Recovery({
      store,
      bus,
      counters,
      trouble: this.#trouble,
      mailboxes: this.mailboxes,
      deduplication: this.#deduplication,
      groups: this.#groups,
      messages: this.#messages,
      receipts: this.#receipts,
      fanOut: this.fanOut,
    });
  }

  /** Hot path: called once for each SEND, ACK and receipt. */
  receive(message: HomeMessage): void {
    if (this.#fromHomesAtOnce < MOST_OWED_AT_ONCE && FROM_HOMES.has(message.kind)) this.#keepTurnSmall();
    // Whatever else comes may be too much for the room that there is.
    if (this.#trouble.isOwing && this.#mustMakeUpFirst) this.#makeUp();
    if (this.#commits.isFailing || this.#trouble.isStanding) this.#putOff(message);
    else if (message.kind === 'acknowledge' && this.#isBehindOwed(message))
      this.#recovery.putOff(message, true);
    else if (this.#trouble.isMissing && this.#recovery.isBehindMissed(message)) return;
    else this.#take(message);
  }

  /** Commits what was staged since the last call and then answers for it; once an event-loop turn. */
  commit(): void {
    // Later commits are still under way and will fail too; what came since waits until they are back.
    if (this.#commits.isFailing) return;
    if (this.#owedAtOnce > 0 && !this.#isMakingUp && this.#trouble.isOwing && !this.#trouble.isStanding)
      this.#payBack(this.#owedAtOnce);
    this.#deduplication.writeDown(this.#nowMs);
    const isMakingRoom = !this.#isAdding;
    this.#isAdding = false;
    if (this.#hasBegun) this.#commits.add(this.#log.take(this.#store.staged), isMakingRoom);
    this.#nowMs = this.#clock.now();
    this.#fromHomes = 0;
    if (!this.#commits.isIdle) return;
    this.#groups.trim();
    this.mailboxes.table.evict(this.#nowMs);
  }

  /** About once a second, between two turns; `commit` is due afterwards. */
  sweep(): void {
    this.#fairShare.trim();
    if (this.#commits.isFailing || this.#trouble.isStanding) return;
    if (this.#hasKeptSoMany) this.#fromHomesAtOnce *= 2;
    this.#hasKeptSoMany = false;
    this.#makeUp();
    if (this.#commits.isFailing || this.#trouble.isStanding) return;
    // Without this a home without traffic would never find out that its store works again.
    this.#recovery.askAgain();
    this.#clock.keep();
    this.mailboxes.age(this.#nowMs);
    if (this.#commits.isIdle) this.#retention.sweep(this.#retentionMs, this.#nowMs);
  }

  /** Does what is owed, in small turns of their own: deleting takes room on the disk too, and there may be little. */
  #makeUp(): void {
    for (let turn = 0; turn < OWED_TURNS && this.#trouble.isOwing; turn += 1) {
      this.#isMakingUp = true;
      this.#payBack(this.#owedATurn);
      this.commit();
      this.#isMakingUp = false;
      if (!this.#commits.isIdle || this.#trouble.isStanding) return;
    }
    this.#owedATurn = Math.min(OWED_ITEMS, 2 * this.#owedATurn);
  }

  /** Nothing was kept since the last failure: deleting comes first, or everything else takes the room that it needs. */
  get #mustMakeUpFirst(): boolean {
    return this.#owedAtOnce === 0 && this.#commits.isIdle && !this.#trouble.isStanding && !this.#hasBegun;
  }

  /** A message of another home comes: where the turn has as many as it may, it ends here and the next begins. */
  #keepTurnSmall(): void {
    if (this.#fromHomes >= this.#fromHomesAtOnce) {
      this.#hasKeptSoMany = true;
      this.commit();
    }
    this.#fromHomes += 1;
  }

  /** Hot path. Whether an ACK has to wait behind owed ones: those of its user, or all of them until the store has proved itself. */
  #isBehindOwed({ user }: Acknowledgement): boolean {
    if (!this.#trouble.isOwing) return false;
    return this.#owedAtOnce < TRUSTED_FROM || this.#trouble.owes(user);
  }

  /** Does so much of what is owed. */
  #payBack(items: number): void {
    const owed: Acknowledgement[] = [];
    let left = items;
    for (let next = this.#trouble.takeOwed(); next; next = left > 0 ? this.#trouble.takeOwed() : undefined) {
      const { done, isAll } = this.#messages.acknowledgeOwed(next, left, this.#nowMs);
      if (!isAll) owed.push(next);
      // Looking costs something even where there is nothing to delete.
      left -= Math.max(1, done);
    }
    for (const rest of owed) this.#trouble.owe(rest);
  }

  /** Resolves once every commit is known to be kept or to have failed. */
  settled(): Promise<void> {
    return this.#commits.idle();
  }

  /**
   * Writes down who is connected and how far each has come, for the next owner of this home, and delivers nothing afterwards,
   * or the notes would be wrong. They are committed with everything before them. @param epoch of this owner
   */
  part(epoch: number): void {
    for (const kept of this.mailboxes.connections()) this.#store.stage(...noteOf(kept, epoch));
    this.mailboxes.disconnectAll();
  }

  /** Something has happened since the last commit. */
  get #hasBegun(): boolean {
    return this.#store.staged > 0 || !this.#log.isEmpty;
  }

  /** False while something is owed after a failed commit. */
  get hasKeptAll(): boolean {
    return !this.#commits.isFailing && !this.#trouble.isStanding && !this.#trouble.isOwing;
  }

  /**
   * Reads and deletes the notes that the owner before this one left, grouped by worker. Notes of earlier owners are out
   * of date. @param epoch of this owner
   */
  takeNotes(epoch: number): Map<number, KeptConnection[]> {
    this.mailboxes.countBehindOthers();
    const notes = new Map<number, KeptConnection[]>();
    for (const { key, value } of this.#store.range(NOTES)) {
      this.#store.stage(key);
      const kept = readNote(key, value, epoch - 1);
      if (!kept) continue;
      this.mailboxes.countOn(kept);
      const ofWorker = notes.get(kept.worker);
      if (ofWorker) ofWorker.push(kept);
      else notes.set(kept.worker, [kept]);
    }
    return notes;
  }

  /** Goes on delivering to connections of such notes. */
  takeOver(connections: readonly KeptConnection[]): void {
    for (const kept of connections) this.mailboxes.takeOver(kept, this.#nowMs);
  }

  /** A process died. Its connections are gone, and so is what was on its way to the home that it kept. */
  lost(worker: number): void {
    this.mailboxes.detachAll(worker, this.#nowMs);
    this.homeLost(worker);
  }

  /** Another home is kept by nobody at present. */
  homeLost(home: number): void {
    this.#trouble.forget(home);
    this.fanOut.lost(home);
  }

  /** Sends again what another home has not answered. One of the two was started again, and may not have it. */
  resend(home: number): void {
    this.#recovery.resend(home);
  }

  /** Hot path. */
  #take(message: HomeMessage): void {
    const staged = this.#store.staged;
    switch (message.kind) {
      case 'submit':
        this.#messages.submit(message, this.#nowMs);
        break;
      case 'acknowledge':
        this.#messages.acknowledge(message, this.#nowMs);
        break;
      case 'receipt':
        this.#messages.takeReceipt(message, this.#nowMs);
        break;
      case 'receipt-kept':
        this.#receipts.kept(message);
        break;
      case 'attach':
        this.mailboxes.attach(message.user, message.worker, message.connection, message.sent, this.#nowMs);
        break;
      case 'detach':
        this.mailboxes.detach(message.user, message.worker, message.connection, this.#nowMs);
        break;
      case 'group':
        this.#messages.setGroup(message, this.#nowMs);
        break;
      case 'submit-to-group':
        this.#messages.submitToGroup(message, this.#nowMs);
        break;
      case 'copies':
        this.#messages.takeCopies(message, this.#nowMs);
        break;
      case 'copies-kept':
        this.fanOut.kept(message.group, message.number, message.home);
        break;
      case 'resend':
        this.resend(message.home);
        break;
      case 'resending':
        this.#trouble.begunAgain(message.home);
        break;
    }
    if (!this.#isAdding && this.#store.staged > staged) this.#isAdding = !MAKING_ROOM.has(message.kind);
  }

  /** What becomes of a message while nothing may be staged: attaching and detaching stage nothing. */
  #putOff(message: HomeMessage): void {
    if (message.kind === 'attach' || message.kind === 'detach' || message.kind === 'resend')
      this.#take(message);
    else this.#recovery.putOff(message, !this.#commits.isFailing);
  }

  /** Hot path. The store has kept a turn: its answers are sent, and its items delivered. */
  #promised({ answers, counts, changes }: Turn): void {
    addCounts(this.#counters, counts);
    for (let at = 0; at < answers.length; at += 2) {
      const to = answers[at];
      if (to instanceof Mailbox) this.mailboxes.promised(to, answers[at + 1] as MailboxItem, this.#nowMs);
      else if ((to as number) >= 0) this.#bus.send(to as number, answers[at + 1] as HomeMessage);
      else (answers[at + 1] as Consequence).promised();
    }
    // A turn without changes went by the store: it does not prove that the store works.
    if (changes === 0) return;
    this.#trouble.end();
    // Turns that only delete are small: that they are kept does not prove that larger ones are.
    if (!this.#isMakingUp)
      this.#owedAtOnce = Math.min(MOST_OWED_AT_ONCE, Math.max(OWED_ITEMS, 2 * this.#owedAtOnce));
    this.#recovery.askAgain();
  }
}
