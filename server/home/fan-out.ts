import { type Bus, type Copies, homeWorker } from '../bus/bus.js';
import { QueueGauge } from '../queues/queue-gauge.js';
import { type HomeStore, VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numberOf, numbersKey } from '../store/store-keys.js';
import type { TurnLog } from './turn-log.js';

const NUMBER_BYTES = 8;
/** Sender, id and the number of members. */
const MEMBERS_OFFSET = VALUE_OFFSET + 3 * NUMBER_BYTES;

/**
 * Messages to groups on their way to members whose homes are other workers: one message a home, whatever its members.
 * Each is kept until all homes have it, and sent again whenever a home comes back; a home knows what it had by its number.
 */
export class FanOut {
  /** Copies for members whose homes have not answered that they have them. */
  readonly underWay = new QueueGauge();
  readonly #store: HomeStore;
  readonly #bus: Bus;
  readonly #log: TurnLog;
  /** By group and number: the homes that have not answered, and how many of their copies are under way. */
  readonly #unanswered = new Map<string, Map<number, number>>();
  /**
   * Homes that have been sent everything kept for them. New copies may go only to these; to others they would overtake
   * older ones.
   */
  readonly #caughtUp = new Set<number>();

  constructor(store: HomeStore, bus: Bus, log: TurnLog) {
    this.#store = store;
    this.#bus = bus;
    this.#log = log;
  }

  /** Hot path. Keeps them, and sends them once that is promised. */
  send(copies: Copies): void {
    const bytes = writeCopies(copies);
    if (this.#store.isDurable) this.#store.stage(keyOf(copies), bytes);
    // The payload is valid only during this call, so what is sent later is the copy that was staged.
    const written = readCopies(copies.group, copies.number, bytes);
    const byHome = this.#byHome(written.members);
    this.#unanswered.set(
      nameOf(copies),
      new Map([...byHome].map(([home, members]) => [home, members.length])),
    );
    this.underWay.add(written.members.length);
    const name = nameOf(copies);
    this.#log.follow({
      promised: () => {
        for (const [home, members] of byHome) {
          if (this.#canSend(home)) this.#bus.send(home, { kind: 'copies', ...written, members });
          else this.#takeBack(name, home);
        }
      },
      dropped: () => {
        this.#unanswered.delete(name);
        this.underWay.remove(written.members.length);
      },
    });
  }

  /** That home has its copies of a message. */
  kept(group: number, number: number, home: number): void {
    const name = nameOf({ group, number });
    const homes = this.#unanswered.get(name);
    const copies = homes?.get(home);
    if (!homes || copies === undefined) return;
    this.underWay.remove(copies);
    homes.delete(home);
    if (homes.size > 0) return;
    this.#unanswered.delete(name);
    if (!this.#store.isDurable) return;
    this.#store.stage(keyOf({ group, number }));
    this.#log.hear(home);
    // Where that is not kept, the last home is sent its copies again, and answers again.
    this.#log.follow({
      promised: () => undefined,
      dropped: () => this.#unanswered.set(name, new Map([[home, 0]])),
    });
  }

  /** That home died, and what was on its way there is gone. `resend` sends it again. */
  lost(home: number): void {
    this.#caughtUp.delete(home);
    for (const name of this.#unanswered.keys()) this.#takeBack(name, home);
  }

  /** Sends what that home may not have taken over: it was started again, or this one was. */
  resend(home: number): void {
    if (!this.#bus.isConnected(home)) return;
    this.#caughtUp.add(home);
    for (const { key, value } of this.#store.range(numbersKey(KeyKind.Copies))) {
      const copies = readCopies(numberOf(key, 0), numberOf(key, 1), value);
      const byHome = this.#byHome(copies.members);
      const members = byHome.get(home);
      if (!members) continue;
      const homes =
        this.#unanswered.get(nameOf(copies)) ?? new Map([...byHome.keys()].map((each) => [each, 0]));
      this.#unanswered.set(nameOf(copies), homes);
      const before = homes.get(home);
      if (before === undefined) continue;
      this.underWay.add(members.length - before);
      homes.set(home, members.length);
      this.#bus.send(home, { kind: 'copies', ...copies, members });
    }
  }

  #canSend(home: number): boolean {
    return this.#bus.isConnected(home) && (this.#caughtUp.has(home) || !this.#store.isDurable);
  }

  #takeBack(name: string, home: number): void {
    const homes = this.#unanswered.get(name);
    const copies = homes?.get(home);
    if (!homes || copies === undefined) return;
    this.underWay.remove(copies);
    if (this.#store.isDurable) homes.set(home, 0);
    else homes.delete(home);
    if (homes.size === 0) this.#unanswered.delete(name);
  }

  #byHome(members: readonly number[]): Map<number, number[]> {
    const byHome = new Map<number, number[]>();
    for (const member of members) {
      const home = homeWorker(member, this.#bus.homes);
      const those = byHome.get(home);
      if (those) those.push(member);
      else byHome.set(home, [member]);
    }
    return byHome;
  }
}

function nameOf({ group, number }: Pick<Copies, 'group' | 'number'>): string {
  return `${group} ${number}`;
}

function keyOf({ group, number }: Pick<Copies, 'group' | 'number'>): Buffer {
  return numbersKey(KeyKind.Copies, group, number);
}

function writeCopies({ from, id, members, payload }: Copies): Buffer {
  const bytes = Buffer.allocUnsafe(MEMBERS_OFFSET + NUMBER_BYTES * members.length + payload.length);
  let at = VALUE_OFFSET;
  for (const number of [from, id, members.length]) at = bytes.writeDoubleLE(number, at);
  for (const member of members) at = bytes.writeDoubleLE(member, at);
  bytes.set(payload, at);
  return bytes;
}

function readCopies(group: number, number: number, bytes: Buffer): Copies {
  const members: number[] = [];
  const payloadAt = MEMBERS_OFFSET + NUMBER_BYTES * bytes.readDoubleLE(VALUE_OFFSET + 2 * NUMBER_BYTES);
  for (let at = MEMBERS_OFFSET; at < payloadAt; at += NUMBER_BYTES) members.push(bytes.readDoubleLE(at));
  return {
    group,
    number,
    from: bytes.readDoubleLE(VALUE_OFFSET),
    id: bytes.readDoubleLE(VALUE_OFFSET + NUMBER_BYTES),
    members,
    payload: bytes.subarray(payloadAt),
  };
}
