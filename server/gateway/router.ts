import { ReasonCode } from '../../protocol/frame.js';
import {
  type Bus,
  type BusMessage,
  type BusReceiver,
  type ConnectionMessage,
  type HomeMessage,
  type HomeRequest,
  homeWorker,
} from '../bus/bus.js';
import type { WorkerHomes } from '../home/worker-homes.js';
import type { QueueGauge } from '../queues/queue-gauge.js';
import type { InboundBudget } from './inbound-budget.js';
import { RequestsInHand } from './requests-in-hand.js';
import type { Session } from './session.js';
import type { SessionTable } from './session-table.js';
import type { Turn } from './turn.js';

export interface RouterParts {
  bus: Bus;
  homes: Pick<WorkerHomes, 'receive' | 'lost'>;
  sessions: SessionTable;
  budget: InboundBudget;
  /** Requests that the homes have not answered. */
  sendsUnderWay: QueueGauge;
  turn: Turn;
}

const LOST = 'the keeper of the mailbox was lost';

/** Which process a message goes to, and which connection what comes back is for. */
export class Router implements BusReceiver {
  readonly #bus: Bus;
  readonly #homes: RouterParts['homes'];
  readonly #sessions: SessionTable;
  readonly #budget: InboundBudget;
  readonly #sendsUnderWay: QueueGauge;
  readonly #turn: Turn;
  readonly #inHand = new RequestsInHand();

  constructor({ bus, homes, sessions, budget, sendsUnderWay, turn }: RouterParts) {
    this.#bus = bus;
    this.#homes = homes;
    this.#sessions = sessions;
    this.#budget = budget;
    this.#sendsUnderWay = sendsUnderWay;
    this.#turn = turn;
  }

  /** What this process is called on the bus. */
  get self(): number {
    return this.#bus.self;
  }

  /** Hot path. The home of a user or a group, or undefined while it is away. */
  homeOf(whose: number): number | undefined {
    const home = homeWorker(whose, this.#bus.homes);
    return this.#bus.isConnected(home) ? home : undefined;
  }

  /** Hot path. Asks a home for what it will answer. */
  ask(session: Session, home: number, request: HomeRequest, bytes: number): void {
    this.#budget.asked(session, bytes);
    this.#sendsUnderWay.add();
    if (home !== this.#bus.self) this.#inHand.asked(home, session);
    this.#bus.send(home, request);
  }

  /** Hot path. Tells the home of a user something that it will not answer. */
  tell(user: number, message: HomeMessage): void {
    this.#bus.send(homeWorker(user, this.#bus.homes), message);
  }

  /** A session is over: answers that still come for it find nobody. */
  closed(session: Session): void {
    if (session.unanswered > 0) this.#inHand.closed(session);
    this.#sendsUnderWay.remove(session.unanswered);
    this.#budget.closed(session);
  }

  /** Hot path. A message for the home here, or for one of our connections. */
  receive(message: BusMessage, from: number): void {
    switch (message.kind) {
      case 'deliver':
      case 'accepted':
      case 'refused':
      case 'attached':
      case 'replaced':
        this.toConnection(message, from);
        break;
      default:
        this.toHome(this.self, message);
    }
  }

  /** Hot path. A message for a home that is kept here. */
  toHome(home: number, message: HomeMessage): void {
    this.#came();
    this.#homes.receive(message, home);
  }

  /** Hot path. */
  toConnection(message: ConnectionMessage, from: number): void {
    this.#came();
    const session = this.#sessions.get(message.connection);
    if (session) this.#tellSession(session, message, from);
  }

  gathered(): void {
    this.#turn.schedule();
  }

  drained(): void {
    this.#turn.schedule();
  }

  /** A process died, and the home that it kept. */
  lost(process: number): void {
    this.#homes.lost(process);
    this.homeLost(process, false);
    this.#turn.schedule();
  }

  /**
   * A home is gone. Sessions with a request there are closed, because nobody knows what became of it: their clients
   * log in and ask again.
   * @param comesBack the home will be kept by another process: users whose mailboxes it has stay connected until `homeFound`.
   * Otherwise they are closed too
   */
  homeLost(home: number, comesBack: boolean): void {
    for (const session of this.#inHand.waitingFor(home)) session.fail(ReasonCode.InternalError, LOST);
    for (const session of this.#withMailboxAt(home))
      if (!comesBack || !session.isOpen) session.fail(ReasonCode.InternalError, LOST);
  }

  /** Another process keeps the home now: users who stayed are attached there, with how far each has come. */
  homeFound(home: number): void {
    for (const session of this.#withMailboxAt(home)) {
      // Who has logged in meanwhile is on the way there with what was kept for it.
      if (!session.isOpen) continue;
      session.isComingAnew = true;
      const { user, id: connection, sentSequence: sent, acknowledgedSequence: sequence } = session;
      this.tell(user, { kind: 'attach', user, worker: this.self, connection, sent });
      if (sequence > 0)
        this.tell(user, { kind: 'acknowledge', user, worker: this.self, connection, sequence });
    }
  }

  /** This process can reach no other: its clients are sent away, to find one that can. */
  closeAll(code: ReasonCode, reason: string): void {
    for (const session of this.#sessions.values()) session.fail(code, reason);
  }

  *#withMailboxAt(home: number): Iterable<Session> {
    for (const session of this.#sessions.values())
      if (session.hasUser && homeWorker(session.user, this.#bus.homes) === home) yield session;
  }

  /** Hot path. */
  #came(): void {
    this.#turn.ingress.add();
    this.#turn.schedule();
  }

  /** Hot path. */
  #tellSession(session: Session, message: ConnectionMessage, from: number): void {
    switch (message.kind) {
      case 'deliver':
        // The old owner of the mailbox still speaks. The new one will deliver this again: taken now, it would come twice
        // or out of order.
        if (!session.isComingAnew) session.deliver(message.sequence, message.frame);
        break;
      case 'accepted':
        this.#answered(session, from);
        session.accepted(message.id);
        break;
      case 'refused':
        this.#answered(session, from);
        session.refused(message.id, message.code);
        break;
      case 'attached':
        session.isComingAnew = false;
        session.attached(message.waiting);
        break;
      case 'replaced':
        session.fail(ReasonCode.Replaced, 'the user has logged in on another connection');
        break;
    }
  }

  #answered(session: Session, home: number): void {
    this.#budget.answered(session);
    this.#sendsUnderWay.remove();
    if (home !== this.#bus.self) this.#inHand.answered(home, session);
  }
}
