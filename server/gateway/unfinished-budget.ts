import { ReasonCode } from '../../protocol/frame.js';
import type { Limits } from '../config.js';

interface Keeping {
  /** Whether it is read no further, for the time being. */
  holdBack(isHeldBack: boolean): void;
  expel(code: ReasonCode, reason: string): void;
  destroy(): void;
}

/** From this share on nothing is read that would be kept; the rest is for what was read by then. */
const HOLD_BACK_SHARE = 1 / 2;

/** Whoever keeps less than this is read on: the beginning of a small frame, whose end comes with the next read. */
const SMALL_BYTES = 4096;

/** Room is made this often, for an eighth of the whole: what is closed is garbage, and takes its time as well. */
const MAKE_ROOM_MS = 200;
const ROOM_SHARE = 1 / 8;

/** What a WebSocket has gathered goes with the connection: whoever is closed has only this long to be told. */
const LEAVE_MS = 100;

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
      return;
    }
    this.#kept.set(session, bytes);
    if (this.#bytes <= this.#limitBytes * HOLD_BACK_SHARE) return;
    if (bytes > SMALL_BYTES) {
      this.#heldBack.add(session);
      session.holdBack(true);
    }
    this.#timer ??= setTimeout(this.#makeRoom, MAKE_ROOM_MS).unref();
    this.#closeLongest(this.#limitBytes);
  }

  readonly #makeRoom = (): void => {
    this.#timer = undefined;
    this.#closeLongest(this.#limitBytes * (HOLD_BACK_SHARE - ROOM_SHARE));
    const heldBack = [...this.#heldBack];
    this.#heldBack.clear();
    for (const session of heldBack) session.holdBack(false);
  };

  /** Until no more than `mostBytes` are kept. */
  #closeLongest(mostBytes: number): void {
    for (const longest of this.#kept.keys()) {
      if (this.#bytes <= mostBytes) return;
      this.keeps(longest, 0);
      longest.expel(ReasonCode.Overloaded, 'the server keeps too many unfinished frames');
      setTimeout(() => longest.destroy(), LEAVE_MS).unref();
    }
  }
}
