import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const LOOPBACK = '127.0.0.1';

/** A connection of the node, and what it is passed on to. */
interface Pair {
  near: Socket;
  far: Socket;
  /** One of them has ended while nothing was passed on: the other hears of it afterwards. */
  hasEnded: boolean;
}

/**
 * What stands between a node and the servers of NATS, so that the node can be cut from them and from nobody else. While it is cut
 * nothing is passed on, either way, and nobody is let in; connections stay open, as over a network that loses everything.
 */
export class NatsRelay {
  readonly #listeners: Server[] = [];
  readonly #pairs = new Set<Pair>();
  #isCut = false;

  private constructor() {}

  /** @param ports at which the servers of NATS listen, on loopback */
  static async open(ports: readonly number[]): Promise<NatsRelay> {
    const relay = new NatsRelay();
    for (const port of ports) {
      const listener = createServer({ noDelay: true, pauseOnConnect: true }, (near) =>
        relay.#take(near, port),
      );
      relay.#listeners.push(listener);
      await once(listener.listen(0, LOOPBACK), 'listening');
    }
    return relay;
  }

  /** What the node has to connect to, one for each server of NATS, in their order. */
  get urls(): string[] {
    return this.#listeners.map(
      (listener) => `nats://${LOOPBACK}:${(listener.address() as AddressInfo).port}`,
    );
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  cut(): void {
    this.#isCut = true;
    for (const { near, far } of this.#pairs) {
      // A pipe alone would go on by itself once what it has written is gone.
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  /** What was said meanwhile comes now, late. */
  mend(): void {
    this.#isCut = false;
    for (const pair of [...this.#pairs]) {
      if (pair.hasEnded) this.#end(pair);
      else this.#pass(pair);
    }
  }

  async close(): Promise<void> {
    for (const pair of [...this.#pairs]) this.#end(pair);
    await Promise.all(
      this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve()))),
    );
  }

  #take(near: Socket, port: number): void {
    if (this.#isCut) {
      near.resetAndDestroy();
      return;
    }
    const pair: Pair = { near, far: connect({ port, host: LOOPBACK, noDelay: true }), hasEnded: false };
    this.#pairs.add(pair);
    for (const socket of [near, pair.far]) {
      // What has gone wrong ends it, and that is what the other side is told.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        pair.hasEnded = true;
        if (!this.#isCut) this.#end(pair);
      });
    }
    this.#pass(pair);
  }

  #pass({ near, far }: Pair): void {
    near.pipe(far);
    far.pipe(near);
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.near.destroy();
    pair.far.destroy();
  }
}
