import type { Bus } from '../bus/bus.js';
import type { WorkerHomes } from '../home/worker-homes.js';
import { QueueGauge } from '../queues/queue-gauge.js';
import type { InboundBudget } from './inbound-budget.js';
import { ReadShare } from './read-share.js';
import type { Session } from './session.js';

/** Waiting for this cell sleeps the whole thread, as nobody ever notifies it. A timer would let the event loop go on. */
const restCell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export interface TurnParts {
  homes: Pick<WorkerHomes, 'commit' | 'staged'>;
  bus: Bus;
  budget: InboundBudget;
  /** Whether the worker may rest now, for as long as `coalesceMs`. */
  mayRest(): boolean;
  coalesceMs: number;
}

/**
 * One turn of the event loop. Everything that happened in it is answered together at its end: commit, then one write a
 * connection, then the bus.
 */
export class Turn {
  /** Changes that one commit holds. */
  readonly writes = new QueueGauge();
  /** Messages for this process. */
  readonly ingress = new QueueGauge();
  /** How much of each connection is read in one turn. */
  readonly shares = new ReadShare();
  readonly #parts: TurnParts;
  #dirty: Session[] = [];
  #isScheduled = false;

  constructor(parts: TurnParts) {
    this.#parts = parts;
  }

  /** Hot path. Something happened: this turn has an end. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // The check phase comes right after polling: all sockets that were readable have been read by then.
    setImmediate(this.end);
  }

  /** The session had its share of this turn. */
  waitForNext(session: Session): void {
    this.shares.wait(session);
    this.schedule();
  }

  /** Hot path. The session has frames to write. */
  markDirty(session: Session): void {
    this.#dirty.push(session);
    this.schedule();
  }

  /** Ends the turn now. */
  readonly end = (): void => {
    const { homes, bus, budget, mayRest, coalesceMs } = this.#parts;
    this.ingress.empty();
    this.writes.add(homes.staged);
    homes.commit();
    this.writes.empty();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) session.flush();
    bus.flush();
    budget.turnEnded();
    this.shares.turnEnded();
    // Set last, because the steps above call schedule() for work that is part of this turn.
    this.#isScheduled = false;
    if (coalesceMs > 0 && mayRest()) Atomics.wait(restCell, 0, 0, coalesceMs);
  };
}
