import type { Socket } from 'node:net';

/**
 * How many connections beyond the limit are told at one time that there is no room. They take descriptors of the reserve; when that is
 * used up, others are closed without a word.
 */
const TOLD_AT_ONCE = 100;

/** Whoever was turned away has this long to be told, a TLS handshake included, and to leave. */
const TURNED_AWAY_MS = 2000;

/** A worker that was full has room again below this share of its limit. */
const ROOM_SHARE = 0.98;

export interface DoorkeeperOptions {
  limit: number;
  /** The limit is reached. */
  full(): void;
  /** There is room; called at each close. */
  room(): void;
}

/**
 * Counts every connection of one worker by its descriptor: from the accept, through the handshakes of TLS and WebSocket, to
 * its last close.
 */
export class Doorkeeper {
  readonly #options: DoorkeeperOptions;
  #open = 0;
  #turnedAway = 0;
  readonly #unadmitted = new WeakSet<object>();
  /** A connection that was admitted is gone. */
  readonly left = (): void => {
    this.#open -= 1;
    if (this.#open < this.#options.limit * ROOM_SHARE) this.#options.room();
  };

  constructor(options: DoorkeeperOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#open >= this.#options.limit;
  }

  /**
   * Takes a connection in that was just accepted. False: it is to be told that there is no room, and to go.
   * @param isListenedTo whoever listens to its end anyway will call `left`: a second listener would cost a list of them
   */
  admits(socket: Socket, isListenedTo = false): boolean {
    if (!this.isFull) {
      this.#open += 1;
      // 'close' comes only once. `once` would make a function for each connection.
      if (!isListenedTo) socket.on('close', this.left);
      if (this.#open === this.#options.limit) this.#options.full();
      return true;
    }
    this.#turnAway(socket);
    return false;
  }

  /** True for a connection that `admits` had no room for. */
  isTurnedAway(socket: object): boolean {
    return this.#unadmitted.has(socket);
  }

  #turnAway(socket: Socket): void {
    socket.on('error', () => undefined);
    if (this.#turnedAway >= TOLD_AT_ONCE) {
      socket.destroy();
      return;
    }
    this.#turnedAway += 1;
    this.#unadmitted.add(socket);
    const timer = setTimeout(() => socket.destroy(), TURNED_AWAY_MS).unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#turnedAway -= 1;
    });
  }
}
