import type { ReasonCode } from '../../protocol/frame.js';
import type { Homes } from './topology.js';

export { type Homes, homeWorker } from './topology.js';

/** What workers say to each other. A connection is named by its worker and a number that the worker gave it. */
export type BusMessage = HomeMessage | ConnectionMessage;

/**
 * To the home of a user or a group: from the worker that has the connection, and from other homes, to which it answers
 * `-kept` once it is durable.
 */
export type HomeMessage =
  | {
      kind: 'attach';
      user: number;
      worker: number;
      connection: number;
      /**
       * The sequence of the last item that was sent on this connection, which has stayed while its home moved: the new home
       * goes on behind it. Without it the user has just logged in.
       */
      sent?: number;
      /**
       * In a cluster: for the owner of the home in that epoch. One that has it in another does not take it: this process will hear
       * who has the home, and say it again. The bus writes it.
       */
      epoch?: number;
    }
  | { kind: 'detach'; user: number; worker: number; connection: number }
  | { kind: 'acknowledge'; user: number; worker: number; connection: number; sequence: number }
  | HomeRequest
  | ({ kind: 'receipt' | 'receipt-kept' } & Receipt)
  | ({ kind: 'copies' } & Copies)
  | { kind: 'copies-kept'; group: number; number: number; home: number }
  /** That home could not keep what it was sent, and asks for everything that it has not answered. */
  | { kind: 'resend'; home: number }
  /** The answer to `resend`: from here on that home sends everything again that was not answered, in its order. */
  | { kind: 'resending'; home: number };

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
  /** `epoch`: in a cluster, that of the owner which answers. The bus writes it. */
  | { kind: 'attached'; connection: number; waiting: number; epoch?: number }
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

/** Who takes what comes over the bus, and is told how it fares. */
export interface BusReceiver {
  /** Hot path. @param from the process that said it, which may be this one */
  receive(message: BusMessage, from: number): void;
  /** Something was gathered for another process: `flush` has to be called at the end of this turn. */
  gathered(): void;
  /** Another process has taken all that waited for it. */
  drained(): void;
  /** A process died: what was under way to it is lost. */
  lost(process: number): void;
}

/** The bus as its process sees it. Homes are given it as a `Bus`, and cannot open or close it. */
export interface ProcessBus extends Bus {
  /** Hands on what comes in from now on, and what came before. */
  open(receiver: BusReceiver): void;
  /** Bytes that other processes have not taken: gathered in this turn, or waiting behind one that reads slowly. */
  readonly waitingBytes: number;
}

/** The bus of a server with one worker: a call. */
export class InProcessBus implements ProcessBus {
  readonly self = 0;
  readonly homes = { first: 0, count: 1 };
  readonly waitingBytes = 0;
  #receiver: BusReceiver | undefined;

  open(receiver: BusReceiver): void {
    this.#receiver = receiver;
  }

  isConnected(): boolean {
    return true;
  }

  /** Hot path. */
  send(_worker: number, message: BusMessage): void {
    this.#receiver?.receive(message, 0);
  }

  flush(): void {
    // Nothing is ever gathered: send() has delivered.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
