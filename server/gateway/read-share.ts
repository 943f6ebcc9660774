import type { Session } from './session.js';

/** What one connection may have read in one turn of the event loop; the same as one read takes. */
export const TURN_BYTES = 16 * 1024;

/**
 * Node reads a busy socket up to 32 times before it looks at the next one, so that one client who sends without pause would
 * have megabytes handled while all others wait. Each connection has its share of a turn, and goes on in the next one.
 */
export class ReadShare {
  #reader: Session | undefined;
  #bytes = 0;
  #waiting: Session[] = [];

  /** Hot path. @returns whether that was its share: it is to be paused, and will be told to read on */
  take(session: Session, bytes: number): boolean {
    if (this.#reader !== session) {
      this.#reader = session;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    if (this.#bytes < TURN_BYTES) return false;
    this.#waiting.push(session);
    this.#bytes = 0;
    return true;
  }

  turnEnded(): void {
    this.#reader = undefined;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const session of waiting) session.nextTurn();
  }
}
