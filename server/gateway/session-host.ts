import type { ReasonCode } from '../../protocol/frame.js';
import type { Handlers } from '../hot-code/handler-api.js';
import type { HandlerFault } from './handler-run.js';
import type { OutboundBudget } from './outbound-budget.js';
import type { ReadShare } from './read-share.js';

/** What a session asks of its worker. @typeParam Session who asks */
export interface SessionHost<Session> {
  readonly maxFrameBytes: number;
  /** As `maxFrameBytes`, until the login. */
  readonly loginBytes: number;
  readonly deliveryWindow: number;
  readonly outbound: OutboundBudget;
  /** Rises now and then; see IdleClock. */
  readonly tick: number;
  /** Those in force now. */
  readonly handlers: Handlers;
  /** Why this login is refused, or undefined. */
  refuseLogin(user: number, token: string): ReasonCode | undefined;
  loggedIn(session: Session): void;
  /** WELCOME goes out. @returns an id above all that the user has used */
  welcome(session: Session): number;
  submit(session: Session, to: number, id: number, payload: Uint8Array): void;
  submitToGroup(session: Session, group: number, id: number, payload: Uint8Array): void;
  setGroup(session: Session, group: number, id: number, members: readonly number[]): void;
  acknowledge(session: Session, sequence: number): void;
  /** What each connection may have in a turn of the event loop. */
  readonly shares: Pick<ReadShare, 'framesOf' | 'handled' | 'read'>;
  /** The session keeps so many bytes of what came in and is not handled. */
  keeps(session: Session, bytes: number): void;
  /** The session had its share: `nextTurn` follows. */
  waitForTurn(session: Session): void;
  /** The session has frames to write: call `flush` at the end of the turn. */
  markDirty(session: Session): void;
  /** The handlers have thrown what they may not. */
  handlerFault(fault: HandlerFault): void;
  /** The session takes part no longer; its connection may still be sending its last bytes. */
  closed(session: Session, reason: string): void;
  /** The connection is gone. */
  gone(session: Session): void;
}
