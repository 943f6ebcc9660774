import type { ClientAction, Phase } from '../../scenarios/scenario.js';
import type { AgentPlan } from '../agent-messages.js';
import { nthSeed, Random, randomStream, seedFor } from '../random.js';
import { Arrivals, type RateSpan } from './arrivals.js';
import { sizeSampler } from './message-size.js';
import { NOT_OWN, type Presence } from './presence.js';
import type { ScenarioClock } from './scenario-clock.js';

/** Takes a message that fell due; `client` is -1 where nobody is there who could send it. */
export type TakeDue = (client: number, isForGroup: boolean, dueMs: number, bytes: number) => void;

/** The clocks of two hosts are a little apart: who is told that the last phase is over may not be there yet. */
const CLOCK_SLACK_MS = 10;

/** Messages that fall due at one rate, or at one that goes evenly to another: a phase, or a part of it. */
interface Stretch {
  arrivals: Arrivals;
  /** One number an arrival: who of those that may send it is asked. */
  senders: Random;
  /** What is drawn for one of the arrivals hangs on these and its number, and on no other arrival. */
  detailSeed: number;
  redrawSeed: number;
  /** Of the arrival that comes next. */
  number: number;
}

/**
 * What falls due, when, and whose it is: decided by the scenario and its seed alone, whatever the server does, however late the
 * agent is, and however many agents there are. Each of them walks the arrivals of the whole run and keeps those of its own
 * clients. One of another agent costs two random numbers, a gap and a sender: 35 ns (bench/schedule.ts).
 */
export class Schedule {
  readonly #plan: Pick<AgentPlan, 'seed' | 'messages' | 'groups'>;
  readonly #presence: Presence;
  readonly #clock: ScenarioClock;
  readonly #details = new Random(0);
  readonly #drawSize: () => number;
  /** Undefined: nothing falls due. */
  #stretch: Stretch | undefined;
  #phases = 0;
  /** Of the phase, and until when all has been handed over. Times in here are those of the scenario. */
  #startMs = 0;
  #endMs = 0;
  #takenMs = 0;
  /** Told before the first phase began. */
  #early: { action: ClientAction; atMs: number }[] = [];

  constructor(
    plan: Pick<AgentPlan, 'seed' | 'messages' | 'groups'>,
    presence: Presence,
    clock: ScenarioClock,
  ) {
    this.#plan = plan;
    this.#presence = presence;
    this.#clock = clock;
    this.#drawSize = sizeSampler(plan.messages.size, this.#details);
  }

  /**
   * Phases follow one another without a gap; the rates are those of all agents together.
   * @param send takes what fell due in the phase before, up to its end: that was due in any case
   */
  beginPhase(phase: Phase, atMs: number, send: TakeDue): void {
    this.#takeUntil(this.#endMs, send);
    this.#clock.beginPhase(this.#endMs, atMs);
    for (const { action, atMs: early } of this.#early.splice(0)) this.plan(action, early);
    this.#phases += 1;
    this.#startMs = this.#endMs;
    this.#endMs += phase.durationMs;
    const { messageRate: from, messageRateTo: to = from } = phase;
    this.#begin(`phase ${this.#phases}`, { from, to }, this.#startMs);
    this.#presence.beginPhase(phase, this.#phases, this.#startMs);
  }

  /**
   * The phase goes on with another rate, that of all agents together.
   * @param atMs a whole number of milliseconds after the beginning of the phase, so that all agents take it for the same
   *   moment; one that is in no phase, or in one that is over, changes nothing
   * @param send takes what fell due before that
   */
  changeRate(messageRate: number, atMs: number, send: TakeDue): void {
    const fromMs = this.#clock.toldMs(atMs);
    if (!this.#stretch || fromMs < this.#startMs || fromMs >= this.#endMs) return;
    this.#takeUntil(fromMs, send);
    const name = `phase ${this.#phases} from ${fromMs} ms at ${messageRate}/s`;
    this.#begin(name, { from: messageRate, to: messageRate }, fromMs);
    // Who hears of it late has handed over what fell due by then at the rate before.
    this.#takeUntil(this.#takenMs, () => undefined);
  }

  /** Breaks a share of the connections, or lets a share of the clients hang, once it is time. */
  plan(action: ClientAction, atMs: number): void {
    if (this.#clock.isStopped) this.#early.push({ action, atMs });
    else this.#presence.plan(action, this.#clock.toldMs(atMs));
  }

  /** When anything falls due the next time, by the clock of this host; infinity: nothing is planned. */
  get nextMs(): number {
    if (this.#clock.isStopped) return Number.POSITIVE_INFINITY;
    const { arrivals } = this.#stretch ?? {};
    return this.#clock.hostMs(Math.min(arrivals?.nextMs ?? Number.POSITIVE_INFINITY, this.#presence.nextMs));
  }

  /** Hot path. Hands over what has fallen due by `nowMs`, in order, with everybody there or away as at each of its times. */
  take(nowMs: number, send: TakeDue): void {
    if (!this.#clock.isStopped) this.#takeUntil(this.#clock.scenarioMs(nowMs), send);
  }

  /**
   * Nothing falls due any more.
   * @returns from when on: `nowMs`, or the end of the phase where that is a moment away
   */
  end(nowMs: number, send: TakeDue): number {
    if (this.#clock.isStopped) return nowMs;
    const endMs = this.#clock.hostMs(this.#endMs);
    const atMs = nowMs > endMs - CLOCK_SLACK_MS ? Math.max(nowMs, endMs) : nowMs;
    this.take(atMs, send);
    this.#stretch = undefined;
    return atMs;
  }

  #begin(name: string, rate: RateSpan, fromMs: number): void {
    const { messages, seed } = this.#plan;
    const random = randomStream(seed, `arrivals of ${name}`);
    this.#stretch = {
      arrivals: new Arrivals(messages.arrival, rate, fromMs, this.#endMs, random),
      senders: randomStream(seed, `senders of ${name}`),
      detailSeed: seedFor(seed, `messages of ${name}`),
      redrawSeed: seedFor(seed, `other senders of ${name}`),
      number: 0,
    };
  }

  /** Hot path. */
  #takeUntil(untilMs: number, send: TakeDue): void {
    const stretch = this.#stretch;
    if (stretch) {
      const { arrivals, senders, redrawSeed } = stretch;
      for (let dueMs = arrivals.take(untilMs); dueMs !== undefined; dueMs = arrivals.take(untilMs)) {
        const { number } = stretch;
        stretch.number += 1;
        this.#presence.tick(dueMs);
        const client = this.#presence.drawTalker(senders.next(), redrawSeed, number);
        if (client === NOT_OWN) continue;
        this.#details.restart(nthSeed(stretch.detailSeed, number));
        const { groups } = this.#plan;
        const isForGroup = groups !== null && this.#details.next() < groups.share;
        send(client, isForGroup, this.#clock.hostMs(dueMs), this.#drawSize());
      }
    }
    this.#presence.tick(untilMs);
    this.#takenMs = Math.max(this.#takenMs, untilMs);
  }
}
