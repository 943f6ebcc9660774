import type { ClusterView } from './cluster-view.js';
import type { LeaseTable } from './lease-table.js';
import type { HomePlace } from './membership.js';
import { homeKey } from './table-entries.js';

/** Writes where homes are, by compare-and-set on what is known, one write a home at a time. */
export class HomeWriter {
  readonly #table: LeaseTable;
  readonly #view: ClusterView;
  readonly #lost: (home: number) => void;
  /** By home, what stands for the write that is under way. */
  readonly #underWay = new Map<number, object>();

  /** @param lost told of a home whose write got no answer: think of it again */
  constructor(table: LeaseTable, view: ClusterView, lost: (home: number) => void) {
    this.#table = table;
    this.#view = view;
    this.#lost = lost;
  }

  isWriting(home: number): boolean {
    return this.#underWay.has(home);
  }

  write(place: HomePlace): void {
    const { home } = place;
    const write = {};
    this.#underWay.set(home, write);
    const revision = this.#view.homeRevision(home);
    const done: Parameters<LeaseTable['create']>[2] = ({ kind }) => {
      // What was done, or what it was refused for, comes with the table's changes, in their order.
      if (kind !== 'unknown' || this.#underWay.get(home) !== write) return;
      this.#underWay.delete(home);
      this.#lost(home);
    };
    if (revision === 0) this.#table.create(homeKey(home), place, done);
    else this.#table.update(homeKey(home), place, revision, done);
  }

  /** What was written before is not waited for. */
  forget(): void {
    this.#underWay.clear();
  }

  /** The home has changed: by the write that is under way, or it will be refused. */
  changed(home: number): void {
    this.#underWay.delete(home);
  }
}
