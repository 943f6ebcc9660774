import type { ProcessBus } from '../bus/bus.js';
import type { Limits } from '../config.js';
import type { Session } from './session.js';

/** One connection may have this share of what is free; those who send most stop first, and room is left for the others. */
const SHARE = 1 / 256;

/** Reading goes on below this part of a share: else it would stop and go on at every message. */
const RESUME = 1 / 2;

/** What a request takes beside its payload, and all that an acknowledgement does, in bytes. */
const MESSAGE_BYTES = 64;

/**
 * Bytes that one worker has read and is not done with: requests until they are answered, and what other processes have not
 * taken from the bus. A connection with more than its share of what is free is not read until that is answered, so a flood
 * waits in the kernel of whoever makes it.
 */
export class InboundBudget {
  readonly #bus: Pick<ProcessBus, 'waitingBytes'>;
  readonly #limitBytes: number;
  #unansweredBytes = 0;
  #freeBytes: number;
  /** What has no answer, by connection, while other processes fall behind. */
  readonly #charged = new Map<Session, number>();
  readonly #held = new Set<Session>();

  constructor(bus: Pick<ProcessBus, 'waitingBytes'>, { inboundBytes }: Pick<Limits, 'inboundBytes'>) {
    this.#bus = bus;
    this.#limitBytes = inboundBytes;
    this.#freeBytes = inboundBytes;
  }

  /** Hot path. Nothing more can be taken on, whoever asks. */
  get isSpent(): boolean {
    return this.#freeBytes <= 0;
  }

  /** Hot path. A request was taken on; its answer is to come. */
  asked(session: Session, payloadBytes: number): void {
    const bytes = payloadBytes + MESSAGE_BYTES;
    session.unanswered += 1;
    session.unansweredBytes += bytes;
    this.#unansweredBytes += bytes;
    this.#freeBytes -= bytes;
    if (session.unansweredBytes > this.#freeBytes * SHARE) this.#hold(session);
  }

  /** Hot path. One of its requests was answered, as if they were all of the same size: together they are counted exactly. */
  answered(session: Session): void {
    const { unanswered, unansweredBytes } = session;
    const bytes = unanswered === 1 ? unansweredBytes : Math.floor(unansweredBytes / unanswered);
    session.unanswered -= 1;
    this.#forget(session, bytes);
  }

  /** Hot path. Something came that is not answered: it counts where it waits for another process. */
  told(session: Session): void {
    if (this.#charged.size === 0 && this.#bus.waitingBytes * RESUME < this.#limitBytes * SHARE) return;
    const bytes = (this.#charged.get(session) ?? 0) + MESSAGE_BYTES;
    this.#charged.set(session, bytes);
    this.#freeBytes -= MESSAGE_BYTES;
    if (bytes > this.#freeBytes * SHARE) this.#hold(session);
  }

  closed(session: Session): void {
    session.unanswered = 0;
    this.#forget(session, session.unansweredBytes);
    this.#charged.delete(session);
    this.#held.delete(session);
  }

  /** Looks who may be read again; once a turn, when its answers and the bus are on their way. */
  turnEnded(): void {
    const waitingBytes = this.#bus.waitingBytes;
    if (waitingBytes === 0) this.#charged.clear();
    this.#freeBytes = this.#limitBytes - this.#unansweredBytes - waitingBytes;
    if (this.#held.size === 0) return;
    const mostBytes = this.#freeBytes * SHARE * RESUME;
    for (const session of this.#held) {
      if (session.unansweredBytes + (this.#charged.get(session) ?? 0) > mostBytes) continue;
      this.#held.delete(session);
      session.readOn();
    }
  }

  #hold(session: Session): void {
    if (this.#held.has(session)) return;
    this.#held.add(session);
    session.stopReading();
  }

  #forget(session: Session, bytes: number): void {
    session.unansweredBytes -= bytes;
    this.#unansweredBytes -= bytes;
    this.#freeBytes += bytes;
  }
}
