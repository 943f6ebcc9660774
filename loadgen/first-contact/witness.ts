import type { Transport, TransportListener } from '../transports/transport.js';

/** Nobody reads more of it. */
const MOST_KEPT_BYTES = 512;

/** What went to and fro on the connection of one client. */
export interface Witnessed {
  /** The first that was written, and the first that came; beneath WebSocket, so with its handshake. */
  sent: Buffer;
  received: Buffer;
  /** The first that came as far as the protocol. */
  heard: Buffer;
  /** The last of that, whole as it came. */
  heardLast: Buffer;
  /** Why it ended, as the transport told it; undefined: it stands. */
  closed: string | undefined;
}

/** Looks on while clients speak with a server, and changes nothing. */
export class Witness {
  readonly #clients: Witnessed[];

  constructor(clients: number) {
    const nothing = Buffer.alloc(0);
    this.#clients = Array.from({ length: clients }, () => ({
      sent: nothing,
      received: nothing,
      heard: nothing,
      heardLast: nothing,
      closed: undefined,
    }));
  }

  of(client: number): Witnessed {
    return this.#clients[client] as Witnessed;
  }

  /** Between the streams of bytes and whoever takes them. */
  ofStreams(taker: TransportListener): TransportListener {
    return inFrontOf(taker, {
      received: (client, bytes) => {
        const seen = this.of(client);
        seen.received = withMore(seen.received, bytes);
        taker.received(client, bytes);
      },
    });
  }

  /** Between the transport and the protocol. */
  ofProtocol(taker: TransportListener): TransportListener {
    return inFrontOf(taker, {
      received: (client, bytes) => {
        const seen = this.of(client);
        seen.heard = withMore(seen.heard, bytes);
        seen.heardLast = withMore(Buffer.alloc(0), bytes);
        taker.received(client, bytes);
      },
      closed: (client, reason) => {
        this.of(client).closed = reason;
        taker.closed(client, reason);
      },
    });
  }

  /** The transport itself, seen from above. */
  ofTransport(transport: Transport): Transport {
    return inFrontOf(transport, {
      send: (client, bytes) => {
        const seen = this.of(client);
        seen.sent = withMore(seen.sent, bytes);
        return transport.send(client, bytes);
      },
    });
  }
}

/** All that somebody can be asked, a part of it looked at on the way. */
function inFrontOf<Asked extends object>(asked: Asked, part: Partial<Asked>): Asked {
  return new Proxy(asked, {
    get: (_, name) => {
      const own = part[name as keyof Asked];
      if (own !== undefined) return own;
      const value = asked[name as keyof Asked];
      return typeof value === 'function' ? value.bind(asked) : value;
    },
  });
}

function withMore(kept: Buffer, bytes: Buffer): Buffer {
  if (kept.length >= MOST_KEPT_BYTES) return kept;
  return Buffer.concat([kept, bytes.subarray(0, MOST_KEPT_BYTES - kept.length)]);
}
