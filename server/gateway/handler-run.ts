import { decodeFrames } from '../../protocol/decode.js';
import { type Frame, ProtocolError } from '../../protocol/frame.js';
import type { ClientConnection, Handlers } from '../hot-code/handler-api.js';

/** Whose frames are handed to the handlers. */
export interface Receiver extends ClientConnection {
  /** False: what is left waits, or is not wanted any more. */
  readonly takesFrames: boolean;
}

/** The handlers have thrown what they may not. */
export class HandlerFault extends Error {
  readonly handlers: Handlers;

  constructor(handlers: Handlers, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.handlers = handlers;
  }
}

// One run at a time: a function or an object for each would cost every connection, or every read, a hundred bytes.
let receiver: Receiver;
let inForce: Handlers;
let isInServer = false;
let framesLeft = 0;

/** Hot path. The handlers have called the server: what is thrown until `leaveServer` is no fault of theirs. */
export function enterServer(): void {
  isInServer = true;
}

/** Hot path. */
export function leaveServer(): void {
  isInServer = false;
}

/**
 * Hot path. Hands the frames in `bytes` to the handlers, as far as the receiver takes them and until its stage changes:
 * another one has other limits, but no more than `mostFrames`. One version handles all of them, even if another goes into force meanwhile.
 * @returns how many bytes they took
 * @throws ProtocolError, or HandlerFault, or what the server itself has thrown
 */
export function runHandlers(
  handlers: Handlers,
  to: Receiver,
  bytes: Buffer,
  mostBytes: number,
  mostFrames: number,
): number {
  receiver = to;
  framesLeft = mostFrames;
  inForce = handlers;
  isInServer = false;
  try {
    return decodeFrames(bytes, mostBytes, take);
  } catch (error) {
    if (isInServer || error instanceof ProtocolError) throw error;
    throw new HandlerFault(handlers, error);
  }
}

/** Hot path. How many more frames the last run could have had. */
export function framesLeftOver(): number {
  return framesLeft;
}

function take(frame: Frame): boolean {
  const { stage } = receiver;
  inForce.onFrame(receiver, frame);
  framesLeft -= 1;
  return framesLeft > 0 && stage === receiver.stage && receiver.takesFrames;
}
