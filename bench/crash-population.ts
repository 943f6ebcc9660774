import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../loadgen/random.js';
import { FrameType } from '../protocol/frame.js';
import { CrashClient, type CrashClientListener } from './crash-client.js';
import { Flows } from './crash-flows.js';
import { CrashLedger, type Destination, type OpenEntries } from './crash-ledger.js';
import { payloadOf } from './crash-payload.js';

export interface PopulationOptions {
  users: number;
  /** The first so many never log in before `drain(true)`: their mail waits through every start. */
  sleepers: number;
  groups: number;
  groupMembers: number;
  messagesPerSecond: number;
  payloadBytes: number;
  seed: number;
}

export interface Drained extends OpenEntries {
  /** Users whom the server does not let in. */
  loggedOut: number;
  /** How long it was waited, and how long nothing had come then. */
  waitedMs: number;
  silentMs: number;
}

const TICK_MS = 10;
const GROUP_SHARE = 0.15;
/** Of those who are awake, and how long they stay away. */
const AWAY_SHARE = 0.2;
const AWAY_MS = 1500;
/** Without an answer, of one user: what is due while the server is down does not pile up. */
const MOST_UNANSWERED_OF_ONE = 100;
/** A group that was refused is asked for again. */
const GROUP_AGAIN_MS = 500;
const QUIET_MS = 600;
/** Without anything heard: whoever has not had its mail by then does not get it. */
const LONGEST_SILENCE_MS = 30_000;
const LONGEST_DRAIN_MS = 300_000;

/** Clients who write to each other and to groups, come and go, and keep account of every message. */
export class Population {
  readonly ledger: CrashLedger;
  /** Reasons for which the server ended connections. */
  readonly ended = new Map<string, number>();
  readonly #options: PopulationOptions;
  readonly #random: Random;
  readonly #clients: CrashClient[];
  readonly #destinations: Destination[][] = [];
  readonly #awaitedGroups = new Map<string, { group: number; members: number[] }>();
  readonly #flows = new Flows();
  readonly #awayUntilMs = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #lastTickMs = 0;
  #due = 0;
  #isAwake = false;

  constructor(options: PopulationOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.ledger = new CrashLedger(options.users);
    const listener = this.#listener();
    this.#clients = Array.from({ length: options.users }, (_, user) => new CrashClient(user + 1, listener));
    const everybody = this.#clients.map((_, user) => user);
    for (const user of everybody) {
      this.#destinations.push(
        everybody
          .filter((other) => other !== user)
          .map((other) => ({ group: undefined, recipients: [other] })),
      );
    }
    for (let group = 1; group <= options.groups; group += 1) this.makeGroup(group);
  }

  moveTo(port: number | undefined): void {
    for (const client of this.#clients) client.moveTo(port);
  }

  /** A new group of members by chance; they write to it once it is accepted. */
  makeGroup(group: number): void {
    const members = new Set<number>();
    while (members.size < this.#options.groupMembers) members.add(this.#random.below(this.#options.users));
    const owner = this.#options.users - 1 - this.#random.below(this.#options.users - this.#options.sleepers);
    this.#askForGroup(owner, group, [...members]);
  }

  startTraffic(): void {
    clearInterval(this.#timer);
    this.#gather();
    this.#lastTickMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Nobody writes anything new, and everybody who is awake logs in. */
  stopTraffic(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#gather();
  }

  /** Everybody awake leaves, so that their mail waits. */
  sendAway(share: number): void {
    this.#clients.forEach((client, user) => {
      if (this.#isAsleep(user) || this.#random.next() >= share) return;
      client.goAway(true);
      this.#awayUntilMs.set(user, Number.POSITIVE_INFINITY);
    });
  }

  /**
   * Everybody logs in and reads until nothing comes any more.
   * @param areAllAwake the sleepers as well
   */
  async drain(areAllAwake: boolean): Promise<Drained> {
    this.#isAwake ||= areAllAwake;
    this.stopTraffic();
    const startedMs = performance.now();
    const isAsleep = (user: number) => this.#isAsleep(user);
    for (;;) {
      await sleep(100);
      const nowMs = performance.now();
      const awake = this.#clients.filter((_, user) => !isAsleep(user));
      const silentMs = nowMs - Math.max(startedMs, ...awake.map(({ heardMs }) => heardMs));
      const loggedOut = awake.filter(({ isLoggedIn }) => !isLoggedIn).length;
      const waitedMs = nowMs - startedMs;
      const open = { ...this.ledger.open(isAsleep), loggedOut, waitedMs, silentMs };
      const isDone = open.lost + open.withoutReceipt + open.unanswered + loggedOut === 0;
      if (isDone && silentMs > QUIET_MS) return open;
      if (silentMs > LONGEST_SILENCE_MS || waitedMs > LONGEST_DRAIN_MS) return open;
    }
  }

  /** The sleepers leave, for the next rounds. */
  sleepAgain(): void {
    this.#isAwake = false;
    for (const sleeper of this.#clients.slice(0, this.#options.sleepers)) sleeper.goAway(true);
  }

  /** Until so many more messages were accepted. @returns false: not in time */
  async hasAccepted(messages: number, withinMs: number): Promise<boolean> {
    const wanted = this.ledger.accepted + messages;
    const deadlineMs = performance.now() + withinMs;
    while (this.ledger.accepted < wanted && performance.now() < deadlineMs) await sleep(20);
    return this.ledger.accepted >= wanted;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.goAway(false);
  }

  #isAsleep(user: number): boolean {
    return !this.#isAwake && user < this.#options.sleepers;
  }

  #gather(): void {
    this.#awayUntilMs.clear();
    this.#clients.forEach((client, user) => {
      if (!this.#isAsleep(user)) client.comeBack();
    });
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#due += ((nowMs - this.#lastTickMs) / 1000) * this.#options.messagesPerSecond;
    this.#lastTickMs = nowMs;
    for (; this.#due >= 1; this.#due -= 1) this.#writeOne();
    this.#comeAndGo(nowMs);
  }

  #comeAndGo(nowMs: number): void {
    for (const [user, untilMs] of this.#awayUntilMs) {
      if (untilMs > nowMs) continue;
      this.#awayUntilMs.delete(user);
      this.#clients[user]?.comeBack();
    }
    const awake = this.#options.users - (this.#isAwake ? 0 : this.#options.sleepers);
    if (this.#awayUntilMs.size >= awake * AWAY_SHARE) return;
    const user = this.#random.below(this.#options.users);
    if (this.#isAsleep(user) || this.#awayUntilMs.has(user)) return;
    this.#awayUntilMs.set(user, nowMs + AWAY_MS * 2 * this.#random.next());
    this.#clients[user]?.goAway(this.#random.next() < 0.5);
  }

  #writeOne(): void {
    const { users, sleepers } = this.#options;
    // Sleepers write nothing: they could not hear the answer.
    const from = sleepers + this.#random.below(users - sleepers);
    const all = this.#destinations[from] ?? [];
    const groups = all.length - (users - 1);
    const isToGroup = groups > 0 && this.#random.next() < GROUP_SHARE;
    const to = all[isToGroup ? users - 1 + this.#random.below(groups) : this.#random.below(users - 1)];
    if (!to) return;
    const client = this.#clients[from] as CrashClient;
    if (client.unanswered >= MOST_UNANSWERED_OF_ONE || !this.#flows.hasRoom(from, to)) return;
    const id = client.takeId();
    this.#flows.writes(from, id, to);
    this.ledger.sends(from, id, to);
    const payload = payloadOf(from, id, to.group, this.#options.payloadBytes);
    if (to.group === undefined) {
      client.write(id, { type: FrameType.Send, to: (to.recipients[0] as number) + 1, id, payload });
    } else client.write(id, { type: FrameType.GroupSend, group: to.group, id, payload });
  }

  #askForGroup(owner: number, group: number, members: number[]): void {
    const client = this.#clients[owner] as CrashClient;
    const id = client.takeId();
    this.#awaitedGroups.set(`${owner} ${id}`, { group, members });
    client.write(id, { type: FrameType.Group, id, group, members: members.map((user) => user + 1) });
  }

  #listener(): CrashClientListener {
    const { ledger } = this;
    return {
      accepted: (user, id) => {
        const asked = this.#awaitedGroups.get(`${user - 1} ${id}`);
        if (asked) {
          this.#awaitedGroups.delete(`${user - 1} ${id}`);
          for (const member of asked.members) {
            const recipients = asked.members.filter((other) => other !== member);
            this.#destinations[member]?.push({ group: asked.group, recipients });
          }
          return;
        }
        this.#flows.answers(user - 1, id);
        ledger.accepts(user - 1, id);
      },
      refused: (user, id, reason) => {
        const asked = this.#awaitedGroups.get(`${user - 1} ${id}`);
        if (asked) {
          this.#awaitedGroups.delete(`${user - 1} ${id}`);
          setTimeout(() => this.#askForGroup(user - 1, asked.group, asked.members), GROUP_AGAIN_MS).unref();
          return;
        }
        this.#flows.answers(user - 1, id);
        ledger.refuses(user - 1, id, reason);
      },
      handed: (user, { payload, ...message }) => {
        const expected = payloadOf(message.from - 1, message.id, message.group, this.#options.payloadBytes);
        if (!payload.equals(expected)) ledger.alters(`message ${message.id} of user ${message.from - 1}`);
        ledger.hands(user - 1, { ...message, from: message.from - 1 });
      },
      receipted: (user, id, by, isUndelivered) => ledger.receipts(user - 1, id, by - 1, isUndelivered),
      gap: (user, sequence, expected) => ledger.skips(user - 1, sequence, expected),
      ended: (reason) => this.ended.set(reason, (this.ended.get(reason) ?? 0) + 1),
    };
  }
}
