import type { encodeFrame } from '../../protocol/encode.js';
import type { Frame, FrameType, ProtocolError, ReasonCode } from '../../protocol/frame.js';

/**
 * Where a connection is in its life; `attaching`: LOGIN was admitted, and the mailbox is being looked up. What comes then
 * waits for WELCOME, so handlers see no frame in this stage.
 */
export type Stage = 'hello' | 'login' | 'attaching' | 'open' | 'closed';

/** What handlers know of a connection, and may do with it. The connection itself outlives every version of them. */
export interface ClientConnection {
  readonly stage: Stage;
  /** Highest sequence of the mailbox that was sent on this connection; 0: none. */
  readonly sentSequence: number;
  /** HELLO was right: LOGIN may come. */
  greeted(): void;
  /** Asks the worker to admit the user; it answers, or fails the connection. */
  login(user: number, token: string): void;
  submit(to: number, id: number, payload: Uint8Array): void;
  submitToGroup(group: number, id: number, payload: Uint8Array): void;
  setGroup(group: number, id: number, members: readonly number[]): void;
  /** What was acknowledged before is passed over. */
  acknowledge(sequence: number): void;
  /** Puts a frame behind those of this turn. */
  write(frame: Buffer): void;
  /** Tells the client why, then closes. */
  fail(code: ReasonCode, reason: string): void;
  /** The client has said goodbye. */
  leave(): void;
}

/** What the server does with the frames of its clients: the code that is replaced while they stay connected. */
export interface Handlers {
  /** Names this version in /metrics, /stats and the report. */
  readonly version: string;
  /**
   * Hot path. Done when it returns.
   * @throws ProtocolError where the frame breaks the protocol, and the connection is closed for it; anything else is a
   * fault of this version: it ends that connection, and too many of them bring back the version before
   */
  onFrame(client: ClientConnection, frame: Frame): void;
  /** Throws where this version must not go into force; called before it does. */
  selfCheck?(): void;
}

/** What a module of handlers is given: it has no imports of its own, so that it is one file, whole or not there. */
export interface HandlerTools {
  FrameType: typeof FrameType;
  ReasonCode: typeof ReasonCode;
  ProtocolError: typeof ProtocolError;
  PROTOCOL_VERSION: number;
  encodeFrame: typeof encodeFrame;
}

/** The default export of a module of handlers. */
export type MakeHandlers = (tools: HandlerTools) => Handlers;
