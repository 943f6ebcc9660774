/** Who is told that the next turn has begun. */
interface Waiting {
  nextTurn(): void;
}

/** What one connection may have read in one turn of the event loop; the same as one read takes. */
export const TURN_BYTES = 16 * 1024;

/** Frames of all connections together that want more than their share, in one turn. */
const TURN_FRAMES = 2048;
const LEAST_FRAMES = 4;

/**
 * Node reads a busy socket up to 32 times before it looks at the next one, so that one client who sends without pause would
 * have megabytes handled while all others wait, and a hundred of them as much each. Those who want more than their share of
 * a turn have one share together, and go on in the next turn.
 */
export class ReadShare {
  #reader: object | undefined;
  #bytes = 0;
  #handled = 0;
  #frames = TURN_FRAMES;
  #waiting: Waiting[] = [];

  /** Hot path. Frames that a connection may still have handled in this turn. */
  framesOf(session: object): number {
    this.#turnTo(session);
    return Math.max(0, this.#frames - this.#handled);
  }

  /** Hot path. So many frames of the one that was asked for last were handled. */
  handled(frames: number): void {
    this.#handled += frames;
  }

  /** Hot path. @returns whether that was its share: it is to be paused, and to wait */
  read(session: object, bytes: number): boolean {
    this.#turnTo(session);
    this.#bytes += bytes;
    return this.#bytes >= TURN_BYTES;
  }

  #turnTo(session: object): void {
    if (this.#reader === session) return;
    this.#reader = session;
    this.#bytes = 0;
    this.#handled = 0;
  }

  /** The session had its share, and will be told of the next turn. */
  wait(session: Waiting): void {
    this.#waiting.push(session);
  }

  turnEnded(): void {
    this.#reader = undefined;
    const waiting = this.#waiting;
    this.#frames = Math.max(LEAST_FRAMES, Math.floor(TURN_FRAMES / Math.max(1, waiting.length)));
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const session of waiting) session.nextTurn();
  }
}
