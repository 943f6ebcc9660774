import { decodeFrames } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import { type Frame, FrameType, PROTOCOL_VERSION } from '../../protocol/frame.js';
import type { HandlerFault } from '../../server/gateway/handler-run.js';
import { OutboundBudget } from '../../server/gateway/outbound-budget.js';
import { Session } from '../../server/gateway/session.js';
import type { SessionHost } from '../../server/gateway/session-host.js';
import { UnfinishedBudget } from '../../server/gateway/unfinished-budget.js';
import type { Wire } from '../../server/gateway/wire.js';
import type { Handlers } from '../../server/hot-code/handler-api.js';
import { HotCode } from '../../server/hot-code/hot-code.js';

const shipped = (await HotCode.start(`${process.cwd()}/dist/server/hot-code/handlers.js`)).inForce;

/** A connection whose kernel takes as much as the test says; `taken` is what the client has got. */
export class FakeWire implements Wire {
  taken: Buffer[] = [];
  isPaused = false;
  isEnded = false;
  /** Bytes that the kernel still has room for. */
  room = Number.POSITIVE_INFINITY;
  /** Of the buffers that were not taken at once, in bytes: a few of them hold all of it. */
  readonly heldRooms: number[] = [];
  #held = Buffer.alloc(0);

  write(bytes: Buffer): boolean {
    this.#held = Buffer.concat([this.#held, bytes]);
    this.take();
    if (this.writableLength > 0) this.heldRooms.push(bytes.buffer.byteLength);
    return this.writableLength < 16_384;
  }

  get writableLength(): number {
    return this.#held.length;
  }

  /** The kernel takes what it has room for. */
  take(): void {
    const bytes = Math.min(this.room, this.#held.length);
    this.taken.push(this.#held.subarray(0, bytes));
    this.#held = this.#held.subarray(bytes);
    this.room -= bytes;
  }

  get frames(): Frame[] {
    const frames: Frame[] = [];
    decodeFrames(Buffer.concat(this.taken), 1 << 24, (frame) => frames.push(frame) > 0);
    return frames;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.isEnded = true;
  }
}

/** A worker that answers a login at once, unless told otherwise, and remembers what it was asked. */
export class FakeHost implements SessionHost<Session> {
  readonly maxFrameBytes = 65_536;
  readonly loginBytes = 4096;
  readonly deliveryWindow = 256;
  readonly outbound: OutboundBudget;
  readonly unfinished: UnfinishedBudget;
  handlers: Handlers = shipped;
  tick = 0;
  isHomeThere = true;
  readonly asked: string[] = [];
  readonly faults: HandlerFault[] = [];
  readonly closedFor: string[] = [];
  readonly #dirty: Session[] = [];
  #connections = 0;
  #ids = 0;

  constructor(outboundBufferBytes = 1_048_576, outboundTotalBytes = 268_435_456, inboundBytes = 67_108_864) {
    this.outbound = new OutboundBudget({ outboundBufferBytes, outboundTotalBytes });
    this.unfinished = new UnfinishedBudget({ inboundBytes });
  }

  keeps(session: Session, bytes: number): void {
    this.unfinished.keeps(session, bytes);
  }

  readonly shares = {
    frames: Number.MAX_SAFE_INTEGER,
    framesOf: (): number => this.shares.frames,
    handled: () => undefined,
    read: () => false,
  };
  /** Those that had their share of this turn. */
  readonly waiting: Session[] = [];

  waitForTurn(session: Session): void {
    this.waiting.push(session);
  }

  connect(): { session: Session; wire: FakeWire } {
    const wire = new FakeWire();
    this.#connections += 1;
    return { session: new Session(this.#connections, wire, this), wire };
  }

  /** Connected, logged in and welcomed; the client has read that. */
  login(user = 1): { session: Session; wire: FakeWire } {
    const client = this.connect();
    client.session.received(hello(user));
    this.endTurn();
    client.wire.taken = [];
    return client;
  }

  endTurn(): void {
    for (const session of this.#dirty.splice(0)) session.flush();
  }

  refuseLogin(): undefined {
    return undefined;
  }

  loggedIn(session: Session): void {
    if (this.isHomeThere) session.attached(0);
  }

  welcome(): number {
    this.#ids += 1;
    return this.#ids;
  }

  submit(_session: Session, to: number, id: number, payload: Uint8Array): void {
    this.asked.push(`SEND ${to} ${id} ${payload.length}`);
  }

  submitToGroup(_session: Session, group: number, id: number): void {
    this.asked.push(`GROUP_SEND ${group} ${id}`);
  }

  setGroup(_session: Session, group: number, id: number): void {
    this.asked.push(`GROUP ${group} ${id}`);
  }

  acknowledge(_session: Session, sequence: number): void {
    this.asked.push(`ACK ${sequence}`);
  }

  markDirty(session: Session): void {
    this.#dirty.push(session);
  }

  handlerFault(fault: HandlerFault): void {
    this.faults.push(fault);
  }

  closed(_session: Session, reason: string): void {
    this.closedFor.push(reason);
  }

  gone(): void {
    this.asked.push('gone');
  }
}

/** HELLO and LOGIN. */
export function hello(user: number): Buffer {
  return framesOf(
    { type: FrameType.Hello, version: PROTOCOL_VERSION },
    { type: FrameType.Login, user, token: '' },
  );
}

export function framesOf(...frames: Frame[]): Buffer {
  return Buffer.concat(frames.map(encodeFrame));
}
