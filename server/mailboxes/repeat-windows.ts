import { RepeatWindow } from './repeat-window.js';

/** The windows of all pairs, by recipient and sender; one is made with the first message. */
export class RepeatWindows {
  readonly #ofUsers = new Map<number, Map<number, RepeatWindow>>();

  /** @param make gives a window that is not in here yet, such as one that was kept */
  get(user: number, from: number, make: () => RepeatWindow = () => new RepeatWindow()): RepeatWindow {
    let ofUser = this.#ofUsers.get(user);
    if (!ofUser) {
      ofUser = new Map();
      this.#ofUsers.set(user, ofUser);
    }
    let window = ofUser.get(from);
    if (!window) {
      window = make();
      ofUser.set(from, window);
    }
    return window;
  }
}
