import { ReasonCode } from '../../protocol/frame.js';
import type { Store } from '../store/store.js';
import { KeyKind, numberOf, numbersKey } from '../store/store-keys.js';
import { DeduplicationWindow, REPEAT_WINDOW_BYTES } from './deduplication-window.js';

const NUMBER_BYTES = 8;

/** Groups that are kept in memory, where the store has them as well. */
const GROUPS_IN_MEMORY = 10_000;

/** What the home of a group knows of it. */
export interface Group {
  readonly id: number;
  owner: number;
  members: Float64Array;
  /** Number of the newest message. */
  lastNumber: number;
  /** By sender, those that have written to it. */
  readonly repeats: Map<number, DeduplicationWindow>;
}

/** The groups of one home: who is in them, and how their messages are numbered. Durable with the store. */
export class Groups {
  readonly #groups = new Map<number, Group>();
  readonly #store: Store;
  readonly #mostMembers: number;

  constructor(store: Store, mostMembers: number) {
    this.#store = store;
    this.#mostMembers = mostMembers;
  }

  /** Undefined where nobody has made it. */
  find(group: number): Group | undefined {
    const known = this.#groups.get(group) ?? this.#recover(group);
    if (known) this.#groups.set(group, known);
    return known;
  }

  /**
   * Gives a group these members; whoever makes it owns it.
   * @returns why not, or undefined where it is done
   */
  set(group: number, owner: number, members: readonly number[]): ReasonCode | undefined {
    if (members.length > this.#mostMembers) return ReasonCode.GroupTooLarge;
    const known = this.find(group);
    if (known && known.owner !== owner) return ReasonCode.NotGroupOwner;
    const different = Float64Array.from(new Set(members));
    if (known) known.members = different;
    else this.#groups.set(group, { id: group, owner, members: different, lastNumber: 0, repeats: new Map() });
    this.#store.note(numbersKey(KeyKind.Group, group), writeNumbers([owner, ...different]));
    return undefined;
  }

  /** What `from` has sent to a group. */
  repeats({ repeats }: Group, from: number): DeduplicationWindow {
    let window = repeats.get(from);
    if (!window) {
      window = new DeduplicationWindow();
      repeats.set(from, window);
    }
    return window;
  }

  /** Hot path. Takes message `id` of `from` and returns its number in the group. */
  take(group: Group, from: number, id: number): number {
    const window = this.repeats(group, from);
    window.remember(id);
    group.lastNumber += 1;
    const value = Buffer.allocUnsafe(REPEAT_WINDOW_BYTES + NUMBER_BYTES);
    window.write(value, 0);
    value.writeDoubleLE(group.lastNumber, REPEAT_WINDOW_BYTES);
    this.#store.note(numbersKey(KeyKind.GroupSender, group.id, from), value);
    return group.lastNumber;
  }

  /** Lets go of what the store has; to be called when everything is committed. */
  trim(): void {
    if (this.#store.isDurable && this.#groups.size > GROUPS_IN_MEMORY) this.#groups.clear();
  }

  #recover(group: number): Group | undefined {
    const kept = this.#store.noted(numbersKey(KeyKind.Group, group));
    if (!kept) return undefined;
    const [owner = 0, ...members] = readNumbers(kept);
    const repeats = new Map<number, DeduplicationWindow>();
    let lastNumber = 0;
    for (const { key, value } of this.#store.notes(numbersKey(KeyKind.GroupSender, group))) {
      repeats.set(numberOf(key, 1), DeduplicationWindow.read(value));
      lastNumber = Math.max(lastNumber, value.readDoubleLE(REPEAT_WINDOW_BYTES));
    }
    return { id: group, owner, members: Float64Array.from(members), lastNumber, repeats };
  }
}

function writeNumbers(numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBER_BYTES * numbers.length);
  numbers.forEach((number, index) => {
    bytes.writeDoubleLE(number, NUMBER_BYTES * index);
  });
  return bytes;
}

function readNumbers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / NUMBER_BYTES }, (_, index) =>
    bytes.readDoubleLE(NUMBER_BYTES * index),
  );
}
