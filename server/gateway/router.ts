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
import type { Home } from '../home/home.js';
import type { QueueGauge } from '../queues/queue-gauge.js';
import type { InboundBudget } from './inbound-budget.js';
import { RequestsInHand } from './requests-in-hand.js';
import type { Session } from './session.js';
import type { SessionTable } from './session-table.js';
import type { Turn } from './turn.js';

export interface RouterParts {
  bus: Bus;
  home: Pick<Home, 'receive' | 'lost'>;
  sessions: SessionTable;
  budget: InboundBudget;
  /** Requests that the homes have not answered. */
  sendsUnderWay: QueueGauge;
  turn: Turn;
}

/** Which process a message goes to, and which connection what comes back is for. */
export class Router implements BusReceiver {
  readonly #bus: Bus;
  readonly #home: RouterParts['home'];
  readonly #sessions: SessionTable;
  readonly #budget: InboundBudget;
  readonly #sendsUnderWay: QueueGauge;
  readonly #turn: Turn;
  readonly #inHand = new RequestsInHand();

  constructor({ bus, home, sessions, budget, sendsUnderWay, turn }: RouterParts) {
    this.#bus = bus;
    this.#home = home;
    this.#sessions = sessions;
    this.#budget = budget;
    this.#sendsUnderWay = sendsUnderWay;
    this.#turn = turn;
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

  /** Hot path. Tells the home of a user what has no answer. */
  tell(user: number, message: HomeMessage): void {
    this.#bus.send(homeWorker(user, this.#bus.homes), message);
  }

  /** What is still answered finds no session. */
  closed(session: Session): void {
    if (session.unanswered > 0) this.#inHand.closed(session);
    this.#sendsUnderWay.remove(session.unanswered);
    this.#budget.closed(session);
  }

  /** Hot path. A message for the home here, or for one of our connections. */
  receive(message: BusMessage, from: number): void {
    this.#turn.ingress.add();
    this.#turn.schedule();
    switch (message.kind) {
      case 'deliver':
      case 'accepted':
      case 'refused':
      case 'attached':
      case 'replaced': {
        const session = this.#sessions.get(message.connection);
        if (session) this.#tellSession(session, message, from);
        break;
      }
      default:
        this.#home.receive(message);
    }
  }

  gathered(): void {
    this.#turn.schedule();
  }

  drained(): void {
    this.#turn.schedule();
  }

  /**
   * A process died. Closed are those whose mailbox it kept, and those who asked it for something: nobody knows what became
   * of that, and they ask again.
   */
  lost(process: number): void {
    this.#home.lost(process);
    for (const session of this.#inHand.waitingFor(process)) {
      session.fail(ReasonCode.InternalError, 'the keeper of the mailbox was lost');
    }
    for (const session of this.#sessions.values()) {
      if (session.hasUser && homeWorker(session.user, this.#bus.homes) === process)
        session.fail(ReasonCode.InternalError, 'the keeper of the mailbox was lost');
    }
    this.#turn.schedule();
  }

  /** Hot path. */
  #tellSession(session: Session, message: ConnectionMessage, from: number): void {
    switch (message.kind) {
      case 'deliver':
        session.deliver(message.sequence, message.frame);
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
