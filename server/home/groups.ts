import { ReasonCode } from '../../protocol/frame.js';
import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numberOf, numbersKey } from '../store/store-keys.js';
import { readWindow, writeWindow, writtenAtMs } from './deduplication.js';
import { DeduplicationWindow } from './deduplication-window.js';

const NUMBER_BYTES = 8;
const TIME_BYTES = 4;
const NUMBERS_OFFSET = VALUE_OFFSET + TIME_BYTES;

/** Groups that are kept in memory, where the store has them as well. */
const GROUPS_IN_MEMORY = 10_000;

/** What the home of a group knows of it. */
export interface Group {
  readonly id: number;
  owner: number;
  members: Float64Array;
  /** When it was last made or written to, milliseconds since 1970. */
  usedAtMs: number;
  /** Number of the newest message. */
  lastNumber: number;
  /** By sender, those that have written to it. */
  readonly windows: Map<number, DeduplicationWindow>;
}

export interface GroupLimits {
  groupMembers: number;
  groupsPerUser: number;
}

/** The groups of one home: who is in them, and how their messages are numbered. Durable with the store. */
export class Groups {
  readonly #groups = new Map<number, Group>();
  readonly #store: HomeStore;
  readonly #limits: GroupLimits;
  /** By owner; counted when somebody first makes a group. */
  #owned: Map<number, number> | undefined;
  #walk: Iterator<number> | undefined;

  constructor(store: HomeStore, limits: GroupLimits) {
    this.#store = store;
    this.#limits = limits;
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
  set(group: number, owner: number, members: readonly number[], nowMs: number): ReasonCode | undefined {
    if (members.length > this.#limits.groupMembers) return ReasonCode.GroupTooLarge;
    const known = this.find(group);
    if (known && known.owner !== owner) return ReasonCode.NotGroupOwner;
    const different = Float64Array.from(new Set(members));
    if (known) {
      known.members = different;
      known.usedAtMs = nowMs;
    } else {
      const owned = this.#countOwned();
      const count = owned.get(owner) ?? 0;
      if (count >= this.#limits.groupsPerUser) return ReasonCode.TooManyGroups;
      owned.set(owner, count + 1);
      this.#groups.set(group, {
        id: group,
        owner,
        members: different,
        usedAtMs: nowMs,
        lastNumber: 0,
        windows: new Map(),
      });
    }
    // What is not durable is in memory for as long as anything is.
    if (this.#store.isDurable) this.#store.stage(groupKey(group), writeGroup(owner, different, nowMs));
    return undefined;
  }

  /** What `from` has sent to a group. */
  windowOf({ windows }: Group, from: number): DeduplicationWindow {
    let window = windows.get(from);
    if (!window) {
      window = new DeduplicationWindow();
      windows.set(from, window);
    }
    return window;
  }

  /** Hot path. Takes message `id` of `from` and returns its number in the group. */
  take(group: Group, from: number, id: number, nowMs: number): number {
    const window = this.windowOf(group, from);
    window.remember(id);
    group.lastNumber += 1;
    group.usedAtMs = nowMs;
    if (!this.#store.isDurable) return group.lastNumber;
    const value = writeWindow(window, nowMs, NUMBER_BYTES);
    value.writeDoubleLE(group.lastNumber, value.length - NUMBER_BYTES);
    this.#store.stage(numbersKey(KeyKind.GroupSender, group.id, from), value);
    return group.lastNumber;
  }

  /** Deletes a group that nobody has made or written to since `beforeMs`. */
  expire(group: number, beforeMs: number): boolean {
    const known = this.#groups.get(group) ?? this.#recover(group);
    if (!known || known.usedAtMs >= beforeMs) return false;
    if (this.#store.isDurable) {
      this.#store.stage(groupKey(group));
      for (const from of known.windows.keys())
        this.#store.stage(numbersKey(KeyKind.GroupSender, group, from));
    }
    this.#groups.delete(group);
    const owned = this.#owned?.get(known.owner) ?? 0;
    if (owned > 1) this.#owned?.set(known.owner, owned - 1);
    else this.#owned?.delete(known.owner);
    return true;
  }

  /** The same for the next few of those that no store has. */
  expireInMemory(beforeMs: number, steps: number): void {
    if (this.#store.isDurable) return;
    for (let step = 0; step < steps; step += 1) {
      this.#walk ??= this.#groups.keys();
      const { done, value } = this.#walk.next();
      if (done) {
        this.#walk = undefined;
        return;
      }
      this.expire(value, beforeMs);
    }
  }

  /** Lets go of what the store has; to be called when everything is committed. */
  trim(): void {
    if (this.#store.isDurable && this.#groups.size > GROUPS_IN_MEMORY) this.#groups.clear();
  }

  /** A turn failed: they are as the store has them. */
  drop(): void {
    this.#groups.clear();
    this.#owned = undefined;
  }

  #countOwned(): Map<number, number> {
    if (this.#owned) return this.#owned;
    const owned = new Map<number, number>();
    for (const { value } of this.#store.range(numbersKey(KeyKind.Group))) {
      const owner = value.readDoubleLE(NUMBERS_OFFSET);
      owned.set(owner, (owned.get(owner) ?? 0) + 1);
    }
    this.#owned = owned;
    return owned;
  }

  #recover(group: number): Group | undefined {
    const kept = this.#store.get(groupKey(group));
    if (!kept) return undefined;
    const [owner = 0, ...members] = readNumbers(kept);
    const windows = new Map<number, DeduplicationWindow>();
    let lastNumber = 0;
    let usedAtMs = kept.readUInt32LE(VALUE_OFFSET) * 1000;
    for (const { key, value } of this.#store.range(numbersKey(KeyKind.GroupSender, group))) {
      windows.set(numberOf(key, 1), readWindow(value));
      lastNumber = Math.max(lastNumber, value.readDoubleLE(value.length - NUMBER_BYTES));
      usedAtMs = Math.max(usedAtMs, writtenAtMs(value));
    }
    return { id: group, owner, members: Float64Array.from(members), usedAtMs, lastNumber, windows };
  }
}

function groupKey(group: number): Buffer {
  return numbersKey(KeyKind.Group, group);
}

function writeGroup(owner: number, members: Float64Array, nowMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBERS_OFFSET + NUMBER_BYTES * (1 + members.length));
  let at = bytes.writeUInt32LE(Math.floor(nowMs / 1000), VALUE_OFFSET);
  at = bytes.writeDoubleLE(owner, at);
  for (const member of members) at = bytes.writeDoubleLE(member, at);
  return bytes;
}

function readNumbers(bytes: Buffer): number[] {
  return Array.from({ length: (bytes.length - NUMBERS_OFFSET) / NUMBER_BYTES }, (_, index) =>
    bytes.readDoubleLE(NUMBERS_OFFSET + NUMBER_BYTES * index),
  );
}
