import type { ClientAction, Phase } from '../../scenarios/scenario.js';
import { type Random, randomStream, shareOf } from '../random.js';
import type { Connector } from './connector.js';
import type { Population } from './population.js';
import { TimedQueue, type Turn } from './timed-queue.js';

/** Those who go away for a phase leave within its first second: not all in one moment. */
const LEAVING_SPREAD_MS = 1000;

/** When this many draws met somebody who is away, the next one in line is taken. */
const MOST_DRAWS = 16;

const NOBODY = -1;

/** What of the clients this needs. */
export type PresentClients = Pick<
  Population,
  'count' | 'hasPartner' | 'isOnline' | 'sendAway' | 'cut' | 'pause' | 'resume'
>;

/**
 * Who is meant to be connected. Users who are away for a phase are picked by a hash of their id, so they are the
 * same in every phase; churn picks at random; a cut breaks connections that are meant to be there. All of it follows
 * from the plan and its seed: what the server does changes nothing of who is away when.
 */
export class Presence {
  readonly #clients: PresentClients;
  readonly #connector: Pick<Connector, 'enqueue'>;
  readonly #seed: number;
  readonly #phaseDraws: Random;
  readonly #churnDraws: Random;
  readonly #actionDraws: Random;
  readonly #talkerDraws: Random;
  readonly #isAway: Uint8Array;
  readonly #isPaused: Uint8Array;
  /** Clients that are to leave, soonest first, and clients away for a while, soonest back first. */
  readonly #leaving = new TimedQueue();
  readonly #returning = new TimedQueue();
  /** Clients that hang, soonest awake first. */
  readonly #paused = new TimedQueue();
  #actions: { action: ClientAction; atMs: number }[] = [];
  #churnGapMs = Number.POSITIVE_INFINITY;
  #nextChurnMs = Number.POSITIVE_INFINITY;
  #churnEndMs = 0;
  #awayForMs = 0;
  /** Clients that may be picked to send: they have a partner and are not away for the phase. */
  #talkers: Int32Array;
  #talkerCount = 0;
  away = 0;

  constructor(clients: PresentClients, connector: Pick<Connector, 'enqueue'>, seed: number) {
    this.#clients = clients;
    this.#connector = connector;
    this.#seed = seed;
    this.#phaseDraws = randomStream(seed, 'phases');
    this.#churnDraws = randomStream(seed, 'churn');
    this.#actionDraws = randomStream(seed, 'actions');
    this.#talkerDraws = randomStream(seed, 'talkers');
    this.#isAway = new Uint8Array(clients.count);
    this.#isPaused = new Uint8Array(clients.count);
    this.#talkers = new Int32Array(clients.count);
    this.#countTalkers();
  }

  isAway(client: number): boolean {
    return this.#isAway[client] === 1;
  }

  /** Hot path. A client that is meant to be connected, drawn at random; -1 if there is none with a partner. */
  drawTalker(): number {
    if (this.#talkerCount === 0) return NOBODY;
    let place = 0;
    for (let draw = 0; draw < MOST_DRAWS; draw += 1) {
      place = this.#talkerDraws.below(this.#talkerCount);
      if (this.#canTalk(place)) return this.#talkers[place] as number;
    }
    for (let step = 1; step <= this.#talkerCount; step += 1) {
      const next = (place + step) % this.#talkerCount;
      if (this.#canTalk(next)) return this.#talkers[next] as number;
    }
    return NOBODY;
  }

  /** @param firstUser user id of client 0 */
  beginPhase(phase: Phase, firstUser: number, atMs: number): void {
    const leaving: Turn[] = [];
    for (let client = 0; client < this.#clients.count; client += 1) {
      const shouldBeAway = phase.away > 0 && shareOf(firstUser + client, this.#seed) < phase.away;
      if (shouldBeAway && !this.isAway(client)) {
        leaving.push({ client, atMs: atMs + this.#phaseDraws.next() * LEAVING_SPREAD_MS });
      } else if (!shouldBeAway && this.isAway(client)) {
        this.#comeBack(client, atMs);
      }
      if (phase.cut > 0 && !shouldBeAway && this.#phaseDraws.next() < phase.cut) this.#clients.cut(client);
    }
    this.#returning.replace([]);
    this.#leaving.replace(leaving);
    // Whoever is about to leave is not asked to send any more: the plan of the phase knows that they are away.
    this.#countTalkers(new Set(leaving.map(({ client }) => client)));
    this.#churnGapMs = phase.churnRate > 0 ? 1000 / phase.churnRate : Number.POSITIVE_INFINITY;
    this.#nextChurnMs = phase.churnRate > 0 ? atMs + this.#churnGapMs : Number.POSITIVE_INFINITY;
    this.#churnEndMs = atMs + phase.durationMs;
    this.#awayForMs = phase.awayForMs;
  }

  /** Breaks a share of the connections, or lets a share of the clients hang, once it is time. */
  plan(action: ClientAction, atMs: number): void {
    this.#actions.push({ action, atMs });
    this.#actions.sort((one, other) => one.atMs - other.atMs);
  }

  /** Everybody comes back, nobody leaves. */
  recallAll(nowMs: number): void {
    this.#leaving.replace([]);
    this.#returning.replace([]);
    this.#actions = [];
    this.#nextChurnMs = Number.POSITIVE_INFINITY;
    this.#wake(Number.POSITIVE_INFINITY);
    for (let client = 0; client < this.#clients.count; client += 1) {
      if (this.isAway(client)) this.#comeBack(client, nowMs);
    }
  }

  /** Hot path. Does what is planned until then, each thing in its turn, so that it does not matter how often this is called. */
  tick(nowMs: number): void {
    for (;;) {
      const churnMs = this.#nextChurnMs < this.#churnEndMs ? this.#nextChurnMs : Number.POSITIVE_INFINITY;
      const actionMs = this.#actions[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const wakingMs = this.#paused.nextMs;
      const leavingMs = this.#leaving.nextMs;
      const returningMs = this.#returning.nextMs;
      const next = Math.min(churnMs, actionMs, wakingMs, leavingMs, returningMs);
      if (next > nowMs || next === Number.POSITIVE_INFINITY) return;
      if (next === wakingMs) this.#wake(next);
      else if (next === leavingMs) this.#goAway(this.#leaving.take(next) as number);
      else if (next === returningMs) this.#return(this.#returning.take(next) as number, next);
      else if (next === churnMs) this.#churn(next);
      else this.#act((this.#actions.shift() as { action: ClientAction }).action, next);
    }
  }

  #churn(atMs: number): void {
    this.#nextChurnMs += this.#churnGapMs;
    const client = this.#churnDraws.below(this.#clients.count);
    if (this.isAway(client)) return;
    this.#goAway(client);
    this.#returning.push({ client, atMs: atMs + this.#awayForMs });
  }

  #act(action: ClientAction, atMs: number): void {
    const waking: Turn[] = [];
    for (let client = 0; client < this.#clients.count; client += 1) {
      if (this.#actionDraws.next() >= action.share || this.isAway(client)) continue;
      if (action.kind === 'cut') {
        if (this.#clients.isOnline(client)) this.#clients.cut(client);
        continue;
      }
      if (this.#isPaused[client] === 1) continue;
      this.#isPaused[client] = 1;
      this.#clients.pause(client);
      waking.push({ client, atMs: atMs + (action.forMs ?? Number.POSITIVE_INFINITY) });
    }
    this.#paused.add(waking);
  }

  #wake(nowMs: number): void {
    for (let client = this.#paused.take(nowMs); client !== undefined; client = this.#paused.take(nowMs)) {
      this.#isPaused[client] = 0;
      this.#clients.resume(client);
    }
  }

  #return(client: number, nowMs: number): void {
    if (this.isAway(client)) this.#comeBack(client, nowMs);
  }

  #goAway(client: number): void {
    if (this.isAway(client)) return;
    this.#isAway[client] = 1;
    this.away += 1;
    this.#clients.sendAway(client);
  }

  #comeBack(client: number, nowMs: number): void {
    this.#isAway[client] = 0;
    this.away -= 1;
    this.#connector.enqueue(client, nowMs);
  }

  #canTalk(place: number): boolean {
    const client = this.#talkers[place] as number;
    return this.#isAway[client] === 0 && this.#isPaused[client] === 0;
  }

  #countTalkers(leaving: Set<number> = new Set()): void {
    this.#talkerCount = 0;
    for (let client = 0; client < this.#clients.count; client += 1) {
      if (this.isAway(client) || leaving.has(client) || !this.#clients.hasPartner(client)) continue;
      this.#talkers[this.#talkerCount] = client;
      this.#talkerCount += 1;
    }
  }
}
