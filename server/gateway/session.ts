import { decodeFrames } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import {
  type Frame,
  FrameType,
  GoodbyeCode,
  ProtocolError,
  ReasonCode,
  reasonName,
} from '../../protocol/frame.js';
import type { ClientConnection, Handlers, Stage } from '../hot-code/handler-api.js';
import type { Wire, WireListener } from './wire.js';

/** What a session asks of its worker. */
export interface SessionHost {
  readonly maxFrameBytes: number;
  readonly outboundBufferBytes: number;
  readonly deliveryWindow: number;
  /** Whole milliseconds of a clock that never goes back, renewed about once a second. */
  readonly nowMs: number;
  /** Those in force now. */
  readonly handlers: Handlers;
  /** Why this login is refused, or undefined. */
  refuseLogin(user: number, token: string): ReasonCode | undefined;
  loggedIn(session: Session): void;
  submit(session: Session, to: number, id: number, payload: Uint8Array): void;
  submitToGroup(session: Session, group: number, id: number, payload: Uint8Array): void;
  setGroup(session: Session, group: number, id: number, members: readonly number[]): void;
  acknowledge(session: Session, sequence: number): void;
  /** The session has frames to write: call `flush` at the end of the turn. */
  markDirty(session: Session): void;
  /** What waits behind a slow reader changed by this much. */
  backlogChanged(frames: number, bytes: number): void;
  /** True while slow readers hold more of this process than they may together. */
  readonly isOutboundFull: boolean;
  /** The session takes part no longer; its connection may still be sending its last bytes. */
  closed(session: Session, reason: string): void;
  /** The connection is gone. */
  gone(session: Session): void;
}

const refusalReasons: Partial<Record<ReasonCode, string>> = {
  [ReasonCode.MailboxFull]: 'the mailbox of the recipient is full',
  [ReasonCode.DuplicateUnknown]: 'the id is too old to tell whether the message was accepted before',
  [ReasonCode.RateLimited]: 'more messages a second than one user may send; wait a second',
  [ReasonCode.Shedding]: 'the server has too much in hand; wait a second',
  [ReasonCode.StoreFull]: 'the server has no room for more messages',
  [ReasonCode.StoreFailed]: 'the message could not be stored',
  [ReasonCode.NotGroupOwner]: 'the group belongs to another user',
  [ReasonCode.GroupTooLarge]: 'the group has more members than this server takes',
  [ReasonCode.IdSkipped]: 'a later id was accepted before this one; send the message with a new id',
  [ReasonCode.NotMember]: 'the user is not a member of this group',
};

const NO_FRAMES: Buffer[] = [];

const SCRATCH_BYTES = 16 * 1024;

/** Where the frames of one session and turn are put together for one write; shared, since a write copies. */
let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

/** One client's connection: decodes what comes in, gathers what goes out, and closes for a reason. */
export class Session implements WireListener, ClientConnection {
  /** Whose bytes are being decoded: one for all, since a function of its own would cost each session 100 bytes. */
  static #receiving: Session;
  /** One version for all frames of one read, even if another goes into force meanwhile. */
  static #handlers: Handlers;
  static readonly #onFrame = (frame: Frame): boolean => Session.#receiving.#take(frame);

  readonly id: number;
  user = 0;
  /** True once LOGIN was admitted, also after the end. */
  hasUser = false;
  /** SENDs that the home of the recipient has not answered. */
  unanswered = 0;
  /** About their bytes: see InboundBudget. */
  unansweredBytes = 0;
  readonly #wire: Wire;
  readonly #host: SessionHost;
  #state: Stage = 'hello';
  #heardMs: number;
  /** Beginning of a frame whose end has not come. */
  #rest: Buffer | undefined;
  #out: Buffer[] = NO_FRAMES;
  #outBytes = 0;
  #isDirty = false;
  #isBlocked = false;
  /** Not read: too much of what it sent is unanswered. */
  #isHeld = false;
  /** What the wire had not handed on when it was blocked. */
  #heldBytes = 0;
  #sentSequence = 0;

  constructor(id: number, wire: Wire, host: SessionHost) {
    this.id = id;
    this.#wire = wire;
    this.#host = host;
    this.#heardMs = host.nowMs;
  }

  get stage(): Stage {
    return this.#state;
  }

  get sentSequence(): number {
    return this.#sentSequence;
  }

  greeted(): void {
    this.#state = 'login';
  }

  login(user: number, token: string): void {
    const refusal = this.#host.refuseLogin(user, token);
    if (refusal !== undefined) {
      const isBusy = refusal === ReasonCode.Overloaded;
      this.fail(refusal, isBusy ? 'too many logins; try again later' : 'the token is wrong');
      return;
    }
    this.user = user;
    this.hasUser = true;
    this.#state = 'attaching';
    this.#host.loggedIn(this);
  }

  /** Hot path. */
  submit(to: number, id: number, payload: Uint8Array): void {
    this.#host.submit(this, to, id, payload);
  }

  submitToGroup(group: number, id: number, payload: Uint8Array): void {
    this.#host.submitToGroup(this, group, id, payload);
  }

  setGroup(group: number, id: number, members: readonly number[]): void {
    this.#host.setGroup(this, group, id, members);
  }

  /** Hot path. */
  acknowledge(sequence: number): void {
    this.#host.acknowledge(this, sequence);
  }

  leave(): void {
    this.#wire.end();
    this.#close('Goodbye');
  }

  get isLoggedIn(): boolean {
    return this.#state === 'open' || this.#state === 'attaching';
  }

  /** When the peer was last heard; before the login, the time of the connect. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Hot path. */
  received(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.isLoggedIn) this.#heardMs = this.#host.nowMs;
    Session.#receiving = this;
    Session.#handlers = this.#host.handlers;
    const available = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    try {
      const consumed = decodeFrames(available, this.#host.maxFrameBytes, Session.#onFrame);
      this.#rest = consumed === available.length ? undefined : Buffer.from(available.subarray(consumed));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  violated(reason: string): void {
    this.fail(ReasonCode.ProtocolError, reason);
  }

  drained(): void {
    if (!this.#isBlocked || this.#state === 'closed') return;
    this.#isBlocked = false;
    this.#host.backlogChanged(-this.#out.length, -this.#outBytes - this.#heldBytes);
    if (!this.#isHeld) this.#wire.resume();
    if (this.#out.length > 0) this.#markDirty();
  }

  /** Leaves what comes in to the kernel, until `readOn`. */
  stopReading(): void {
    this.#isHeld = true;
    this.#wire.pause();
  }

  readOn(): void {
    this.#isHeld = false;
    if (!this.#isBlocked) this.#wire.resume();
  }

  closed(): void {
    this.#close('PeerClosed');
    this.#host.gone(this);
  }

  /** Ends what is left of a connection that was closed and whose peer does not leave. */
  destroy(): void {
    this.#wire.destroy();
  }

  /** The home worker has registered the user here. */
  attached(waiting: number): void {
    if (this.#state !== 'attaching') return;
    this.#state = 'open';
    this.write(encodeFrame({ type: FrameType.Welcome, waiting, window: this.#host.deliveryWindow }));
  }

  /** Hot path. First check mark for message `id`. */
  accepted(id: number): void {
    this.write(encodeFrame({ type: FrameType.Accepted, id }));
  }

  refused(id: number, code: ReasonCode): void {
    const reason = refusalReasons[code] ?? 'the message was refused';
    this.write(encodeFrame({ type: FrameType.Error, code, reference: id, reason }));
  }

  /** Hot path. Sends an item of the mailbox. */
  deliver(sequence: number, frame: Buffer): void {
    this.#sentSequence = sequence;
    this.write(frame);
  }

  /** Hot path. Puts a frame behind those of this turn. */
  write(frame: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.#out.length === 0) this.#out = [frame];
    else this.#out.push(frame);
    this.#outBytes += frame.length;
    if (!this.#isBlocked) {
      this.#markDirty();
      return;
    }
    this.#host.backlogChanged(1, frame.length);
    const waiting = this.#outBytes + this.#wire.writableLength;
    if (waiting > this.#host.outboundBufferBytes || this.#host.isOutboundFull) {
      this.fail(ReasonCode.OutboundOverflow, 'the connection reads too slowly');
    }
  }

  /** Hot path. Hands the gathered frames to the kernel in one write. */
  flush(): void {
    this.#isDirty = false;
    if (this.#state === 'closed' || this.#isBlocked || this.#out.length === 0) return;
    const frames = this.#out;
    const bytes = this.#outBytes;
    this.#out = NO_FRAMES;
    this.#outBytes = 0;
    const gathered = frames.length === 1 ? (frames[0] as Buffer) : gather(frames, bytes);
    const mayGoOn = this.#wire.write(gathered);
    // What the kernel did not take at once lies in the scratch buffer still: leave that to the wire.
    if (frames.length > 1 && this.#wire.writableLength > 0) scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    if (mayGoOn) return;
    this.#isBlocked = true;
    this.#heldBytes = this.#wire.writableLength;
    this.#host.backlogChanged(0, this.#heldBytes);
    this.#wire.pause();
  }

  /** Tells the peer why, then closes. */
  fail(code: ReasonCode, reason: string): void {
    if (this.#state === 'closed') return;
    this.#farewell(encodeFrame({ type: FrameType.Error, code, reference: 0, reason }));
    this.#close(reasonName(code));
  }

  /** Says that the server is going away, then closes. */
  goodbye(): void {
    if (this.#state === 'closed') return;
    this.#farewell(encodeFrame({ type: FrameType.Goodbye, code: GoodbyeCode.Draining }));
    this.#close('Draining');
  }

  #take(frame: Frame): boolean {
    Session.#handlers.onFrame(this, frame);
    return this.#state !== 'closed';
  }

  #markDirty(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#host.markDirty(this);
  }

  /**
   * Everything gathered, then `last`, then the end of the connection. Of a slow reader what is gathered is dropped: it
   * waits in the mailbox, and the worker ends a connection that lingers.
   */
  #farewell(last: Buffer): void {
    this.#wire.write(this.#isBlocked ? last : Buffer.concat([...this.#out, last]));
    this.#wire.end();
    // What still comes in is read and thrown away: left unread, it would make the kernel reset the connection, and the
    // peer would never see the reason.
    if (this.#isBlocked || this.#isHeld) this.#wire.resume();
  }

  #close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#isBlocked) this.#host.backlogChanged(-this.#out.length, -this.#outBytes - this.#heldBytes);
    this.#out = NO_FRAMES;
    this.#outBytes = 0;
    this.#rest = undefined;
    this.#host.closed(this, reason);
  }
}

function gather(frames: Buffer[], bytes: number): Buffer {
  if (bytes > scratch.length) return Buffer.concat(frames, bytes);
  let at = 0;
  for (const frame of frames) {
    scratch.set(frame, at);
    at += frame.length;
  }
  return scratch.subarray(0, bytes);
}
