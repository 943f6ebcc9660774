import { type HomeStore, StoreFailure } from '../store/home-store.js';

/** Told what became of each turn, in the order in which they were added. */
export interface CommitListener<Turn> {
  /** The store has kept its changes: its answers may be sent. */
  promised(turn: Turn): void;
  /**
   * The store has kept none of their changes, and no commit is under way: what memory knows has to be read again from
   * the store.
   */
  failed(turns: Turn[], failure: StoreFailure): void;
}

interface Pending<Turn> {
  turn: Turn;
  isDone: boolean;
}

/**
 * Commits of turns. Several may be under way at once; their answers are sent in order. A store that is done when `commit` returns
 * costs no promise. Where a commit fails, the later ones were built on changes that do not exist, so all of them fail
 * together, once the last has come back.
 */
export class CommitQueue<Turn> {
  readonly #store: Pick<HomeStore, 'commit'>;
  readonly #listener: CommitListener<Turn>;
  readonly #pending: Pending<Turn>[] = [];
  readonly #failed: Turn[] = [];
  #failure: StoreFailure | undefined;
  #underWay = 0;
  #whenIdle: (() => void)[] = [];

  constructor(store: Pick<HomeStore, 'commit'>, listener: CommitListener<Turn>) {
    this.#store = store;
    this.#listener = listener;
  }

  /** True while a commit has failed and others are under way: nothing may be staged until they are back. */
  get isFailing(): boolean {
    return this.#failure !== undefined;
  }

  get isIdle(): boolean {
    return this.#pending.length === 0 && !this.isFailing;
  }

  /** Hot path. Commits what is staged, as what `turn` did; `isMakingRoom` as the store takes it. */
  add(turn: Turn, isMakingRoom: boolean): void {
    if (this.#failure) throw new Error('a turn was added behind one that failed');
    let committed: Promise<void> | undefined;
    try {
      committed = this.#store.commit(isMakingRoom);
    } catch (error) {
      this.#fail([turn], error);
      return;
    }
    if (!committed && this.#pending.length === 0) {
      this.#listener.promised(turn);
      return;
    }
    const pending = { turn, isDone: committed === undefined };
    this.#pending.push(pending);
    if (!committed) return;
    this.#underWay += 1;
    committed.then(
      () => this.#settle(() => this.#kept(pending)),
      (error: unknown) => this.#settle(() => this.#lost(pending, error)),
    );
  }

  /** Resolves once nothing is under way. */
  idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #settle(act: () => void): void {
    this.#underWay -= 1;
    act();
    if (this.#failure && this.#underWay === 0) this.#endFailure();
    if (!this.isIdle) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #kept(pending: Pending<Turn>): void {
    // The process must end: a store that keeps a turn and not the one before it has broken the promise that all else rests on.
    if (!this.#pending.includes(pending)) throw new Error('the store kept a turn behind one that failed');
    pending.isDone = true;
    while (this.#pending[0]?.isDone) this.#listener.promised((this.#pending.shift() as Pending<Turn>).turn);
  }

  #lost(pending: Pending<Turn>, error: unknown): void {
    const at = this.#pending.indexOf(pending);
    // Not found: it was taken out when one before it failed.
    if (at >= 0)
      this.#fail(
        this.#pending.splice(at).map(({ turn }) => turn),
        error,
      );
  }

  #fail(turns: Turn[], error: unknown): void {
    if (!(error instanceof StoreFailure)) throw error;
    // An earlier turn may fail after a later one did; the list stays in order.
    this.#failed.unshift(...turns);
    this.#failure = error;
    if (this.#underWay === 0) this.#endFailure();
  }

  #endFailure(): void {
    const failure = this.#failure as StoreFailure;
    this.#failure = undefined;
    this.#listener.failed(this.#failed.splice(0), failure);
  }
}
