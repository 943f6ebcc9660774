import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numbersKey } from '../store/store-keys.js';
import { DeduplicationWindow } from './deduplication-window.js';
import type { Mailbox } from './mailbox.js';

/** Whose numbers a window remembers: the ids of one sender, or the messages of one group. */
export type WindowOf = 'user' | 'group';

/** When the window was last written, in whole seconds since 1970. */
const TIME_BYTES = 4;
const WINDOW_OFFSET = VALUE_OFFSET + TIME_BYTES;

let scratch = Buffer.allocUnsafeSlow(4096);

interface Changed {
  mailbox: Mailbox;
  from: number;
  kind: WindowOf;
  window: DeduplicationWindow;
}

/**
 * The windows of all mailboxes: what came into each from each sender and group. A window goes into the same commit as the
 * item whose id it remembers, so that after a crash both are there, or neither.
 */
export class Deduplication {
  readonly #store: HomeStore;
  #changed: Changed[] = [];
  /** How many windows are in memory. */
  #size = 0;

  constructor(store: HomeStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#size;
  }

  /** Hot path. What `mailbox` had from a sender or a group. */
  windowOf(mailbox: Mailbox, from: number, kind: WindowOf): DeduplicationWindow {
    let windows = windowsOf(mailbox, kind);
    if (!windows) {
      windows = new Map();
      if (kind === 'user') mailbox.windows = windows;
      else mailbox.groupWindows = windows;
    }
    let window = windows.get(from);
    if (!window) {
      window = this.#read(mailbox, from, kind);
      windows.set(from, window);
      this.#size += 1;
    }
    return window;
  }

  /** Hot path. Takes `id` as accepted. */
  remember(mailbox: Mailbox, from: number, kind: WindowOf, window: DeduplicationWindow, id: number): void {
    // A store that keeps nothing through a crash gets the window only when it leaves memory.
    if (!window.isChanged && this.#store.isDurable) this.#changed.push({ mailbox, from, kind, window });
    window.remember(id);
  }

  /** Hot path. An item of that sender or group was acknowledged, and has left the mailbox. */
  forgetWaiting(mailbox: Mailbox, from: number, kind: WindowOf): void {
    const window = windowsOf(mailbox, kind)?.get(from);
    if (!window || window.waiting === 0) return;
    window.waiting -= 1;
    // `letGo` writes only windows that have changed.
    if (!this.#store.isDurable) window.isChanged = true;
  }

  /** The store has deleted that window, because it was too old: it goes from memory too, unless it was used since. */
  forget(mailbox: Mailbox, from: number, kind: WindowOf): void {
    const windows = windowsOf(mailbox, kind);
    if (windows?.get(from)?.isChanged) return;
    if (windows?.delete(from)) this.#size -= 1;
  }

  /** Stages the windows that changed in this turn, for its commit. */
  writeDown(nowMs: number): void {
    if (this.#changed.length === 0) return;
    for (const { mailbox, from, kind, window } of this.#changed)
      this.#write(mailbox.user, from, kind, window, nowMs);
    this.#changed = [];
  }

  /** Takes the windows of a mailbox out of memory. To be called between two turns, when nothing is staged. */
  letGo(mailbox: Mailbox, nowMs: number): void {
    for (const kind of ['user', 'group'] as const) {
      const windows = windowsOf(mailbox, kind);
      if (!windows) continue;
      this.#size -= windows.size;
      if (this.#store.isDurable) continue;
      for (const [from, window] of windows)
        if (window.isChanged) this.#write(mailbox.user, from, kind, window, nowMs);
    }
    mailbox.windows = undefined;
    mailbox.groupWindows = undefined;
  }

  /** The commit failed: windows that it changed are dropped, and read again from the store when they are needed. */
  drop(): void {
    for (const { mailbox, from, kind } of this.#changed) {
      const windows = windowsOf(mailbox, kind);
      if (windows?.delete(from)) this.#size -= 1;
    }
    this.#changed = [];
  }

  #read(mailbox: Mailbox, from: number, kind: WindowOf): DeduplicationWindow {
    const kept = this.#store.get(windowKey(mailbox.user, from, kind));
    if (!kept) return new DeduplicationWindow();
    const window = DeduplicationWindow.read(kept, WINDOW_OFFSET);
    // It was written before the newest acknowledgements: no more can wait than the mailbox holds.
    window.waiting = Math.min(window.waiting, mailbox.length);
    return window;
  }

  #write(user: number, from: number, kind: WindowOf, window: DeduplicationWindow, nowMs: number): void {
    this.#store.stage(windowKey(user, from, kind), writeWindow(window, nowMs));
    window.isChanged = false;
  }
}

function windowsOf(mailbox: Mailbox, kind: WindowOf): Map<number, DeduplicationWindow> | undefined {
  return kind === 'user' ? mailbox.windows : mailbox.groupWindows;
}

/** When the window or the sender that `value` holds was last written to. */
export function writtenAtMs(value: Buffer): number {
  return value.readUInt32LE(VALUE_OFFSET) * 1000;
}

/** @param room bytes that the caller wants behind it */
export function writeWindow(window: DeduplicationWindow, nowMs: number, room = 0): Buffer {
  const most = WINDOW_OFFSET + window.mostBytes;
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most);
  const end = window.write(scratch, WINDOW_OFFSET);
  const value = Buffer.allocUnsafe(end + room);
  scratch.copy(value, WINDOW_OFFSET, WINDOW_OFFSET, end);
  value.writeUInt32LE(Math.floor(nowMs / 1000), VALUE_OFFSET);
  return value;
}

export function readWindow(value: Buffer): DeduplicationWindow {
  return DeduplicationWindow.read(value, WINDOW_OFFSET);
}

function windowKey(user: number, from: number, kind: WindowOf): Buffer {
  return numbersKey(kind === 'user' ? KeyKind.Window : KeyKind.GroupWindow, user, from);
}
