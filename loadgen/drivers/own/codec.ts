import type { ClientEvents, ClientProtocol, ClientRange } from '../driver.js';

/** What carries the bytes of a protocol. */
export type Carrier = 'tcp' | 'tls' | 'ws' | 'wss';

/** What a protocol can tell. What is left out it cannot: records hold null there, and a gate on it is an error. */
export interface ProtocolPromises {
  /** The server says that it holds a message: the first check mark. */
  readonly accepted?: boolean;
  /** The sender is told that the recipient has it: the second check mark. */
  readonly receipt?: boolean;
  /** One message may go to many. */
  readonly groups?: boolean;
  /** What is sent to somebody who is away waits. */
  readonly storesForAway?: boolean;
  /** The same of what is sent to a group. Default: as `storesForAway`. */
  readonly groupsStoreForAway?: boolean;
  /** A copy of what may have come before is marked as one. */
  readonly marksRedelivery?: boolean;
  /** What a sender sends again, because a connection died before it was accepted, makes no second copy. */
  readonly recognizesRepetitions?: boolean;
  /** Default: `none`. */
  readonly order?: 'per-sender' | 'none';
  /** Default: `at-least-once` with `accepted`, else `at-most-once`. */
  readonly delivery?: 'at-most-once' | 'at-least-once' | 'exactly-once';
  /** Who gets what a client sends: the partner that it was for, or the sender itself, as of an echo. Default: `partner`. */
  readonly recipient?: 'partner' | 'sender';
}

/** How the bytes of a protocol are carried; all of it may be left out. */
export interface CodecFraming {
  /** Default: all four. */
  readonly carriers?: readonly Carrier[];
  /** What WebSocket messages are: pieces of one stream of bytes (default), or each of them a message of the protocol. */
  readonly webSocketMessages?: 'stream' | 'text' | 'binary';
  /** Offered to the server, in this order. */
  readonly subprotocols?: readonly string[];
  /** What an upgrade asks for where the address has no path. */
  readonly path?: string;
  /** What a client of TLS asks for: a certificate of this name instead of the host's, and one of these protocols (ALPN). */
  readonly tls?: { readonly serverName: string; readonly alpn: readonly string[] };
}

/** The clients of one agent, as a codec drives them: a client is an index, and has no object of its own. */
export type CodecClients = Pick<ClientProtocol, 'opened' | 'received' | 'writeMessage'> &
  Partial<ClientProtocol>;

/** A protocol as bytes, both ways: the lab has the connections, so millions of clients fit. */
export interface CodecDriver<Settings = unknown> {
  /** What reports call it; without one, its file. */
  readonly name?: string;
  /** Checks `target.driver.own.settings`, and throws what is wrong with them: that is an error of the input. */
  readonly settings?: { parse(value: unknown): Settings };
  /** An object, or what makes it of the settings. Without it nothing is promised. */
  readonly promises?: ProtocolPromises | ((settings: Settings) => ProtocolPromises);
  /** The same. Without it every address is taken, and its bytes are one stream. */
  readonly framing?: CodecFraming | ((settings: Settings) => CodecFraming);
  /** Called once in each agent; `events` are told what happened. */
  create(settings: Settings, clients: ClientRange, events: ClientEvents): CodecClients;
}
