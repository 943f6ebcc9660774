import type { ClusterBus } from './cluster-bus.js';
import type { LocalHomes } from './local-homes.js';
import type { Membership } from './membership.js';

/**
 * A peer that has not said by then that it holds back is not waited for. What it still says is lost, which it does not know: so the
 * home goes as from an owner that has died, and all of them ask again.
 */
const HELD_TIMEOUT_MS = 5000;

export interface HandOverParts {
  bus: ClusterBus;
  homes: LocalHomes;
}

interface Waiting {
  epoch: number;
  peers: Set<number>;
  done(): void;
}

/**
 * How a home leaves this process with nothing lost: every peer holds back what it has to say, and says so behind what it
 * said before. Then all of it is kept and answered, and the answers have come; the next owner finds the connections of
 * this one in the log.
 */
export class HandOver {
  readonly #parts: HandOverParts;
  readonly #waiting = new Map<number, Waiting>();
  /** Markers that came before their move was begun here: by home, the peers. */
  readonly #early = new Map<number, { epoch: number; peers: Set<number> }>();

  constructor(parts: HandOverParts) {
    this.#parts = parts;
  }

  held(home: number, epoch: number, peer: number): void {
    const waiting = this.#waiting.get(home);
    if (waiting?.epoch === epoch) {
      this.#heard(waiting, peer);
      return;
    }
    const early = this.#early.get(home);
    if (early?.epoch === epoch) early.peers.add(peer);
    else if (!early || early.epoch < epoch) this.#early.set(home, { epoch, peers: new Set([peer]) });
  }

  /** It holds back no more what it has to say to that home: the move was given up. */
  here(home: number, peer: number): void {
    this.#early.get(home)?.peers.delete(peer);
  }

  /** It may have spoken before it heard of a move. */
  up(peer: number): void {
    for (const { peers } of this.#waiting.values()) peers.add(peer);
  }

  /** It holds nothing any more, and says nothing. */
  down(peer: number): void {
    for (const waiting of this.#waiting.values()) this.#heard(waiting, peer);
  }

  /** @throws Error where the next owner does not have all that was said */
  async run(home: number, epoch: number, { peers, self }: Membership): Promise<void> {
    const { bus, homes } = this.#parts;
    const early = this.#early.get(home);
    this.#early.delete(home);
    const others = [...peers.keys()].filter(
      (peer) => peer !== self.number && !(early?.epoch === epoch && early.peers.has(peer)),
    );
    const silent = await this.#allHeld(home, epoch, new Set(others));
    await homes.part(home, epoch);
    bus.flush();
    await bus.confirmed();
    if (silent.length > 0)
      throw new Error(`peers ${silent.join(', ')} did not say in time that they hold back`);
  }

  /** @returns those that said nothing in time */
  #allHeld(home: number, epoch: number, peers: Set<number>): Promise<number[]> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        if (this.#waiting.get(home) === waiting) this.#waiting.delete(home);
        resolve([...peers]);
      };
      const timer = setTimeout(done, HELD_TIMEOUT_MS);
      const waiting = { epoch, peers, done };
      this.#waiting.set(home, waiting);
      if (peers.size === 0) done();
    });
  }

  #heard({ peers, done }: Waiting, peer: number): void {
    if (peers.delete(peer) && peers.size === 0) done();
  }
}
