import { QueueGauge } from '../queues/queue-gauge.js';

/** Looking at every connection that has something in Node's buffers takes a while: no more often than this. */
const RECOUNT_MS = 100;

/** Bytes of one connection on their way to the kernel. */
interface Unsettled {
  /** Looks what the kernel has taken. @returns whether that is all */
  settle(): boolean;
}

/** What all connections of one worker have still to be sent, and how much that may be. */
export class OutboundBudget {
  /** What may wait for one connection. */
  readonly bytesPerConnection: number;
  /** Frames behind readers that the kernel takes no more for. */
  readonly frames = new QueueGauge();
  /**
   * From the frame that was made to the kernel that took it: what a turn has gathered, what waits behind a slow reader, and
   * what lies in Node's buffers.
   */
  bytes = 0;
  readonly #limitBytes: number;
  /** Those of whose buffers nothing will be told: an event comes only where much was in it. */
  readonly #unsettled = new Set<Unsettled>();
  #recountMs = 0;

  constructor({
    outboundBufferBytes,
    outboundTotalBytes,
  }: {
    outboundBufferBytes: number;
    outboundTotalBytes: number;
  }) {
    this.bytesPerConnection = outboundBufferBytes;
    this.#limitBytes = outboundTotalBytes;
  }

  /** True while connections hold more of this process than they may together. */
  get isFull(): boolean {
    if (this.bytes <= this.#limitBytes) return false;
    const now = performance.now();
    if (now - this.#recountMs >= RECOUNT_MS) {
      this.#recountMs = now;
      this.recount();
    }
    return this.bytes > this.#limitBytes;
  }

  unsettled(outbound: Unsettled): void {
    this.#unsettled.add(outbound);
  }

  gone(outbound: Unsettled): void {
    this.#unsettled.delete(outbound);
  }

  /** Looks what the kernel has taken meanwhile; to be called now and then. */
  recount(): void {
    for (const outbound of this.#unsettled) if (outbound.settle()) this.#unsettled.delete(outbound);
  }
}
