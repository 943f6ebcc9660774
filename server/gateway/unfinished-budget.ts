import { ReasonCode } from '../../protocol/frame.js';
import type { Limits } from '../config.js';

interface Keeping {
  /** Whether it is read no further, for the time being. */
  holdBack(isHeldBack: boolean): void;
  expel(code: ReasonCode, reason: string): void;
}

/** From this share on nothing is read that would be kept; the rest is for what was read by then. */
const HOLD_BACK_SHARE = 1 / 2;

/** Whoever keeps less than this is read on: the beginning of a small frame, whose end comes with the next read. */
const SMALL_BYTES = 4096;

/** Room is made this often, for a quarter of the whole: what is closed is garbage, and takes its time as well. */
const MAKE_ROOM_MS = 200;
const ROOM_SHARE = 1 / 4;

/** What a read may bring: no more are read on than there is room for. */
const READ_BYTES = 65_536;

/**
 * What connections keep of what came in and cannot be handled yet: frames and WebSocket messages whose end is to come, and
 * all that waits for its turn. Past half of `inboundBytes` those that would keep more are read no further, and the
 * connection that has kept something for the longest time is closed: whoever sends whole frames has done with each in a
 * moment.
 */
export class UnfinishedBudget {
  readonly #limitBytes: number;
  #bytes = 0;
  /** By session, the longest kept first. */
  readonly #kept = new Map<Keeping, number>();
  readonly #heldBack = new Set<Keeping>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ inboundBytes }: Pick<Limits, 'inboundBytes'>) {
    this.#limitBytes = inboundBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The session keeps `bytes` now. */
  keeps(session: Keeping, bytes: number): void {
    this.#bytes += bytes - (this.#kept.get(session) ?? 0);
    if (bytes === 0) {
      this.#kept.delete(session);
      // Also where it was closed: what is held here holds all that its connection has gathered.
      if (this.#heldBack.delete(session)) session.holdBack(false);
      return;
    }
    this.#kept.set(session, bytes);
    if (this.#bytes <= this.#limitBytes * HOLD_BACK_SHARE) return;
    if (bytes > SMALL_BYTES) {
      this.#heldBack.add(session);
      session.holdBack(true);
    }
    this.#schedule();
    this.#closeLongest(this.#limitBytes);
  }

  readonly #makeRoom = (): void => {
    this.#timer = undefined;
    if (this.#bytes > this.#limitBytes * HOLD_BACK_SHARE)
      this.#closeLongest(this.#limitBytes * (HOLD_BACK_SHARE - ROOM_SHARE));
    let roomBytes = this.#limitBytes * HOLD_BACK_SHARE - this.#bytes;
    for (const session of this.#heldBack) {
      if (roomBytes <= 0) break;
      roomBytes -= READ_BYTES;
      this.#heldBack.delete(session);
      session.holdBack(false);
    }
    if (this.#heldBack.size > 0) this.#schedule();
  };

  #schedule(): void {
    this.#timer ??= setTimeout(this.#makeRoom, MAKE_ROOM_MS).unref();
  }

  /** Until no more than `mostBytes` are kept; those that keep little go last. */
  #closeLongest(mostBytes: number): void {
    for (const leastBytes of [SMALL_BYTES, 0]) {
      for (const [longest, bytes] of this.#kept) {
        if (this.#bytes <= mostBytes) return;
        if (bytes <= leastBytes) continue;
        this.keeps(longest, 0);
        longest.expel(ReasonCode.Overloaded, 'the server keeps too many unfinished frames');
      }
    }
  }
}
