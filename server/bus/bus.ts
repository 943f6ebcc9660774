import type { ReasonCode } from '../../protocol/frame.js';

/** What workers say to each other. A connection is named by its worker and a number that the worker gave it. */
export type BusMessage = HomeMessage | ConnectionMessage;

/**
 * To the home of a user or a group: from the worker that has the connection, and from other homes, to which it answers
 * `-kept` once it is durable.
 */
export type HomeMessage =
  | { kind: 'attach'; user: number; worker: number; connection: number }
  | { kind: 'detach'; user: number; worker: number; connection: number }
  | { kind: 'acknowledge'; user: number; worker: number; connection: number; sequence: number }
  | HomeRequest
  | ({ kind: 'receipt' | 'receipt-kept' } & Receipt)
  | ({ kind: 'copies' } & Copies)
  | { kind: 'copies-kept'; group: number; number: number; home: number }
  /** That home could not take what was sent to it: what it has not answered is to be sent again. */
  | { kind: 'resend'; home: number };

/** What a home answers with `accepted` or `refused`, and the id of the request. */
export type HomeRequest =
  | {
      kind: 'submit';
      from: number;
      worker: number;
      connection: number;
      to: number;
      id: number;
      /** Valid during the call only: whoever keeps it copies it. */
      payload: Uint8Array;
    }
  | {
      kind: 'submit-to-group';
      from: number;
      worker: number;
      connection: number;
      group: number;
      id: number;
      /** As above. */
      payload: Uint8Array;
    }
  | {
      kind: 'group';
      user: number;
      worker: number;
      connection: number;
      group: number;
      id: number;
      members: readonly number[];
    };

/** From a home to a connection. */
export type ConnectionMessage =
  | { kind: 'attached'; connection: number; waiting: number }
  | { kind: 'replaced'; connection: number }
  | { kind: 'accepted'; connection: number; id: number }
  | { kind: 'refused'; connection: number; id: number; code: ReasonCode }
  | { kind: 'deliver'; connection: number; sequence: number; frame: Buffer };

/** Recipient `by` has acknowledged message `id` of `to`. */
export interface Receipt {
  to: number;
  by: number;
  id: number;
  /** The group that the message was for, or `NO_GROUP`. */
  group: number;
  /** The message will not come to this member: its mailbox was full. */
  isUndelivered: boolean;
}

/** Message `number` of a group, for those of its members whose home it goes to. */
export interface Copies {
  group: number;
  number: number;
  from: number;
  id: number;
  members: readonly number[];
  payload: Uint8Array;
}

/** No id of a group: those are not negative. */
export const NO_GROUP = -1;

/** The workers that keep mailboxes: `count` of them, numbered from `first` on. */
export interface Homes {
  first: number;
  count: number;
}

/** Carries messages between workers: in order from one worker to another, none twice. */
export interface Bus {
  /** Number of this worker, from 0. */
  readonly self: number;
  readonly homes: Homes;
  /** False while a worker that died has not come back: what is sent to it is lost. */
  isConnected(worker: number): boolean;
  send(worker: number, message: BusMessage): void;
  /** Hands over what was gathered since the last call; once an event-loop turn. */
  flush(): void;
  close(): Promise<void>;
}

/** The bus of a server with one worker: a call. */
export class InProcessBus implements Bus {
  readonly self = 0;
  readonly homes = { first: 0, count: 1 };
  readonly #receive: (message: BusMessage) => void;

  constructor(receive: (message: BusMessage) => void) {
    this.#receive = receive;
  }

  isConnected(): boolean {
    return true;
  }

  send(_worker: number, message: BusMessage): void {
    this.#receive(message);
  }

  flush(): void {
    // Nothing is ever gathered: send() has delivered.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}

/**
 * The home worker of a user. Ids are often consecutive, so they are mixed first (the finalizer of MurmurHash3,
 * public domain, Austin Appleby) and the two 32-bit halves both count.
 */
export function homeWorker(user: number, { first, count }: Homes): number {
  if (count === 1) return first;
  let hash = ((user % 0x1_0000_0000) | 0) ^ Math.imul(Math.floor(user / 0x1_0000_0000), 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) % count) + first;
}
