import { DeduplicationWindow } from './deduplication-window.js';

/** The windows of all pairs, by recipient and sender; one is made with the first message. */
export class Deduplication {
  readonly #ofUsers = new Map<number, Map<number, DeduplicationWindow>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param make gives a window that is not in here yet, such as one that was kept */
  get(
    user: number,
    from: number,
    make: () => DeduplicationWindow = () => new DeduplicationWindow(),
  ): DeduplicationWindow {
    let ofUser = this.#ofUsers.get(user);
    if (!ofUser) {
      ofUser = new Map();
      this.#ofUsers.set(user, ofUser);
    }
    let window = ofUser.get(from);
    if (!window) {
      window = make();
      this.#size += 1;
      ofUser.set(from, window);
    }
    return window;
  }

  /** Takes out the windows of the user whose first one was made before those of all others. */
  takeOldest(): { user: number; windows: Map<number, DeduplicationWindow> } | undefined {
    for (const [user, windows] of this.#ofUsers) {
      this.#ofUsers.delete(user);
      this.#size -= windows.size;
      return { user, windows };
    }
    return undefined;
  }
}
