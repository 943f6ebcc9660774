import type { TableEntry } from './lease-table.js';
import type { HomePlace, Peer } from './membership.js';
import {
  CLUSTER_KEY,
  type ClusterShape,
  NUMBERS_KEY,
  type PeerEntry,
  readNode,
  readNumber,
  readPeer,
  readPlace,
  readShape,
} from './table-entries.js';

/** What is known of a peer that is there. */
export interface SeatedPeer {
  entry: PeerEntry;
  revision: number;
  /** When this process heard its last sign of life. */
  heardMs: number;
}

/** Who is told what has changed, after it has. */
export interface ViewListener {
  /** It came, or said that it is there, or begins to leave. */
  peerHeard(seated: SeatedPeer, before: PeerEntry | undefined): void;
  peerGone(seated: SeatedPeer): void;
  moved(place: HomePlace, before: HomePlace): void;
  /** What operators want of homes and nodes. */
  wishesChanged(): void;
}

/** The table of a cluster as this process has seen it until now. */
export class ClusterView {
  readonly peers = new Map<number, Peer>();
  readonly homes: HomePlace[];
  /** Node by home. */
  readonly pins = new Map<number, string>();
  readonly #seated = new Map<number, SeatedPeer>();
  /** How many homes each has, by its number; those that are gone among them, and 0 for nobody. */
  readonly #owned = new Map<number, number>();
  /** 0: there is no such key. */
  readonly #homeRevisions: number[];
  /** Node by key. */
  readonly #drains = new Map<string, string>();
  readonly #listener: ViewListener;
  readonly #now: () => number;
  /** Undefined: nobody has written it yet; without a shape: nothing that this version understands. */
  cluster: { readonly shape: ClusterShape | undefined } | undefined;
  lastNumber = { value: 0, revision: 0 };

  constructor(homes: number, listener: ViewListener, now: () => number) {
    this.homes = Array.from({ length: homes }, (_, home) => nobodys(home));
    this.#owned.set(0, homes);
    this.#homeRevisions = new Array<number>(homes).fill(0);
    this.#listener = listener;
    this.#now = now;
  }

  seated(number: number): SeatedPeer | undefined {
    return this.#seated.get(number);
  }

  homeRevision(home: number): number {
    return this.#homeRevisions[home] as number;
  }

  ownedBy(number: number): number {
    return this.#owned.get(number) ?? 0;
  }

  /** Whether there are homes whose owner is not there. */
  get hasOrphans(): boolean {
    for (const number of this.#owned.keys()) if (!this.peers.has(number)) return true;
    return false;
  }

  isDrained(node: string): boolean {
    for (const drained of this.#drains.values()) if (drained === node) return true;
    return false;
  }

  /** Numbers that a newcomer must not have. */
  numbersInUse(): Set<number> {
    const numbers = new Set([...this.peers.keys(), ...this.#owned.keys()]);
    for (const { next } of this.homes) if (next !== undefined) numbers.add(next);
    return numbers;
  }

  apply(entry: TableEntry): void {
    const { key, value, revision } = entry;
    const dot = key.indexOf('.');
    const number = Number(key.slice(dot + 1));
    switch (dot < 0 ? key : key.slice(0, dot)) {
      case 'peer':
        this.#applyPeer(number, entry);
        break;
      case 'home':
        if (number in this.homes) this.#applyHome(number, entry);
        break;
      case 'pin':
        this.#applyWish(this.pins, number, value);
        break;
      case 'drain':
        this.#applyWish(this.#drains, key, value);
        break;
      case CLUSTER_KEY:
        this.cluster = value === undefined ? undefined : { shape: readShape(value) };
        break;
      case NUMBERS_KEY:
        // A deleted key counts as one that was never there for whoever creates it.
        this.lastNumber = { value: readNumber(value) ?? 0, revision: value === undefined ? 0 : revision };
        break;
    }
  }

  #applyPeer(number: number, { value, revision }: TableEntry): void {
    const entry = readPeer(value, number);
    const seated = this.#seated.get(number);
    if (seated && entry && seated.entry.life === entry.life) {
      const before = seated.entry;
      seated.entry = entry;
      seated.revision = revision;
      seated.heardMs = this.#now();
      this.peers.set(number, entry.peer);
      this.#listener.peerHeard(seated, before);
      return;
    }
    if (seated) {
      this.#seated.delete(number);
      this.peers.delete(number);
      this.#listener.peerGone(seated);
    }
    if (!entry) return;
    const newcomer = { entry, revision, heardMs: this.#now() };
    this.#seated.set(number, newcomer);
    this.peers.set(number, entry.peer);
    this.#listener.peerHeard(newcomer, undefined);
  }

  #applyHome(home: number, { value, revision }: TableEntry): void {
    const before = this.homes[home] as HomePlace;
    // What nobody can read belongs to nobody, and is written over; epochs do not begin anew.
    const place = readPlace(value, home) ?? { ...nobodys(home), epoch: before.epoch };
    this.homes[home] = place;
    if (place.owner !== before.owner) {
      this.#count(before.owner, -1);
      this.#count(place.owner, 1);
    }
    this.#homeRevisions[home] = value === undefined ? 0 : revision;
    this.#listener.moved(place, before);
  }

  #count(owner: number, change: number): void {
    const count = this.ownedBy(owner) + change;
    if (count === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, count);
  }

  #applyWish<Key>(wishes: Map<Key, string>, key: Key, value: unknown): void {
    const node = readNode(value);
    if (node === undefined) wishes.delete(key);
    else wishes.set(key, node);
    this.#listener.wishesChanged();
  }
}

function nobodys(home: number): HomePlace {
  return { home, owner: 0, epoch: 0, state: 'opening' };
}
