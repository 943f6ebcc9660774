import type { ClientAction, Phase } from '../../scenarios/scenario.js';
import type { AgentPlan } from '../agent-messages.js';
import { nthSeed, Random, randomStream, seedFor, shareOf } from '../random.js';
import type { Connector } from './connector.js';
import type { Population } from './population.js';
import type { ScenarioClock } from './scenario-clock.js';
import { TimedQueue, type Turn } from './timed-queue.js';

/** Users who are away for a phase leave over its first second, not all in one moment. */
const LEAVING_SPREAD_MS = 1000;

/** After so many draws of users who are away, the next user in order who is there is taken. */
const MOST_DRAWS = 16;

const NOBODY = -1;
/** A client of another agent. */
export const NOT_OWN = -2;

/** Why a user may not be asked to send; bits, because several may hold. */
const PRESENT = 0;
const AWAY = 1;
/** Away for the phase, and not gone yet. */
const LEAVING = 2;
const PAUSED = 4;
/** There is nobody that it could write to. */
const ALONE = 8;

/** What of the clients this needs. */
export type PresentClients = Pick<
  Population,
  'hasPartner' | 'isOnline' | 'sendAway' | 'cut' | 'pause' | 'resume'
>;

/** Whom it concerns hangs on the seed. */
interface PlannedAction {
  action: ClientAction;
  atMs: number;
  seed: number;
}

/** Users who hang, all until one moment. */
interface Pause {
  users: number[];
  untilMs: number;
}

/**
 * Who is meant to be connected. Users who are away for a phase are picked by a hash of their id, so they are the
 * same in every phase; churn picks at random; a cut breaks connections that are meant to be there. All of it follows
 * from the scenario and its seed: what the server does changes nothing of who is away when.
 *
 * Kept is all of it for every user of the run, a byte each and 4 more in a phase from which some are away, because who sends
 * hangs on who of all is there; done is what concerns the agent's own clients. A user is a place in the population, a client
 * one in the agent's part of it. Times are those of the scenario, unless said otherwise.
 */
export class Presence {
  readonly #plan: Pick<AgentPlan, 'seed' | 'firstUser' | 'count' | 'population'>;
  readonly #clients: PresentClients;
  readonly #connector: Pick<Connector, 'enqueue'>;
  readonly #clock: ScenarioClock;
  /** User that client 0 is, and the one after the last client. */
  readonly #first: number;
  readonly #end: number;
  readonly #churnDraws: Random;
  readonly #redraws = new Random(0);
  readonly #state: Uint8Array;
  /** Own clients that are to leave, soonest first, and users away for a while, soonest back first. */
  readonly #leaving = new TimedQueue();
  readonly #returning = new TimedQueue();
  /** Soonest awake first. */
  #pauses: Pause[] = [];
  #actions: PlannedAction[] = [];
  #actionsTold = 0;
  #churnGapMs = Number.POSITIVE_INFINITY;
  #nextChurnMs = Number.POSITIVE_INFINITY;
  #churnEndMs = 0;
  #awayForMs = 0;
  #nextMs = Number.POSITIVE_INFINITY;
  /** Users that may be drawn to send, those who are not away for the phase; undefined: all. */
  #talkers: Int32Array | undefined;
  #talkerCount = 0;
  /** Places of the agent's own clients among them. */
  #ownFrom = 0;
  #ownTo = 0;
  /** Of those, who is present. */
  #presentCount: number;
  /** Own clients that are. */
  away = 0;

  constructor(
    plan: Pick<AgentPlan, 'seed' | 'firstUser' | 'count' | 'population'>,
    clients: PresentClients,
    connector: Pick<Connector, 'enqueue'>,
    clock: ScenarioClock,
  ) {
    const { population } = plan;
    this.#plan = plan;
    this.#clients = clients;
    this.#connector = connector;
    this.#clock = clock;
    this.#first = plan.firstUser - population.firstUser;
    this.#end = this.#first + plan.count;
    this.#churnDraws = randomStream(plan.seed, 'churn');
    this.#state = new Uint8Array(population.count);
    this.#presentCount = population.count;
    // Groups and pairs are neighbours: only the last of all users can be left over.
    if (!clients.hasPartner(population.count - 1)) this.#set(population.count - 1, ALONE);
    this.#listTalkers(false);
  }

  /** @param client of this agent */
  isAway(client: number): boolean {
    return this.#is(this.#first + client, AWAY);
  }

  /**
   * Hot path. Who of all that are meant to be connected is asked to send: a client; -2 where it is one of another agent, -1
   * where there is nobody with a partner. That nobody is there is told to one agent only.
   * @param draw in [0, 1), the same in all agents
   * @param seed what is drawn again, where the first one is not there, hangs on this and on `number`
   */
  drawTalker(draw: number, seed: number, number: number): number {
    let place = Math.floor(draw * this.#talkerCount);
    if (this.#presentCount === 0)
      return this.#isOwn(Math.floor(draw * this.#state.length)) ? NOBODY : NOT_OWN;
    // Where nobody is missing no user needs to be looked at: two million of them are in no cache.
    const isMissing =
      this.#presentCount < this.#talkerCount && this.#state[this.#talkerAt(place)] !== PRESENT;
    if (isMissing) place = this.#drawAgain(place, nthSeed(seed, number));
    return place >= this.#ownFrom && place < this.#ownTo ? this.#talkerAt(place) - this.#first : NOT_OWN;
  }

  /** @param number of the phase */
  beginPhase(phase: Phase, number: number, atMs: number): void {
    const { seed, population } = this.#plan;
    const leavingSeed = seedFor(seed, `leaving in phase ${number}`);
    const cutSeed = seedFor(seed, `cut in phase ${number}`);
    const leaving: Turn[] = [];
    for (let user = 0; user < population.count; user += 1) {
      const id = population.firstUser + user;
      const shouldBeAway = phase.away > 0 && shareOf(id, seed) < phase.away;
      this.#clear(user, LEAVING);
      if (shouldBeAway && !this.#is(user, AWAY)) {
        this.#set(user, LEAVING);
        // When the clients of other agents leave within the second is nothing to this one: they are not asked any more.
        if (this.#isOwn(user))
          leaving.push({ client: user, atMs: atMs + shareOf(id, leavingSeed) * LEAVING_SPREAD_MS });
      } else if (!shouldBeAway && this.#is(user, AWAY)) {
        this.#comeBack(user, this.#clock.hostMs(atMs));
      }
      if (phase.cut > 0 && !shouldBeAway && this.#isOwn(user) && shareOf(id, cutSeed) < phase.cut)
        this.#clients.cut(user - this.#first);
    }
    this.#returning.replace([]);
    this.#leaving.replace(leaving);
    // Whoever is about to leave is not asked to send any more: the plan of the phase knows that they are away.
    this.#listTalkers(phase.away > 0);
    this.#churnGapMs = phase.churnRate > 0 ? 1000 / phase.churnRate : Number.POSITIVE_INFINITY;
    this.#nextChurnMs = phase.churnRate > 0 ? atMs + this.#churnGapMs : Number.POSITIVE_INFINITY;
    this.#churnEndMs = atMs + phase.durationMs;
    this.#awayForMs = phase.awayForMs;
    this.#nextMs = this.#soonest();
  }

  /** Breaks a share of the connections, or lets a share of the clients hang, once it is time. */
  plan(action: ClientAction, atMs: number): void {
    this.#actionsTold += 1;
    const seed = seedFor(this.#plan.seed, `action ${this.#actionsTold}`);
    this.#actions.push({ action, atMs, seed });
    this.#actions.sort((one, other) => one.atMs - other.atMs);
    this.#nextMs = this.#soonest();
  }

  /**
   * Everybody comes back, nobody leaves.
   * @param hostMs the time of this host
   */
  recallAll(hostMs: number): void {
    this.#leaving.replace([]);
    this.#returning.replace([]);
    this.#actions = [];
    this.#nextChurnMs = Number.POSITIVE_INFINITY;
    for (const pause of this.#pauses.splice(0)) this.#wake(pause);
    for (let user = this.#first; user < this.#end; user += 1) {
      if (this.#is(user, AWAY)) this.#comeBack(user, hostMs);
    }
    this.#nextMs = Number.POSITIVE_INFINITY;
  }

  /** Hot path. Does what is planned until then, each thing in its turn, so that it does not matter how often this is called. */
  tick(nowMs: number): void {
    while (this.#nextMs <= nowMs) {
      this.#doNext(this.#nextMs);
      this.#nextMs = this.#soonest();
    }
  }

  /** When anything happens the next time; infinity: nothing is planned. */
  get nextMs(): number {
    return this.#nextMs;
  }

  #soonest(): number {
    return Math.min(
      this.#churnMs,
      this.#actions[0]?.atMs ?? Number.POSITIVE_INFINITY,
      this.#pauses[0]?.untilMs ?? Number.POSITIVE_INFINITY,
      this.#leaving.nextMs,
      this.#returning.nextMs,
    );
  }

  #doNext(atMs: number): void {
    if (atMs === this.#pauses[0]?.untilMs) this.#wake(this.#pauses.shift() as Pause);
    else if (atMs === this.#leaving.nextMs) this.#goAway(this.#leaving.take(atMs) as number);
    else if (atMs === this.#returning.nextMs) this.#return(this.#returning.take(atMs) as number, atMs);
    else if (atMs === this.#churnMs) this.#churn(atMs);
    else {
      const { action, seed } = this.#actions.shift() as PlannedAction;
      if (action.kind === 'cut') this.#cut(action.share, seed);
      else this.#pause(action.share, seed, atMs + (action.forMs ?? Number.POSITIVE_INFINITY));
    }
  }

  get #churnMs(): number {
    return this.#nextChurnMs < this.#churnEndMs ? this.#nextChurnMs : Number.POSITIVE_INFINITY;
  }

  #churn(atMs: number): void {
    this.#nextChurnMs += this.#churnGapMs;
    const user = this.#churnDraws.below(this.#state.length);
    if (this.#is(user, AWAY | LEAVING)) return;
    this.#goAway(user);
    this.#returning.push({ client: user, atMs: atMs + this.#awayForMs });
  }

  #cut(share: number, seed: number): void {
    for (let user = this.#first; user < this.#end; user += 1) {
      if (!this.#isPicked(user, share, seed) || this.#is(user, AWAY)) continue;
      const client = user - this.#first;
      if (this.#clients.isOnline(client)) this.#clients.cut(client);
    }
  }

  /** Who is about to leave does not hang as well. */
  #pause(share: number, seed: number, untilMs: number): void {
    const users: number[] = [];
    for (let user = 0; user < this.#state.length; user += 1) {
      if (!this.#isPicked(user, share, seed) || this.#is(user, AWAY | LEAVING | PAUSED)) continue;
      this.#set(user, PAUSED);
      if (this.#isOwn(user)) this.#clients.pause(user - this.#first);
      users.push(user);
    }
    this.#pauses.push({ users, untilMs });
    this.#pauses.sort((one, other) => one.untilMs - other.untilMs);
  }

  #wake({ users }: Pause): void {
    for (const user of users) {
      this.#clear(user, PAUSED);
      if (this.#isOwn(user)) this.#clients.resume(user - this.#first);
    }
  }

  #isPicked(user: number, share: number, seed: number): boolean {
    return shareOf(this.#plan.population.firstUser + user, seed) < share;
  }

  #return(user: number, atMs: number): void {
    if (this.#is(user, AWAY)) this.#comeBack(user, this.#clock.hostMs(atMs));
  }

  #goAway(user: number): void {
    if (this.#is(user, AWAY)) return;
    this.#clear(user, LEAVING);
    this.#set(user, AWAY);
    if (!this.#isOwn(user)) return;
    this.away += 1;
    this.#clients.sendAway(user - this.#first);
  }

  #comeBack(user: number, hostMs: number): void {
    this.#clear(user, AWAY);
    if (!this.#isOwn(user)) return;
    this.away -= 1;
    this.#connector.enqueue(user - this.#first, hostMs);
  }

  /** Hot path. One that is there; there is one. */
  #drawAgain(from: number, seed: number): number {
    let place = from;
    this.#redraws.restart(seed);
    for (let draw = 1; draw < MOST_DRAWS; draw += 1) {
      place = this.#redraws.below(this.#talkerCount);
      if (this.#state[this.#talkerAt(place)] === PRESENT) return place;
    }
    do {
      place = (place + 1) % this.#talkerCount;
    } while (this.#state[this.#talkerAt(place)] !== PRESENT);
    return place;
  }

  #listTalkers(isSomebodyAway: boolean): void {
    const { length } = this.#state;
    this.#talkers = isSomebodyAway ? new Int32Array(length) : undefined;
    if (!this.#talkers) {
      this.#talkerCount = this.#is(length - 1, ALONE) ? length - 1 : length;
      this.#ownFrom = this.#first;
      this.#ownTo = Math.min(this.#end, this.#talkerCount);
      return;
    }
    let place = 0;
    for (let user = 0; user < length; user += 1) {
      if (user === this.#first) this.#ownFrom = place;
      if (!this.#is(user, AWAY | LEAVING | ALONE)) {
        this.#talkers[place] = user;
        place += 1;
      }
      if (user === this.#end - 1) this.#ownTo = place;
    }
    this.#talkerCount = place;
  }

  /** Hot path. */
  #talkerAt(place: number): number {
    return this.#talkers ? (this.#talkers[place] as number) : place;
  }

  #isOwn(user: number): boolean {
    return user >= this.#first && user < this.#end;
  }

  /** Any of these. */
  #is(user: number, what: number): boolean {
    return ((this.#state[user] as number) & what) !== 0;
  }

  #set(user: number, what: number): void {
    if (this.#state[user] === PRESENT) this.#presentCount -= 1;
    this.#state[user] = (this.#state[user] as number) | what;
  }

  #clear(user: number, what: number): void {
    const before = this.#state[user] as number;
    const after = before & ~what;
    this.#state[user] = after;
    if (after === PRESENT && before !== PRESENT) this.#presentCount += 1;
  }
}
