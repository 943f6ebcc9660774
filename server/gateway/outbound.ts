import { ByteQueue } from '../../protocol/byte-queue.js';
import type { OutboundBudget } from './outbound-budget.js';
import type { Wire } from './wire.js';

const NO_FRAMES: Buffer[] = [];

/** What is gathered for one write; more is written before the turn ends. */
const GATHERED_BYTES = 16 * 1024;

/** Where the frames of one connection and turn are put together; shared, since a write copies. */
let scratch = Buffer.allocUnsafeSlow(GATHERED_BYTES);

/**
 * What one connection is to be sent: gathered during a turn, and kept while the kernel takes no more. Every byte is in the
 * budget from the moment it is handed over here to the moment the kernel has it.
 */
export class Outbound {
  readonly wire: Wire;
  readonly #budget: OutboundBudget;
  /** Of this turn. */
  #frames: Buffer[] = NO_FRAMES;
  #bytes = 0;
  /** Behind a reader that the kernel takes no more for: as bytes, because thousands of small buffers cost ten times as much. */
  #waiting: ByteQueue | undefined;
  #waitingFrames = 0;
  /** In Node's buffers when last looked at. */
  #heldBytes = 0;
  /** Of the buffer that the wire was left: a few bytes of it hold all of it. */
  #roomBytes = 0;
  #isBlocked = false;

  constructor(wire: Wire, budget: OutboundBudget) {
    this.wire = wire;
    this.#budget = budget;
  }

  /** The kernel takes no more, until `drained`. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Hot path. Puts a frame behind the others. False: more waits than may. */
  add(frame: Buffer): boolean {
    this.#budget.bytes += frame.length;
    if (this.#isBlocked) {
      this.#keep(frame);
      return this.#fits;
    }
    if (this.#frames.length === 0) this.#frames = [frame];
    else this.#frames.push(frame);
    this.#bytes += frame.length;
    return this.#bytes < GATHERED_BYTES || this.flush();
  }

  /** Hot path. Hands what was gathered to the kernel in one write. False: more waits than may. */
  flush(): boolean {
    if (this.#frames.length === 0) return true;
    const frames = this.#frames;
    const bytes = this.#bytes;
    this.#frames = NO_FRAMES;
    this.#bytes = 0;
    if (this.#heldBytes > 0) this.#write(exactly(frames, bytes), bytes);
    else this.#write(frames.length === 1 ? (frames[0] as Buffer) : gather(frames, bytes), bytes);
    return !this.#isBlocked || this.#fits;
  }

  /** The kernel has taken everything. False: what has waited meanwhile is too much already. */
  drained(): boolean {
    if (!this.#isBlocked) return true;
    this.#isBlocked = false;
    this.settle();
    const waiting = this.#waiting;
    if (!waiting) return true;
    this.#waiting = undefined;
    this.#budget.frames.remove(this.#waitingFrames);
    this.#waitingFrames = 0;
    this.#write(waiting.bytes, waiting.length);
    return !this.#isBlocked || this.#fits;
  }

  /**
   * Everything gathered, then `last`, then the end of the connection. Of a slow reader what waits is dropped: it is in the
   * mailbox.
   */
  end(last: Buffer | undefined): void {
    const frames = last ? [...this.#frames, last] : this.#frames;
    if (frames.length > 0) this.#write(Buffer.concat(frames), 0);
    this.drop();
    this.wire.end();
  }

  /** Forgets what was not handed to the wire. */
  drop(): void {
    this.#budget.bytes -= this.#bytes + (this.#waiting?.length ?? 0);
    this.#budget.frames.remove(this.#waitingFrames);
    this.#frames = NO_FRAMES;
    this.#bytes = 0;
    this.#waiting = undefined;
    this.#waitingFrames = 0;
  }

  /** The connection is gone, and its buffers with it. */
  gone(): void {
    this.drop();
    this.#budget.bytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.#roomBytes = 0;
    this.#budget.gone(this);
  }

  /** Looks what the kernel has taken since. True: everything. */
  settle(): boolean {
    const waiting = this.wire.writableLength;
    if (waiting === 0) this.#roomBytes = 0;
    const held = Math.max(waiting, this.#roomBytes);
    this.#budget.bytes += held - this.#heldBytes;
    this.#heldBytes = held;
    return held === 0;
  }

  /** One write may be larger than the limit, where a frame is: nothing else may wait behind it then. */
  get #fits(): boolean {
    const waiting = this.#waiting?.length ?? 0;
    const most = this.#budget.bytesPerConnection;
    if (waiting > 0 && waiting + this.#heldBytes > most) {
      this.settle();
      if (waiting + this.#heldBytes > most) return false;
    }
    return !this.#budget.isFull;
  }

  #keep(frame: Buffer): void {
    if (this.#waiting) this.#waiting.append(frame);
    else this.#waiting = new ByteQueue(frame);
    this.#waitingFrames += 1;
    this.#budget.frames.add();
  }

  #write(gathered: Buffer, bytes: number): void {
    this.#isBlocked = !this.wire.write(gathered);
    // From here on they are counted as what the wire holds.
    this.#budget.bytes -= bytes;
    this.#look();
    if (this.#heldBytes === 0) return;
    this.#roomBytes = Math.max(this.#roomBytes, gathered.buffer.byteLength);
    this.settle();
    // What the kernel did not take at once lies in the scratch buffer still: leave that to the wire.
    if (gathered.buffer === scratch.buffer) scratch = Buffer.allocUnsafeSlow(GATHERED_BYTES);
  }

  #look(): void {
    if (!this.settle()) this.#budget.unsettled(this);
  }
}

function gather(frames: Buffer[], bytes: number): Buffer {
  if (bytes > scratch.length) return exactly(frames, bytes);
  let at = 0;
  for (const frame of frames) {
    scratch.set(frame, at);
    at += frame.length;
  }
  return scratch.subarray(0, bytes);
}

/** Not of Node's pool, of which a few bytes would hold 8 KiB. */
function exactly(frames: Buffer[], bytes: number): Buffer {
  const all = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const frame of frames) at += frame.copy(all, at);
  return all;
}
