import { FrameType, type GroupDeliverFrame, ReasonCode } from '../../protocol/frame.js';
import {
  type Bus,
  type Copies,
  type HomeMessage,
  type HomeRequest,
  homeWorker,
  type Receipt,
} from '../bus/bus.js';
import type { Limits } from '../config.js';
import { type Counters, countRefusal } from '../queues/counters.js';
import type { Store } from '../store/store.js';
import type { DeduplicationWindow } from './deduplication-window.js';
import { FanOut } from './fan-out.js';
import { Groups } from './groups.js';
import { Mailboxes, type MailboxLimits } from './mailboxes.js';
import { OutgoingReceipts, receiptFrame } from './outgoing-receipts.js';

type HomeLimits = MailboxLimits & Pick<Limits, 'groupMembers' | 'sendsUnderWay'>;

type Message<Kind extends HomeMessage['kind']> = Extract<HomeMessage, { kind: Kind }>;

/**
 * A home: the mailboxes and the groups of its share of the users. It takes bus messages and answers with bus messages;
 * it never sees a socket.
 */
export class Home {
  readonly mailboxes: Mailboxes;
  readonly fanOut: FanOut;
  readonly #receipts: OutgoingReceipts;
  readonly #groups: Groups;
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #counters: Counters;
  readonly #limits: HomeLimits;
  /** What is to be said about changes of this turn, once the store has promised them. */
  #uncommitted: (() => void)[] = [];

  constructor(store: Store, bus: Bus, counters: Counters, limits: HomeLimits) {
    this.#limits = limits;
    const afterCommit = (say: () => void): void => this.#afterCommit(say);
    this.#store = store;
    this.#bus = bus;
    this.#counters = counters;
    this.mailboxes = new Mailboxes(store, bus, counters, limits, afterCommit);
    this.fanOut = new FanOut(store, bus, afterCommit);
    this.#receipts = new OutgoingReceipts(store, bus, afterCommit);
    this.#groups = new Groups(store, limits.groupMembers);
  }

  /** Hot path: one call a SEND, an ACK and a receipt. */
  receive(message: HomeMessage): void {
    switch (message.kind) {
      case 'submit':
        this.#submit(message);
        break;
      case 'acknowledge':
        this.#acknowledge(message);
        break;
      case 'receipt':
        this.#takeReceipt(message);
        break;
      case 'receipt-kept':
        this.#receipts.kept(message);
        break;
      case 'attach':
        this.mailboxes.attach(message.user, message.worker, message.connection);
        break;
      case 'detach':
        this.mailboxes.detach(message.user, message.worker, message.connection);
        break;
      case 'group':
        this.#setGroup(message);
        break;
      case 'submit-to-group':
        this.#submitToGroup(message);
        break;
      case 'copies':
        this.#takeCopies(message);
        break;
      case 'copies-kept':
        this.fanOut.kept(message.group, message.number, message.home);
        break;
    }
  }

  /** Commits what was staged since the last call and then answers for it; once an event-loop turn. */
  commit(): void {
    const promised = this.#store.commit();
    this.#groups.trim();
    const answers = this.#uncommitted;
    if (answers.length === 0) return;
    this.#uncommitted = [];
    const answerAll = () => {
      for (const answer of answers) answer();
    };
    if (promised) promised.then(answerAll);
    else answerAll();
  }

  /** A worker died: its connections are gone, and what was on its way to its mailboxes. */
  lost(worker: number): void {
    this.mailboxes.detachAll(worker);
    this.fanOut.lost(worker);
  }

  /** Sends again what a home may not have taken over: that one was started again, or this one was. */
  resend(home: number): void {
    this.#receipts.resend(home);
    this.fanOut.resend(home);
  }

  #submit(message: Message<'submit'>): void {
    const { from, to, id, payload } = message;
    const repeats = this.#store.repeats(to, from, 'user');
    if (this.#wasAnswered(message, repeats)) return;
    if (this.mailboxes.isFull(to)) {
      this.#refuse(message, ReasonCode.MailboxFull);
      return;
    }
    repeats.remember(id);
    this.#accept(message);
    this.mailboxes.append(to, { type: FrameType.Deliver, sequence: 0, flags: 0, from, id, payload });
  }

  #setGroup(message: Message<'group'>): void {
    const refusal = this.#store.isFull
      ? ReasonCode.StoreFull
      : this.#groups.set(message.group, message.user, message.members);
    if (refusal === undefined) this.#sayAccepted(message);
    else this.#refuse(message, refusal);
  }

  #submitToGroup(message: Message<'submit-to-group'>): void {
    const { from, id } = message;
    const group = this.#groups.find(message.group);
    if (!group?.members.includes(from)) {
      // Whoever has left since may ask once more what became of a message.
      if (group?.repeats.get(from)?.look(id) === 'repeated') this.#repeated(message);
      else this.#refuse(message, ReasonCode.NotMember);
      return;
    }
    if (this.#wasAnswered(message, this.#groups.repeats(group, from))) return;
    // It is answered before other homes have their copies: those are bounded here.
    if (this.fanOut.underWay.length >= this.#limits.sendsUnderWay) {
      this.#refuse(message, ReasonCode.Shedding);
      return;
    }
    const number = this.#groups.take(group, from, id);
    this.#accept(message);
    const frame = deliverFrame({ group: group.id, number, from, id, payload: message.payload });
    const elsewhere: number[] = [];
    for (const member of group.members) {
      if (member === from) continue;
      if (homeWorker(member, this.#bus.homes) === this.#bus.self) this.#takeCopy(member, frame);
      else elsewhere.push(member);
    }
    if (elsewhere.length > 0) this.fanOut.send({ ...frame, members: elsewhere });
  }

  #takeCopies(copies: Message<'copies'>): void {
    const { group, number, members } = copies;
    const frame = deliverFrame(copies);
    for (const member of members) this.#takeCopy(member, frame);
    const origin = homeWorker(group, this.#bus.homes);
    this.#afterCommit(() =>
      this.#bus.send(origin, { kind: 'copies-kept', group, number, home: this.#bus.self }),
    );
  }

  /** Hot path. A copy that came before is passed over: it was sent again because nobody knew. */
  #takeCopy(member: number, frame: GroupDeliverFrame): void {
    const { group, number, from, id } = frame;
    // Without durability nothing is sent again, and a group that was made anew counts from 1.
    if (this.#store.isDurable) {
      const repeats = this.#store.repeats(member, group, 'group');
      const look = repeats.look(number);
      if (look === 'repeated' || look === 'too-old') return;
      repeats.remember(number);
    }
    this.#counters.copies += 1;
    if (!this.mailboxes.isFull(member) && !this.#store.isFull) {
      this.mailboxes.append(member, frame);
      return;
    }
    this.#counters.undelivered += 1;
    this.#store.keepRepeats(member, group, 'group');
    this.#sendReceipt({ to: from, by: member, id, group, isUndelivered: true });
  }

  #takeReceipt(receipt: Receipt): void {
    const origin = homeWorker(receipt.by, this.#bus.homes);
    this.#counters.receipts += 1;
    if (this.#store.isDurable && origin !== this.#bus.self) {
      const { to, by, id, group, isUndelivered } = receipt;
      this.#afterCommit(() =>
        this.#bus.send(origin, { kind: 'receipt-kept', to, by, id, group, isUndelivered }),
      );
    }
    this.mailboxes.append(receipt.to, receiptFrame(receipt));
  }

  #acknowledge({ user, worker, connection, sequence }: Message<'acknowledge'>): void {
    for (const item of this.mailboxes.acknowledge(user, worker, connection, sequence)) {
      if (item.isReceipt) continue;
      this.#counters.acknowledged += 1;
      const { from, id, group } = item;
      this.#sendReceipt({ to: from, by: user, id, group, isUndelivered: false });
    }
  }

  /** In one transaction with the end of the message: here at once, elsewhere by way of a note that outlives a crash. */
  #sendReceipt(receipt: Receipt): void {
    const home = homeWorker(receipt.to, this.#bus.homes);
    if (home === this.#bus.self) this.#takeReceipt(receipt);
    else this.#receipts.send(home, receipt);
  }

  /** Answers a message that came before, or for which there is no room in the store. */
  #wasAnswered(request: HomeRequest, repeats: DeduplicationWindow): boolean {
    switch (repeats.look(request.id)) {
      case 'repeated':
        this.#repeated(request);
        return true;
      case 'skipped':
        // Accepted now, it would come behind those that were sent after it.
        this.#refuse(request, ReasonCode.IdSkipped);
        return true;
      case 'too-old':
        this.#refuse(request, ReasonCode.DuplicateUnknown);
        return true;
      case 'new':
        if (!this.#store.isFull) return false;
        this.#refuse(request, ReasonCode.StoreFull);
        return true;
    }
  }

  #repeated(request: HomeRequest): void {
    this.#counters.repeated += 1;
    this.#sayAccepted(request);
  }

  #accept(request: HomeRequest): void {
    this.#counters.accepted += 1;
    this.#sayAccepted(request);
  }

  #sayAccepted({ worker, connection, id }: HomeRequest): void {
    this.#afterCommit(() => this.#bus.send(worker, { kind: 'accepted', connection, id }));
  }

  #refuse({ worker, connection, id }: HomeRequest, code: ReasonCode): void {
    countRefusal(this.#counters, code);
    // In the order of the requests, so behind the answers that wait for the commit.
    this.#afterCommit(() => this.#bus.send(worker, { kind: 'refused', connection, id, code }));
  }

  #afterCommit(answer: () => void): void {
    this.#uncommitted.push(answer);
  }
}

function deliverFrame({ group, number, from, id, payload }: Omit<Copies, 'members'>): GroupDeliverFrame {
  return { type: FrameType.GroupDeliver, sequence: 0, flags: 0, group, number, from, id, payload };
}
