import type { TcpCounters } from '../../record/tcp-counters.js';
import type { Endpoint } from '../agent-messages.js';

/** Who is told what happens to the connections of the population. Clients are indices. */
export interface TransportListener {
  opened(client: number): void;
  /** Hot path. `bytes` are valid during the call only. */
  received(client: number, bytes: Buffer): void;
  /** The handshake that `startTls` has begun is done. */
  secured?(client: number): void;
  /** The server has begun to end it: nothing that is sent will be read. */
  ending?(client: number): void;
  /** Once for every `open`, whatever ended it; the reason is an error code or `PeerClosed`. */
  closed(client: number, reason: string): void;
}

/** Carries the byte streams of clients: at most one connection a client at a time. */
export interface Transport {
  /** What the transport's own TCP has counted since it began; undefined where the kernel's does the work. */
  counters?(): TcpCounters | undefined;
  open(client: number, endpoint: Endpoint, sourceAddress: string | undefined): void;
  /** Hot path. True: `bytes` may be reused at once; false: they belong to the transport now. */
  send(client: number, bytes: Buffer): boolean;
  /** Begins TLS on a connection that is open; where the kernel's TCP does the work. False: it is open no longer. */
  startTls?(client: number): boolean;
  /** Sends what is under way, then closes. */
  end(client: number): void;
  /** Stops reading, with the connection open; where the kernel's TCP does the work. */
  pause?(client: number): void;
  resume?(client: number): void;
  /** Breaks the connection: the server sees a reset or an end without a goodbye. */
  cut(client: number): void;
}
