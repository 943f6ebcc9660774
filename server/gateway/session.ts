import { ByteQueue } from '../../protocol/byte-queue.js';
import { keepRest } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import { FrameType, GoodbyeCode, ProtocolError, ReasonCode, reasonName } from '../../protocol/frame.js';
import type { Stage } from '../hot-code/handler-api.js';
import {
  enterServer,
  framesLeftOver,
  HandlerFault,
  leaveServer,
  type Receiver,
  runHandlers,
} from './handler-run.js';
import { Outbound } from './outbound.js';
import { refusalReason } from './refusal-reasons.js';
import type { SessionHost } from './session-host.js';
import type { Wire, WireListener } from './wire.js';

/** Why nothing more is read and decoded for the moment: bits, because several may hold at once. */
const Pause = {
  /** The client does not read what it is sent. */
  Unread: 1,
  /** WELCOME comes before all other answers. */
  LoginUnderWay: 2,
  /** The worker has enough in hand. */
  Worker: 4,
  /** It had its share of this turn. */
  Turn: 8,
  /** All together keep too much that is not finished. */
  Unfinished: 16,
} as const;

/** A client that is expelled for using too much memory has only this long to read why. */
const EXPELLED_LEAVE_MS = 100;

/**
 * A bit beside the reasons: the wire itself is paused. It is paused only when something comes in meanwhile; before
 * WELCOME most clients send nothing.
 */
const WIRE = 32;

/** One client's connection: decodes what comes in, gathers what goes out, and closes for a reason. */
export class Session implements WireListener, Receiver {
  readonly id: number;
  user = 0;
  /** True once LOGIN was admitted, also after the end. */
  hasUser = false;
  /**
   * Its mailbox has a new owner, which has not answered yet: what is delivered until then comes from the old one, and is
   * dropped.
   */
  isComingAnew = false;
  /** SENDs that the home of the recipient has not answered. */
  unanswered = 0;
  /** Their payload bytes, roughly; see InboundBudget. */
  unansweredBytes = 0;
  readonly #host: SessionHost<Session>;
  readonly #outbound: Outbound;
  #state: Stage = 'hello';
  #heardTick = 0;
  #pauses = 0;
  /** Beginning of a frame whose end has not come; while the session is paused, everything that it has not decoded. */
  #kept: ByteQueue | undefined;
  #isDirty = false;
  #sentSequence = 0;
  #acknowledged = 0;

  constructor(id: number, wire: Wire, host: SessionHost<Session>) {
    this.id = id;
    this.#host = host;
    this.#outbound = new Outbound(wire, host.outbound);
  }

  get stage(): Stage {
    return this.#state;
  }

  get sentSequence(): number {
    return this.#sentSequence;
  }

  /** Last sequence that the client has acknowledged on this connection. */
  get acknowledgedSequence(): number {
    return this.#acknowledged;
  }

  /** True from WELCOME to the end. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** True from an admitted LOGIN on. */
  get isLoggedIn(): boolean {
    return this.#state === 'open' || this.#state === 'attaching';
  }

  /** The tick of the host in which the peer was last heard. */
  get heardTick(): number {
    return this.#heardTick;
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
    enterServer();
    this.#host.loggedIn(this);
    leaveServer();
    if (this.#state === 'attaching') this.#pause(Pause.LoginUnderWay);
  }

  /** Hot path. */
  submit(to: number, id: number, payload: Uint8Array): void {
    enterServer();
    this.#host.submit(this, to, id, payload);
    leaveServer();
  }

  submitToGroup(group: number, id: number, payload: Uint8Array): void {
    enterServer();
    this.#host.submitToGroup(this, group, id, payload);
    leaveServer();
  }

  setGroup(group: number, id: number, members: readonly number[]): void {
    enterServer();
    this.#host.setGroup(this, group, id, members);
    leaveServer();
  }

  /** Hot path. An ACK that says nothing new is dropped here, or a flood of them would reach other processes. */
  acknowledge(sequence: number): void {
    if (sequence <= this.#acknowledged || sequence > this.#sentSequence) return;
    this.#acknowledged = sequence;
    enterServer();
    this.#host.acknowledge(this, sequence);
    leaveServer();
  }

  leave(): void {
    this.#part(undefined, 'Goodbye');
  }

  /** Hot path. */
  received(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#heardTick = this.#host.tick;
    const hadKept = this.#kept !== undefined;
    this.#kept?.append(bytes);
    if (this.#pauses === 0) {
      this.#decode(this.#kept?.bytes ?? bytes);
    } else {
      this.#kept ??= new ByteQueue(bytes);
      this.#pauseWire();
    }
    if (hadKept || this.#kept) this.unfinished();
    if (this.#host.shares.read(this, bytes.length)) this.#waitForTurn();
  }

  /** Another turn of the event loop has begun. */
  nextTurn(): void {
    this.#goOn(Pause.Turn);
  }

  unfinished(): void {
    if (this.#state === 'closed') return;
    this.#host.keeps(this, (this.#kept?.room ?? 0) + (this.#outbound.wire.unfinishedBytes ?? 0));
  }

  violated(reason: string): void {
    this.fail(ReasonCode.ProtocolError, reason);
  }

  tooLongForLogin(): void {
    this.fail(ReasonCode.FrameTooLarge, `more than ${this.#host.loginBytes} bytes before the login`);
  }

  drained(): void {
    if (this.#state === 'closed') return;
    if (!this.#outbound.drained()) this.#overflow();
    else if (!this.#outbound.isBlocked) this.#goOn(Pause.Unread);
  }

  closed(): void {
    this.#close('PeerClosed');
    this.#outbound.gone();
    this.#host.gone(this);
  }

  /** Ends what is left of a connection that was closed and whose peer does not leave. */
  destroy(): void {
    this.#outbound.wire.destroy();
  }

  /** Reads nothing more, until `readOn`: the worker has enough in hand. */
  stopReading(): void {
    this.#pause(Pause.Worker);
  }

  readOn(): void {
    this.#goOn(Pause.Worker);
  }

  /** Reads nothing more while there is no room for what is not finished. */
  holdBack(isHeldBack: boolean): void {
    if (isHeldBack) this.#pause(Pause.Unfinished);
    else this.#goOn(Pause.Unfinished);
  }

  /** The home of the user has registered it here. */
  attached(waiting: number): void {
    if (this.#state !== 'attaching') return;
    this.#state = 'open';
    this.#heardTick = this.#host.tick;
    const firstId = this.#host.welcome(this);
    const window = this.#host.deliveryWindow;
    this.write(encodeFrame({ type: FrameType.Welcome, waiting, window, firstId }));
    this.#goOn(Pause.LoginUnderWay);
  }

  /** Hot path. First check mark for message `id`. */
  accepted(id: number): void {
    this.write(encodeFrame({ type: FrameType.Accepted, id }));
  }

  refused(id: number, code: ReasonCode): void {
    this.write(encodeFrame({ type: FrameType.Error, code, reference: id, reason: refusalReason(code) }));
  }

  /** Hot path. Sends an item of the mailbox. */
  deliver(sequence: number, frame: Buffer): void {
    // Items below the first one sent here were acknowledged on earlier connections, and are deleted.
    if (this.#sentSequence === 0) this.#acknowledged = sequence - 1;
    this.#sentSequence = sequence;
    this.write(frame);
  }

  /** Hot path. Puts a frame behind those of this turn. */
  write(frame: Buffer): void {
    if (this.#state === 'closed') return;
    if (!this.#outbound.add(frame)) this.#overflow();
    else if (this.#outbound.isBlocked) this.#pause(Pause.Unread);
    else if (!this.#isDirty) {
      this.#isDirty = true;
      this.#host.markDirty(this);
    }
  }

  /** Hot path. Hands the gathered frames to the kernel in one write. */
  flush(): void {
    this.#isDirty = false;
    if (this.#state === 'closed') return;
    if (!this.#outbound.flush()) this.#overflow();
    else if (this.#outbound.isBlocked) this.#pause(Pause.Unread);
  }

  /** Tells the peer why, then closes. */
  fail(code: ReasonCode, reason: string): void {
    this.#part(encodeFrame({ type: FrameType.Error, code, reference: 0, reason }), reasonName(code));
  }

  /** Tells the peer why, and gathers nothing of what it still sends. */
  expel(code: ReasonCode, reason: string): void {
    this.fail(code, reason);
    this.#outbound.wire.cutOff?.(EXPELLED_LEAVE_MS);
  }

  /** Says that the server is going away, then closes. */
  goodbye(): void {
    this.#part(encodeFrame({ type: FrameType.Goodbye, code: GoodbyeCode.Draining }), 'Draining');
  }

  /** True: what comes in is handed to the handlers. */
  get takesFrames(): boolean {
    return this.#pauses === 0 && this.#state !== 'closed';
  }

  /** Hot path. Keeps what is not decoded, `bytes` being all of what was kept where there was something. */
  #decode(bytes: Buffer): void {
    let decoded = 0;
    let stage: Stage;
    try {
      do {
        stage = this.#state;
        const most = stage === 'open' ? this.#host.maxFrameBytes : this.#host.loginBytes;
        const left = decoded === 0 ? bytes : bytes.subarray(decoded);
        const { shares } = this.#host;
        const mostFrames = shares.framesOf(this);
        decoded += runHandlers(this.#host.handlers, this, left, most, mostFrames);
        shares.handled(mostFrames - framesLeftOver());
        if (framesLeftOver() <= 0) this.#waitForTurn();
      } while (stage !== this.#state && this.takesFrames);
    } catch (error) {
      this.#failFor(error);
    }
    // The beginning of another frame: its age counts from now.
    if (decoded > 0 && this.#kept) this.#host.keeps(this, 0);
    // A session that has closed meanwhile keeps nothing.
    if (this.#state !== 'closed') this.#kept = keepRest(this.#kept, bytes, decoded);
  }

  #failFor(error: unknown): void {
    if (error instanceof ProtocolError) {
      this.fail(error.code, error.message);
      return;
    }
    if (!(error instanceof HandlerFault)) throw error;
    this.#host.handlerFault(error);
    this.fail(ReasonCode.InternalError, 'the server could not handle a frame');
  }

  #overflow(): void {
    this.fail(ReasonCode.OutboundOverflow, 'the connection reads too slowly');
  }

  #waitForTurn(): void {
    if (this.#state === 'closed' || (this.#pauses & Pause.Turn) !== 0) return;
    this.#pause(Pause.Turn);
    this.#host.waitForTurn(this);
  }

  #pause(why: number): void {
    if (this.#state === 'closed') return;
    if (why !== Pause.LoginUnderWay || this.#kept) this.#pauseWire();
    this.#pauses |= why;
  }

  #pauseWire(): void {
    if ((this.#pauses & WIRE) !== 0) return;
    this.#pauses |= WIRE;
    this.#outbound.wire.pause();
  }

  /** One reason to be paused is gone. */
  #goOn(why: number): void {
    if ((this.#pauses & why) === 0) return;
    this.#pauses &= ~why;
    if (this.#pauses === WIRE) this.#pauses = 0;
    else if (this.#pauses !== 0) return;
    else if (!this.#kept) return;
    // We may be called from within the end of a turn, which must not be given new frames: decode once that has returned.
    if (this.takesFrames) queueMicrotask(() => this.#readOn());
  }

  /** What was kept comes before what is still to be read. */
  #readOn(): void {
    if (!this.takesFrames) return;
    this.#heardTick = this.#host.tick;
    if (this.#kept) {
      this.#decode(this.#kept.bytes);
      this.unfinished();
    }
    if (this.takesFrames) this.#outbound.wire.resume();
  }

  /** Says a last word. */
  #part(last: Buffer | undefined, reason: string): void {
    if (this.#state === 'closed') return;
    this.#outbound.end(last);
    // What still comes in is read and thrown away: left unread, it would make the kernel reset the connection, and the
    // peer would never see the reason.
    this.#outbound.wire.resume();
    this.#close(reason);
  }

  #close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outbound.drop();
    this.#kept = undefined;
    this.#host.keeps(this, 0);
    this.#host.closed(this, reason);
  }
}
