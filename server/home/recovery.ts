import type { ReasonCode } from '../../protocol/frame.js';
import {
  type Bus,
  type BusMessage,
  type ConnectionMessage,
  type HomeMessage,
  type HomeRequest,
  homeWorker,
} from '../bus/bus.js';
import { type Counters, countRefusal } from '../queues/counters.js';
import type { HomeStore, StoreFailure } from '../store/home-store.js';
import type { Deduplication } from './deduplication.js';
import type { FanOut } from './fan-out.js';
import type { Groups } from './groups.js';
import { Mailbox } from './mailbox.js';
import type { Mailboxes } from './mailboxes.js';
import type { Messages } from './messages.js';
import type { OutgoingReceipts } from './outgoing-receipts.js';
import type { Trouble } from './trouble.js';
import type { Consequence, Turn } from './turn-log.js';

/** The parts of a home that a failed commit touches. */
export interface RecoveryParts {
  store: HomeStore;
  bus: Bus;
  counters: Counters;
  trouble: Trouble;
  mailboxes: Mailboxes;
  deduplication: Deduplication;
  groups: Groups;
  messages: Messages;
  receipts: OutgoingReceipts;
  fanOut: FanOut;
}

/**
 * What a home does when its store did not keep a turn. Memory goes back to what the store has, requests of that turn are refused, and
 * what clients acknowledged or other homes sent meanwhile is made up for later, in its order.
 */
export class Recovery {
  readonly #parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /**
   * What becomes of a message while nothing may be staged.
   * @param isKnown whether memory agrees with the store, because no commit is under way
   */
  putOff(message: HomeMessage, isKnown: boolean): void {
    const { bus, trouble, messages, mailboxes } = this.#parts;
    switch (message.kind) {
      case 'submit':
      case 'submit-to-group':
      case 'group':
        if (isKnown && messages.isRepeated(message)) messages.repeat(message);
        else messages.refuse(message, trouble.refusal);
        break;
      case 'acknowledge':
        if (mailboxes.current(message)) trouble.owe(message);
        break;
      case 'receipt':
      case 'copies':
        trouble.miss(this.#originOf(message) as number);
        break;
      case 'resending':
        // What it sends again cannot be kept either: it is asked once more, later.
        trouble.miss(message.home);
        break;
      case 'receipt-kept':
        trouble.missAnswer(homeWorker(message.to, bus.homes));
        break;
      case 'copies-kept':
        trouble.missAnswer(message.home);
        break;
    }
  }

  /** Whether something earlier of the same home is missing. This message will come again, behind it. */
  isBehindMissed(message: HomeMessage): boolean {
    const home = this.#originOf(message);
    return home !== undefined && this.#parts.trouble.hasMissed(home);
  }

  /** Asks homes for what could not be kept, and sends again what their lost answers were about. */
  askAgain(): void {
    const { bus, trouble } = this.#parts;
    const missed = trouble.takeMissed();
    if (!missed) return;
    for (const home of missed.ask) bus.send(home, { kind: 'resend', home: bus.self });
    for (const home of missed.resend) this.resend(home);
  }

  /** Sends again what a home may not have taken over. */
  resend(home: number): void {
    const { bus, trouble, receipts, fanOut } = this.#parts;
    if (home === bus.self) trouble.begunAgain(home);
    else bus.send(home, { kind: 'resending', home: bus.self });
    receipts.resend(home);
    fanOut.resend(home);
  }

  /** @param turns those that were not kept, in order; the last is the one that had just begun */
  failed(turns: Turn[], failure: StoreFailure, nowMs: number): void {
    const { store, trouble, mailboxes, deduplication, groups } = this.#parts;
    trouble.begin(failure);
    store.discard();
    deduplication.drop();
    groups.drop();
    const touched = new Set<Mailbox>();
    for (const turn of turns) this.#takeBack(turn, touched);
    for (const mailbox of touched) deduplication.letGo(mailbox, nowMs);
    mailboxes.restore(touched);
    for (const { request } of turns.flatMap(({ repeats }) => repeats)) this.#answerAgain(request);
  }

  /** Answers a repeated request by what the store has now: accepted in a turn that was kept, it stays accepted. */
  #answerAgain(request: HomeRequest): void {
    const { bus, trouble, messages } = this.#parts;
    const { worker, connection, id } = request;
    if (messages.isRepeated(request)) bus.send(worker, { kind: 'accepted', connection, id });
    else this.#refuse(worker, connection, id, trouble.refusal);
  }

  #refuse(worker: number, connection: number, id: number, code: ReasonCode): void {
    countRefusal(this.#parts.counters, code);
    this.#parts.bus.send(worker, { kind: 'refused', connection, id, code });
  }

  #takeBack(
    { answers, acknowledgements, touched: others, repeats, heard }: Turn,
    touched: Set<Mailbox>,
  ): void {
    for (const mailbox of others) touched.add(mailbox);
    const ofRepeats = new Set<BusMessage>(repeats.map(({ answer }) => answer));
    for (let at = 0; at < answers.length; at += 2) {
      const to = answers[at];
      if (to instanceof Mailbox) touched.add(to);
      else if ((to as number) < 0) (answers[at + 1] as Consequence).dropped();
      else this.#unsay(to as number, answers[at + 1] as HomeMessage | AnswerToRequest, ofRepeats);
    }
    const { trouble, mailboxes } = this.#parts;
    for (const home of heard) trouble.missAnswer(home);
    for (const acknowledgement of acknowledgements) {
      trouble.owe(acknowledgement);
      const mailbox = mailboxes.table.find(acknowledgement.user);
      if (mailbox) touched.add(mailbox);
    }
  }

  #unsay(worker: number, message: HomeMessage | AnswerToRequest, ofRepeats: ReadonlySet<BusMessage>): void {
    const { bus, trouble } = this.#parts;
    switch (message.kind) {
      case 'accepted':
        // Repetitions are answered by #answerAgain, once memory is as the store again.
        if (!ofRepeats.has(message)) this.#refuse(worker, message.connection, message.id, trouble.refusal);
        break;
      case 'refused':
        bus.send(worker, message);
        break;
      case 'receipt-kept':
      case 'copies-kept':
        // It is not kept, so the home that sent it is not told that it was, and sends it again.
        trouble.miss(worker);
        break;
      default:
        // What was for other homes is no longer known here, as if it had never been.
        break;
    }
  }

  /** The home that sent this, and will send it again if asked. */
  #originOf(message: HomeMessage): number | undefined {
    const { homes } = this.#parts.bus;
    switch (message.kind) {
      case 'receipt':
        return homeWorker(message.by, homes);
      case 'copies':
        return homeWorker(message.group, homes);
      default:
        return undefined;
    }
  }
}

type AnswerToRequest = Extract<ConnectionMessage, { kind: 'accepted' | 'refused' }>;
