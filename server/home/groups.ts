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
  /** Those that have written to it of late. */
  readonly senders: Map<number, GroupSender>;
}

/** What a group knows of somebody who has written to it. */
export interface GroupSender {
  readonly window: DeduplicationWindow;
  /** When it last did, milliseconds since 1970. */
  usedAtMs: number;
  /** Number of its newest message. */
  lastNumber: number;
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
  /** How many groups each user owns here; counted in the store when that user first makes one. */
  #owned: Map<number, number> | undefined;
  /** Owners of groups that were made or deleted in turns that are not committed yet. */
  readonly #uncommitted = new Map<number, number | undefined>();
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
      if ((this.#countOwned().get(owner) ?? 0) >= this.#limits.groupsPerUser) return ReasonCode.TooManyGroups;
      this.#owns(owner, 1);
      this.#uncommitted.set(group, owner);
      this.#groups.set(group, {
        id: group,
        owner,
        members: different,
        usedAtMs: nowMs,
        lastNumber: 0,
        senders: new Map(),
      });
    }
    // A store that is not durable has nothing that memory has not.
    if (this.#store.isDurable) this.#store.stage(groupKey(group), writeGroup(owner, different, nowMs));
    return undefined;
  }

  /** What `from` has sent to a group; to look at. */
  windowOf({ senders }: Group, from: number): DeduplicationWindow {
    return senders.get(from)?.window ?? new DeduplicationWindow();
  }

  /** Hot path. Takes message `id` of `from` and returns its number in the group. */
  take(group: Group, from: number, id: number, nowMs: number): number {
    let sender = group.senders.get(from);
    if (!sender) {
      sender = { window: new DeduplicationWindow(), usedAtMs: nowMs, lastNumber: 0 };
      group.senders.set(from, sender);
    }
    sender.window.remember(id);
    group.lastNumber += 1;
    sender.lastNumber = group.lastNumber;
    sender.usedAtMs = nowMs;
    group.usedAtMs = nowMs;
    if (!this.#store.isDurable) return group.lastNumber;
    const value = writeWindow(sender.window, nowMs, NUMBER_BYTES);
    value.writeDoubleLE(group.lastNumber, value.length - NUMBER_BYTES);
    this.#store.stage(senderKey(group.id, from), value);
    return group.lastNumber;
  }

  /** Deletes a group that nobody has made or written to since `beforeMs`. */
  expire(group: number, beforeMs: number): boolean {
    const known = this.#groups.get(group) ?? this.#recover(group);
    if (!known || known.usedAtMs >= beforeMs) return false;
    if (this.#store.isDurable) {
      this.#store.stage(groupKey(group));
      for (const from of known.senders.keys()) this.#store.stage(senderKey(group, from));
    }
    this.#groups.delete(group);
    this.#owns(known.owner, -1);
    this.#uncommitted.set(group, undefined);
    return true;
  }

  /** Forgets what `from` has sent to a group, if that was before `beforeMs`. The sender of the newest message stays. */
  expireSender(group: number, from: number, beforeMs: number): void {
    const known = this.find(group);
    const sender = known?.senders.get(from);
    if (!known || !sender || sender.usedAtMs >= beforeMs || sender.lastNumber === known.lastNumber) return;
    known.senders.delete(from);
    if (this.#store.isDurable) this.#store.stage(senderKey(group, from));
  }

  /** Deletes old groups and old senders among the next few groups, where groups are in memory alone. */
  expireInMemory(beforeMs: number, sendersBeforeMs: number, steps: number): void {
    if (this.#store.isDurable) return;
    for (let step = 0; step < steps; step += 1) {
      this.#walk ??= this.#groups.keys();
      const { done, value } = this.#walk.next();
      if (done) {
        this.#walk = undefined;
        return;
      }
      if (this.expire(value, beforeMs)) continue;
      for (const from of this.#groups.get(value)?.senders.keys() ?? [])
        this.expireSender(value, from, sendersBeforeMs);
    }
  }

  /** Takes groups out of memory that the store has. To be called when everything is committed. */
  trim(): void {
    this.#uncommitted.clear();
    if (this.#store.isDurable && this.#groups.size > GROUPS_IN_MEMORY) this.#groups.clear();
  }

  /** A commit failed: groups are read again from the store. */
  drop(): void {
    this.#groups.clear();
    for (const [group, owner] of this.#uncommitted) this.#changeOwner(owner, this.#keptOwner(group));
    this.#uncommitted.clear();
  }

  #changeOwner(before: number | undefined, after: number | undefined): void {
    if (before === after) return;
    if (before !== undefined) this.#owns(before, -1);
    if (after !== undefined) this.#owns(after, 1);
  }

  #owns(owner: number, change: 1 | -1): void {
    if (!this.#owned) return;
    const count = (this.#owned.get(owner) ?? 0) + change;
    if (count > 0) this.#owned.set(owner, count);
    else this.#owned.delete(owner);
  }

  #countOwned(): Map<number, number> {
    if (this.#owned) return this.#owned;
    this.#owned = new Map();
    for (const { value } of this.#store.range(numbersKey(KeyKind.Group))) this.#owns(ownerOf(value), 1);
    for (const [group, owner] of this.#uncommitted) this.#changeOwner(this.#keptOwner(group), owner);
    return this.#owned;
  }

  #keptOwner(group: number): number | undefined {
    const kept = this.#store.get(groupKey(group));
    return kept && ownerOf(kept);
  }

  #recover(group: number): Group | undefined {
    const kept = this.#store.get(groupKey(group));
    if (!kept) return undefined;
    const [owner = 0, ...members] = readNumbers(kept);
    const senders = new Map<number, GroupSender>();
    let lastNumber = 0;
    let usedAtMs = kept.readUInt32LE(VALUE_OFFSET) * 1000;
    for (const { key, value } of this.#store.range(numbersKey(KeyKind.GroupSender, group))) {
      const sender = {
        window: readWindow(value),
        usedAtMs: writtenAtMs(value),
        lastNumber: value.readDoubleLE(value.length - NUMBER_BYTES),
      };
      senders.set(numberOf(key, 1), sender);
      lastNumber = Math.max(lastNumber, sender.lastNumber);
      usedAtMs = Math.max(usedAtMs, sender.usedAtMs);
    }
    return { id: group, owner, members: Float64Array.from(members), usedAtMs, lastNumber, senders };
  }
}

function groupKey(group: number): Buffer {
  return numbersKey(KeyKind.Group, group);
}

function senderKey(group: number, from: number): Buffer {
  return numbersKey(KeyKind.GroupSender, group, from);
}

function writeGroup(owner: number, members: Float64Array, nowMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(NUMBERS_OFFSET + NUMBER_BYTES * (1 + members.length));
  let at = bytes.writeUInt32LE(Math.floor(nowMs / 1000), VALUE_OFFSET);
  at = bytes.writeDoubleLE(owner, at);
  for (const member of members) at = bytes.writeDoubleLE(member, at);
  return bytes;
}

function ownerOf(value: Buffer): number {
  return value.readDoubleLE(NUMBERS_OFFSET);
}

function readNumbers(bytes: Buffer): number[] {
  return Array.from({ length: (bytes.length - NUMBERS_OFFSET) / NUMBER_BYTES }, (_, index) =>
    bytes.readDoubleLE(NUMBERS_OFFSET + NUMBER_BYTES * index),
  );
}
