import type { Promises } from '../../record/promises.js';
import type { Scenario, WireProtocol } from '../../scenarios/scenario.js';
import type { AgentPlan } from '../agent-messages.js';
import type { Transport, TransportListener } from '../transports/transport.js';

/**
 * What a protocol is to the lab. The population, the schedule and the ledger know none: a driver turns what clients
 * intend into bytes, and the bytes of a server into what happened. A client is an index; a driver has no sockets, and no
 * object for a client that is idle.
 */
export interface Driver<Settings = unknown> {
  /** What a scenario calls it: `target.driver`. */
  readonly name: string;
  /**
   * Checks its part of `target`, and throws what is wrong with it. Those that ship with the lab leave it to the schema of
   * scenarios (scenarios/driver-schema.ts), and are given what that has made.
   */
  readonly settings?: { parse(value: unknown): Settings };
  promises(settings: Settings): Promises;
  /** What to write so that there are groups, where that depends on the settings; undefined: they have to be left out. */
  readonly groupsNeed?: string;
  framing(settings: Settings): Framing;
  /** What else a scenario asks for that it cannot do: `key: what is wrong; what to do`. Its promises need no words here. */
  problems?(settings: Settings, scenario: Scenario): string[];
  create(settings: Settings, clients: ClientRange, events: ClientEvents): ClientProtocol;
  /** Where a client library makes the connections itself: what stands in place of the transports of the lab. */
  transport?(settings: Settings, plan: AgentPlan, listener: TransportListener): Transport;
}

/** How the bytes of a protocol are carried. */
export interface Framing {
  carriers: readonly WireProtocol[];
  /**
   * What WebSocket messages are to it: pieces of one stream of bytes, or each of them one message of the protocol, which
   * is then given to `received` whole.
   */
  webSocketMessages: 'stream' | 'text' | 'binary';
  /** Offered to the server, in this order. */
  subprotocols: readonly string[];
  /** What an upgrade asks for where the address has no path; undefined: /. */
  path?: string;
  /** What a client of TLS asks for: a certificate of this name instead of the host's, and one of these protocols (ALPN). */
  tls?: { serverName: string; alpn: readonly string[] };
  /** Connections to `tls` addresses open without it too: the protocol begins TLS itself (`ClientEvents.startTls`). */
  beginsTls?: boolean;
}

/** The clients of one agent. */
export interface ClientRange {
  /** How many: they are the indexes from 0 on. */
  count: number;
  /** User that client 0 is. */
  firstUser: number;
  /** Seconds since 1970. Differs between runs. */
  run: number;
  /** Neighbours who are a group together, the first of them a multiple of this; null: there are no groups. */
  groupMembers: number | null;
  /** Of each client, how often `writeKeepalive` is called; more often where `ClientEvents.wantsKeepaliveEvery` says so. */
  heartbeatMs: number;
  /** What the addresses of the run are carried by; undefined: tcp. */
  carriers?: readonly WireProtocol[];
}

/** Of the 32 bits of a message's sequence, the one that says that it is for the sender's group. */
export const GROUP_BIT = 2 ** 31;

/** What drivers are asked. Sequences are numbers of 32 bits that a driver need not understand. */
export interface ClientProtocol {
  /**
   * A login may go on with the session of the connection before: `ClientEvents.sessionBegan` says where it does not. Undefined:
   * each connection is a session of its own.
   */
  readonly resumesSessions?: boolean;
  /** The connection stands: logs in. */
  opened(client: number, out: Output): void;
  /**
   * Hot path. Bytes of the server; `out` takes what is to be answered at once.
   * @returns how many it has taken: the host keeps the rest and gives it again with what follows
   * @throws ProtocolViolation where they are not of this protocol: the connection is cut
   */
  received(client: number, bytes: Buffer, out: Output): number;
  /**
   * Hot path. Whether another message may be written now, asked before each. False: it stays unsent until the client is to be
   * written again, so call `ClientEvents.hasSomethingToWrite` once there is room. Undefined: there always is.
   */
  hasRoom?(client: number): boolean;
  /**
   * Hot path. A message for another client or, where its sequence has the GROUP_BIT, for the group that begins with
   * that client. The same sequence again: the connection has died, and nobody knows whether the server has it.
   */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void;
  /** Hot path. What the protocol itself has to say: acknowledgements, subscriptions, groups to be made. */
  writePending(client: number, out: Output): void;
  /** Hot path. All messages that were due are written: what is to be said behind them, once for all. */
  messagesWritten?(client: number, out: Output): void;
  /** A sign of life is due (`ClientRange.heartbeatMs`). */
  writeKeepalive(client: number, out: Output): void;
  /** What `ClientEvents.startTls` has begun is done: from now on all bytes are enciphered. */
  secured?(client: number, out: Output): void;
  /** The client parts in good order. */
  leave(client: number, out: Output): void;
  /** The connection has ended: nothing that belonged to it is true any more. */
  closed(client: number): void;
  /** A login has taken too long: the reason that it is to count under, where the protocol knows one. */
  whyNotLoggedIn?(client: number): string | undefined;
}

/** What a protocol tells of its clients. */
export interface ClientEvents {
  /** It is logged in, and what is sent to it reaches it from now on. */
  loggedIn(client: number): void;
  /**
   * Of a protocol that resumes sessions: this login begins another one, and what reached the client before may come again.
   * Without it nothing may.
   */
  sessionBegan(client: number): void;
  /**
   * Before `loggedIn`: the server says that a message, written on a connection that died, has not come. It is written again, and
   * is no second copy.
   */
  unhandled(client: number, sequence: number): void;
  /** The server says that it holds the message. */
  accepted(client: number, sequence: number): void;
  /** Hot path. A message came; who sent it, and which it is, its payload says. `payload` is valid during the call. */
  delivered(client: number, payload: Buffer, isRedelivery: boolean): void;
  /**
   * Hot path. The same in a protocol that itself says which message it is, so that one whose payload was overwritten on
   * the way is known as that.
   * @param from client that sent it; outside 0 … count - 1: none of these
   * @param sequence undefined: none of this run
   * @param place of all messages of a group, where it comes
   */
  deliveredAs(
    client: number,
    from: number,
    sequence: number | undefined,
    payload: Buffer,
    isRedelivery: boolean,
    place?: number,
  ): void;
  /** The sender is told that `by` has it. */
  receipted(client: number, by: number, sequence: number): void;
  /** The sender is told that `by` will never have it. */
  undeliverable(client: number, by: number, sequence: number): void;
  /** The server did not take a message, or something else (undefined). */
  refused(client: number, sequence: number | undefined, reason: string): void;
  /** The server ends the connection, and says why. What still comes behind it logs the client in no more. */
  ended(client: number, reason: string): void;
  /** `writePending` is to be called in the next write of this client, and messages that found no room are to be written. */
  hasSomethingToWrite(client: number): void;
  /**
   * Begins TLS on the connection as it stands, behind what was received; `ClientProtocol.secured` is called when that is
   * done. False: what carries the bytes cannot.
   */
  startTls?(client: number): boolean;
  /**
   * The server wants signs of life more often than each `ClientRange.heartbeatMs`: from now on `writeKeepalive` is called
   * so often, of all clients, since one server has one mind.
   */
  wantsKeepaliveEvery?(ms: number): void;
  /** What a reader of the record has to know of the server; the same words count once, and there may be few of them. */
  note?(words: string): void;
}

/** Where the bytes of one client go: what is written in one turn leaves in one write. */
export interface Output {
  /** Hot path. A buffer with room for so many bytes from `at` on; set `at` behind what was written. */
  room(bytes: number): Buffer;
  at: number;
  /** Hot path. */
  write(bytes: Uint8Array): void;
  /** In UTF-8. */
  writeText(text: string): void;
  /** Where WebSocket messages are messages of the protocol: one is complete. Elsewhere it changes nothing. */
  endMessage(): void;
}

/** The server does not keep to the protocol; `reason` is what its failures are counted under. */
export class ProtocolViolation extends Error {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'ProtocolViolation';
    this.reason = reason;
  }
}
