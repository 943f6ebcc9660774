import { dirname, sep } from 'node:path';
import type { Carrier, ProtocolPromises } from './codec.js';
import { isMistake, placeOf } from './own-fault.js';

/**
 * An adapter lets somebody's client library take part in a run: it logs a user in and hands on what is said, and the
 * lab keeps the schedule and the ledger. One client is one object of that library, so a few thousand fit.
 */
export interface AdapterDriver {
  /** What reports call it; without one, its file. */
  readonly name?: string;
  /** An object, or what makes it of `target.driver.own.settings`. */
  readonly promises?: ProtocolPromises | ((settings: unknown) => ProtocolPromises);
  /** Schemes of addresses that the library takes: all four, if it does not say. */
  readonly carriers?: readonly Carrier[];
  /** Resolves once this user is logged in, and ready to receive. Rejects where that is not to be. */
  connect(client: AdapterClient): Promise<AdapterConnection>;
}

/** Who connects, and where to. */
export interface AdapterClient {
  /** Its number, which is its name too. */
  user: number;
  /** As in the scenario, with the path. */
  address: string;
  /** `target.driver.own.settings` */
  settings: unknown;
  /** `target.websocket.headers` */
  headers: Readonly<Record<string, string>>;
  /** `target.insecure`: the certificate is not to be checked. */
  isInsecure: boolean;
  /** `target.tls`, as PEM texts; empty: nothing of its own. `serverName` is for SNI and for what the certificate has to be for. */
  tls: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly serverName?: string };
  /** Users of its group, itself among them, the first of them the name of it; null: there are no groups. */
  group: readonly number[] | null;
}

/** A message to be sent. */
export interface AdapterMessage {
  /** A user or, to a group, the first user of it. */
  to: number;
  /** It is for the group, and not for that user alone. */
  toGroup: boolean;
  /**
   * A number of 32 bits that no other message of this sender has, for receipts. The same again: the connection died before
   * the message was accepted.
   */
  sequence: number;
  /** Who sent it, and which it is, stands in here: it has to arrive as it is. */
  payload: Buffer;
}

/** One user who is logged in. */
export interface AdapterConnection {
  /**
   * Where `promises.accepted` says so, it returns a promise that resolves when the server holds the message, and rejects
   * when the server does not take it.
   */
  send(message: AdapterMessage): unknown;
  /** Called once; `listener` is to be called with every payload that comes, exactly as it was sent. */
  onMessage(listener: (payload: Uint8Array, isRedelivery?: boolean) => void): void;
  /** The same for receipts: user `by` has message `sequence` of this user. */
  onReceipt?(listener: (receipt: { by: number; sequence: number }) => void): void;
  /** The same for an end of the connection that nobody here asked for. */
  onEnd?(listener: (reason?: unknown) => void): void;
  /** A sign of life is due. */
  keepAlive?(): void;
  /** Parts in good order; resolves when that is over. */
  close(): unknown;
  /** Breaks the connection without a word; where it cannot, it is closed. */
  cut?(): void;
  /** Neither reads nor writes, with the connection open. */
  pause?(): void;
  /** Goes on after `pause`. */
  resume?(): void;
}

/**
 * Why something of the library's went wrong, in a word or a line that can be counted; with the place in the adapter, unless
 * it is plain that the adapter says this on purpose: by a code, or by a word such as NotHere.
 * @param file of the adapter
 */
export function reasonOf(error: unknown, otherwise: string, file: string): string {
  if (error === undefined || error === null) return otherwise;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const hasCode = typeof code === 'string' && code !== '';
  const words = hasCode ? code : typeof message === 'string' ? message : String(error);
  const line = words.split(/[\r\n]/, 1)[0]?.slice(0, MOST_REASON_CHARACTERS) || otherwise;
  const isOnPurpose = (hasCode || REASON_WORD.test(line)) && !isMistake(error);
  const place = isOnPurpose ? undefined : placeOf(error, file);
  return place === undefined ? line : `${line} (${place.replace(dirname(file) + sep, '')})`;
}

const REASON_WORD = /^[A-Z]\w*$/;

const MOST_REASON_CHARACTERS = 120;
