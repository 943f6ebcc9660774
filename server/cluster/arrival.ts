import type { ClusterView } from './cluster-view.js';
import type { LeaseTable, WhenWritten } from './lease-table.js';
import { LARGEST_PEER, type Peer } from './membership.js';
import type { Scheduler } from './scheduler.js';
import {
  CLUSTER_KEY,
  type ClusterShape,
  FORMAT_VERSION,
  NUMBERS_KEY,
  type PeerEntry,
  peerKey,
} from './table-entries.js';

/** What was refused or not answered is tried again within this time: not by all newcomers at once. */
const ASK_AGAIN_MS = 250;
/** What was written is seen by then, or the table has other troubles. */
const SEEN_AFTER_MS = 2000;

export interface ArrivalParts {
  readonly table: LeaseTable;
  readonly view: ClusterView;
  readonly scheduler: Scheduler;
  readonly shape: Omit<ClusterShape, 'format'>;
  /** As it is when it writes itself into the table. */
  peer(): Omit<Peer, 'number'>;
  /** See `PeerEntry.life`. */
  readonly life: string;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ArrivalListener {
  /** It is in the table. */
  arrived(entry: PeerEntry): void;
  /** It cannot be one of this cluster, whatever is tried. */
  refused(error: Error): void;
}

/** How a process comes into the cluster: it agrees on its shape, takes a number, and writes itself into the table. */
export class Arrival {
  readonly #parts: ArrivalParts;
  readonly #listener: ArrivalListener;
  #isWriting = false;
  #isOver = false;
  /** What it waits for, as people are told. */
  waitsFor = 'the table of the cluster to be read';
  /** Taken, and not yet seen in the table. */
  #number: number | undefined;

  constructor(parts: ArrivalParts, listener: ArrivalListener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  /** Takes the next step, where there is one to take: called when the table was read, and after each change of it. */
  step(): void {
    if (this.#isOver) return;
    const { view, table, shape, life } = this.#parts;
    const entry = this.#number === undefined ? undefined : view.seated(this.#number)?.entry;
    if (entry?.life === life) {
      this.#isOver = true;
      this.#listener.arrived(entry);
      return;
    }
    if (this.#isWriting) return;
    if (view.cluster === undefined) {
      this.waitsFor = 'the cluster to be written';
      // Whoever writes it first: it is seen in the table.
      this.#write(
        (done) => table.create(CLUSTER_KEY, { format: FORMAT_VERSION, ...shape }, done),
        ASK_AGAIN_MS,
      );
      return;
    }
    const difference = differenceOf(view.cluster.shape, shape);
    if (difference) this.#refuse(difference);
    else this.#takeNumber();
  }

  cancel(): void {
    this.#isOver = true;
  }

  #refuse(why: string): void {
    this.#isOver = true;
    this.#listener.refused(new Error(why));
  }

  #takeNumber(): void {
    const { view, table } = this.#parts;
    const { value, revision } = view.lastNumber;
    const number = freeNumber(value, view.numbersInUse());
    if (number === undefined) {
      this.#refuse(`all ${LARGEST_PEER} numbers for peers are in use: stop some of them`);
      return;
    }
    this.waitsFor = 'a number for this peer';
    this.#write(
      (done) => {
        if (revision === 0) table.create(NUMBERS_KEY, number, done);
        else table.update(NUMBERS_KEY, number, revision, done);
      },
      0,
      () => this.#comeIn(number),
    );
  }

  #comeIn(number: number): void {
    const { table, peer, life } = this.#parts;
    this.waitsFor = 'this peer to be in the table';
    this.#number = number;
    const entry: PeerEntry = { peer: { ...peer(), number }, life, beat: 0 };
    this.#isWriting = true;
    table.create(peerKey(number), entry, ({ kind }) => {
      if (kind === 'conflict') this.#stepLater();
      // Until it is seen nothing else is tried, or it would be there twice: what was not answered may be written all the same.
      else this.#later(SEEN_AFTER_MS, () => this.#giveUp(number));
    });
  }

  /** It was not seen in time. Whether it is there, or is on its way yet: it must not stay there as somebody who lives. */
  #giveUp(number: number): void {
    const { table, view, life } = this.#parts;
    this.#number = undefined;
    const there = view.seated(number)?.entry;
    if (there && there.life !== life) {
      this.#stepNow();
      return;
    }
    this.waitsFor = `its entry under number ${number} to be deleted, which it has not seen`;
    table.delete(peerKey(number), undefined, ({ kind }) => {
      if (kind === 'done') this.#stepNow();
      else this.#later(this.#askAgainMs, () => this.#giveUp(number));
    });
  }

  /**
   * @param seenAfterMs the next step waits so long where it was written
   * @param written what to do instead of a step
   */
  #write(write: (done: WhenWritten) => void, seenAfterMs: number, written?: () => void): void {
    this.#isWriting = true;
    write(({ kind }) => {
      if (this.#isOver) return;
      if (kind === 'done' && written) written();
      else if (kind === 'done') this.#stepLater(seenAfterMs);
      else this.#stepLater();
    });
  }

  get #askAgainMs(): number {
    return this.#parts.random() * ASK_AGAIN_MS;
  }

  #stepLater(delayMs = this.#askAgainMs): void {
    this.#later(delayMs, () => this.#stepNow());
  }

  #stepNow(): void {
    this.#isWriting = false;
    this.step();
  }

  #later(delayMs: number, run: () => void): void {
    this.#parts.scheduler.after(delayMs, () => {
      if (!this.#isOver) run();
    });
  }
}

/** @returns what differs and what to do, if anything does */
function differenceOf(
  there: ClusterShape | undefined,
  here: Omit<ClusterShape, 'format'>,
): string | undefined {
  if (!there || there.format !== FORMAT_VERSION)
    return (
      `the cluster was made by another version of c2m (format ${there?.format ?? 'unknown'}, not ${FORMAT_VERSION}): ` +
      'start that version, or give this cluster another name'
    );
  if (there.homes !== here.homes)
    return (
      `the cluster has ${there.homes} homes, not ${here.homes}; their number is fixed when a cluster is made: ` +
      `start with ${there.homes} homes, or give this cluster another name`
    );
  if (there.replicas !== here.replicas)
    return (
      `the cluster keeps ${there.replicas} replicas, not ${here.replicas}: ` +
      `start with ${there.replicas} replicas, or give this cluster another name`
    );
  return undefined;
}

function freeNumber(last: number, inUse: ReadonlySet<number>): number | undefined {
  for (let step = 1; step <= LARGEST_PEER; step += 1) {
    const number = ((last + step - 1) % LARGEST_PEER) + 1;
    if (!inUse.has(number)) return number;
  }
  return undefined;
}
