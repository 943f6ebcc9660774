import { type HomeStore, StoreFailure } from '../store/home-store.js';

/** Who is told what became of the turns, in their order. */
export interface CommitListener<Turn> {
  /** Its changes are kept: what it had to say may be said. */
  promised(turn: Turn): void;
  /** None of their changes is kept, and nothing is under way any more: what is known has to be read again. */
  failed(turns: Turn[], failure: StoreFailure): void;
}

interface Pending<Turn> {
  turn: Turn;
  isDone: boolean;
}

/**
 * Commits of turns, several under way at once, whose consequences are said in order. A store that is done when it returns
 * costs no promise. Where one fails, those behind it build on what is not there: all of them fail together, once the last
 * of them has come back.
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

  /** Hot path. Commits what is staged, as what `turn` did. */
  add(turn: Turn): void {
    if (this.#failure) throw new Error('a turn was added behind one that failed');
    let committed: Promise<void> | undefined;
    try {
      committed = this.#store.commit();
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
    // Said loudly: a store that keeps a turn and not the one before it cannot be trusted with anything.
    if (!this.#pending.includes(pending)) throw new Error('the store kept a turn behind one that failed');
    pending.isDone = true;
    while (this.#pending[0]?.isDone) this.#listener.promised((this.#pending.shift() as Pending<Turn>).turn);
  }

  #lost(pending: Pending<Turn>, error: unknown): void {
    const at = this.#pending.indexOf(pending);
    // Otherwise it failed with one before it.
    if (at >= 0)
      this.#fail(
        this.#pending.splice(at).map(({ turn }) => turn),
        error,
      );
  }

  #fail(turns: Turn[], error: unknown): void {
    if (!(error instanceof StoreFailure)) throw error;
    // Those that were called later stand behind those that failed first.
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
