import type { Msg } from '@nats-io/transport-node';
import { SimulatedLink } from '../../bench/cluster-simulation/simulated-link.js';
import { SimulatedStore } from '../../bench/cluster-simulation/simulated-store.js';
import { type Random, randomStream } from '../../loadgen/random.js';
import type { BusConnection } from '../../server/cluster/peer-links.js';
import { pinKey } from '../../server/cluster/table-entries.js';
import type { Wire } from '../../server/gateway/wire.js';
import { LogStore, SharedLog } from './shared-log.js';
import { SimulatedNode } from './simulated-node.js';
import { type Message, SimulatedUser } from './simulated-user.js';

const LEASE_MS = 2000;
const LOST_SHARE = 0.01;

/** What a node has of the world. */
interface Place {
  readonly node: SimulatedNode;
  readonly link: SimulatedLink;
  readonly wires: Set<Wire & { lost?(): void }>;
  isDead: boolean;
  isCut: boolean;
  isLeaving: boolean;
}

/** A cluster with its network, its table, its logs and its users, all in one process and on one clock, which is vitest's. */
export class SimulatedCluster {
  readonly violations: string[] = [];
  readonly messages = new Map<string, Message>();
  readonly lines: string[] = [];
  readonly users: SimulatedUser[];
  readonly #random: Random;
  readonly #homes: number;
  readonly #table: SimulatedStore;
  readonly #logs: SharedLog[];
  readonly #subscribers = new Map<string, { place: () => Place | undefined; take(bytes: Buffer): void }>();
  readonly #places: Place[] = [];
  #names = 0;
  #isCalm = false;

  constructor(seed: number, { nodes, homes, users }: { nodes: number; homes: number; users: number }) {
    this.#random = randomStream(seed, 'cluster');
    this.#homes = homes;
    this.#logs = Array.from({ length: homes }, () => new SharedLog());
    this.#table = new SimulatedStore(() => {
      for (const { link, isDead } of this.#places) if (!isDead) link.noticeChange();
    });
    for (let node = 0; node < nodes; node += 1) this.start();
    this.users = Array.from({ length: users }, (_, at) => this.#user(at + 1, seed));
  }

  get alive(): Place[] {
    return this.#places.filter(({ isDead, isLeaving }) => !isDead && !isLeaving);
  }

  start(): void {
    this.#names += 1;
    const name = `node-${this.#names}`;
    const after = (delayMs: number, run: () => void): (() => void) => {
      const timer = setTimeout(() => {
        if (!place.isDead) run();
      }, delayMs);
      return () => clearTimeout(timer);
    };
    const network = {
      after: (delayMs: number, run: () => void) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const random = () => this.#random.next();
    const link = new SimulatedLink(this.#table, this.#random, { after }, network);
    const node = new SimulatedNode({
      ...{ name, homes: this.#homes, leaseMs: LEASE_MS, table: link, random },
      connection: this.#connection(() => place),
      scheduler: { now: () => performance.now(), after },
      makeStore: (home, fenced) => {
        const later = inOrder(() => (this.#random.next() < 0.05 ? 60 : 4) * this.#random.next());
        // In its order also where it waits for the end of a cut.
        const waiting: (() => void)[] = [];
        const goOn = (): void => {
          if (place.isCut && !place.isDead) setTimeout(goOn, 50);
          else for (let run = waiting.shift(); run && !place.isDead; run = waiting.shift()) run();
        };
        const way = (run: () => void): void => {
          if (waiting.push(run) === 1) goOn();
        };
        return new LogStore(this.#logs[home] as SharedLog, { later: (run) => later(() => way(run)), fenced });
      },
      log: (line) => {
        if (!place.isDead) this.#say(`${name}: ${line}`);
      },
    });
    const place: Place = { node, link, wires: new Set(), isDead: false, isCut: false, isLeaving: false };
    this.#places.push(place);
    node.start().catch((error: Error) => {
      if (place.isDead) return;
      this.#say(`${name} could not come in: ${error.message}`);
      this.kill(place);
    });
  }

  kill(place: Place): void {
    this.#say(`${place.node.name} is killed`);
    this.#end(place);
  }

  leave(place: Place): void {
    if (!place.node.hasJoined) return;
    this.#say(`${place.node.name} leaves`);
    place.isLeaving = true;
    place.node.leave().then(() => setTimeout(() => this.#end(place), 100));
  }

  cut(place: Place, ms: number): void {
    if (place.isCut) return;
    this.#say(`${place.node.name} is cut off for ${ms.toFixed(0)} ms`);
    place.isCut = true;
    place.link.cut();
    setTimeout(() => {
      place.isCut = false;
      place.link.mend();
    }, ms);
  }

  fill(ms: number): void {
    const home = this.#random.below(this.#homes);
    this.#say(`the log of home ${home} is full for ${ms.toFixed(0)} ms`);
    const log = this.#logs[home] as SharedLog;
    log.isFull = true;
    setTimeout(() => {
      log.isFull = false;
    }, ms);
  }

  /** An operator wants some homes on a node, or nowhere in particular. */
  pin(place: Place | undefined): void {
    const home = this.#random.below(this.#homes);
    this.#say(`home ${home} is to be on ${place?.node.name ?? 'any node'}`);
    const value = place && { node: place.node.name };
    this.#table.submit({ key: pinKey(home), value, expected: undefined }, () => undefined);
  }

  /** Somebody else has fenced a log, and is gone: its owner finds out when it writes. */
  fence(): void {
    const home = this.#random.below(this.#homes);
    this.#say(`the log of home ${home} is fenced`);
    (this.#logs[home] as SharedLog).owner = undefined;
  }

  /** One thing that may happen, or none. */
  disturb(): void {
    const { alive } = this;
    const place = alive[this.#random.below(alive.length)] as Place;
    const chance = this.#random.next();
    if (chance < 0.1 && alive.length > 1) this.kill(place);
    else if (chance < 0.2 && alive.length > 1) this.leave(place);
    else if (chance < 0.3) this.cut(place, 5000 * this.#random.next());
    else if (chance < 0.4) this.fill(1500 * this.#random.next());
    else if (chance < 0.7) this.pin(this.#random.next() < 0.2 ? undefined : place);
    else if (chance < 0.75) this.fence();
    if (alive.length < 3 && this.#random.next() < 0.5) this.start();
  }

  chat(): void {
    for (const user of this.users) {
      if (this.#random.next() < 0.3) user.send(1 + this.#random.below(this.users.length));
      if (this.#random.next() < 0.01) user.leave();
      user.look();
    }
  }

  /** Nothing more happens: what is under way comes to its end. */
  calm(): void {
    this.#isCalm = true;
    this.#say('calm');
    for (const user of this.users) user.isQuiet = true;
    for (const log of this.#logs) log.isFull = false;
    for (const place of this.alive) {
      place.isCut = false;
      place.link.mend();
    }
    if (this.alive.length < 2) this.start();
  }

  get isDone(): boolean {
    const isAll = [...this.messages.values()].every(
      ({ isAccepted, deliveries, receipts }) => !isAccepted || (deliveries.length > 0 && receipts > 0),
    );
    return isAll && this.users.every(({ isDone }) => isDone);
  }

  /** What is missing of what was promised. */
  missing(): string[] {
    const found: string[] = [];
    for (const { from, to, id, isAccepted, deliveries, receipts } of this.messages.values()) {
      if (!isAccepted) continue;
      if (deliveries.length === 0)
        found.push(`${from}:${id} to ${to} (home ${to % this.#homes}) was accepted, and never delivered`);
      else if (receipts === 0) found.push(`${from}:${id} to ${to} was delivered, and has no receipt`);
    }
    for (const [at, { isDone }] of this.users.entries())
      if (!isDone) found.push(`user ${at + 1} is not done`);
    return found;
  }

  stop(): void {
    for (const place of this.#places) if (!place.isDead) this.#end(place);
  }

  #end(place: Place): void {
    place.isDead = true;
    place.link.cut();
    place.node.stop();
    const wires = [...place.wires];
    place.wires.clear();
    for (const wire of wires) wire.lost?.();
  }

  #say(words: string): void {
    this.lines.push(`${performance.now().toFixed(0)} ${words}`);
  }

  #user(user: number, seed: number): SimulatedUser {
    const random = randomStream(seed, `user ${user}`);
    return new SimulatedUser({
      ...{ user, random, messages: this.messages },
      violated: (words) => {
        this.#say(`VIOLATED: ${words}`);
        this.violations.push(words);
      },
      connect: (wire) => {
        const places = this.alive.filter(({ node }) => node.hasJoined);
        const place = places[random.below(places.length)];
        if (!place) return undefined;
        place.wires.add(wire);
        return { session: place.node.accept(wire), isAlive: () => !place.isDead };
      },
    });
  }

  #connection(place: () => Place): BusConnection {
    const ways = new Map<string, (run: () => void) => void>();
    const delayMs = (): number => (this.#random.next() < 0.02 ? 100 : 2) * this.#random.next();
    return {
      info: undefined,
      isClosed: () => place().isDead,
      flush: async () => {
        await new Promise((resolve) => setTimeout(resolve, delayMs()));
      },
      publish: (subject: string, data: Uint8Array) => {
        if (place().isDead) return;
        const isLost = place().isCut || (!this.#isCalm && this.#random.next() < LOST_SHARE);
        if (isLost) return;
        const copy = Buffer.from(data);
        const way = ways.get(subject) ?? inOrder(delayMs);
        ways.set(subject, way);
        way(() => {
          const subscriber = this.#subscribers.get(subject);
          const there = subscriber?.place();
          if (subscriber && there && !there.isDead && !there.isCut) subscriber.take(copy);
        });
      },
      subscribe: (subject: string, { callback }: { callback(error: null, message: Msg): void }) => {
        this.#subscribers.set(subject, {
          place,
          take: (data) => callback(null, { data } as unknown as Msg),
        });
        return { unsubscribe: () => this.#subscribers.delete(subject) };
      },
    } as unknown as BusConnection;
  }
}

/** A way on which nothing overtakes what was sent before it. */
function inOrder(delayMs: () => number): (run: () => void) => void {
  let lastMs = 0;
  return (run) => {
    const nowMs = performance.now();
    lastMs = Math.max(lastMs, nowMs + delayMs());
    setTimeout(run, lastMs - nowMs);
  };
}
