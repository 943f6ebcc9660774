import { monitorEventLoopDelay } from 'node:perf_hooks';
import { noTcp, subtractTcp } from '../../record/tcp-counters.js';
import type { Phase } from '../../scenarios/scenario.js';
import type { AgentPlan, AgentSample, FromAgent, ToAgent } from '../agent-messages.js';
import type { Driver } from '../drivers/driver.js';
import { monotonicMs } from '../monotonic-clock.js';
import { readProcessUsage } from '../process-usage.js';
import { makeTransport } from '../transports/make-transport.js';
import type { Transport } from '../transports/transport.js';
import { Connector } from './connector.js';
import { trimHeap } from './heap-trim.js';
import { IntervalHistograms } from './interval-histograms.js';
import { ledgerCounts, noCounts } from './ledger.js';
import { Population, type PopulationListener } from './population.js';
import { Presence } from './presence.js';
import { ScenarioClock } from './scenario-clock.js';
import { Schedule, type TakeDue } from './schedule.js';

/** Messages of the coordinator that change what falls due. Each names the time from which it holds. */
type Change = Extract<ToAgent, { kind: 'phase' | 'rate' }>;
type Levels = Pick<AgentSample, 'open' | 'openPeak' | 'openLow' | 'opening' | 'away' | 'inFlight'>;

/** The shortest sleep between two ticks, and the longest: what changes beside the ticks, and nobody tells, is late by no more. */
const TICK_MS = 1;
const LONGEST_SLEEP_MS = 50;
const SAMPLE_MS = 1000;
const LOOP_DELAY_RESOLUTION_MS = 10;
/** How often, while draining, it is looked whether anything is still under way. */
const DRAIN_CHECK_MS = 100;
/** How long saying goodbye may take at the end, a few clients a tick. Two million take longer: the rest ends with the process. */
const GOODBYES_MS = 2000;
const GOODBYES_A_TICK_MS = 20;
/** How long the agent then waits for connections to close. What arrives meanwhile still counts. */
const PARTING_MS = 2000;

/** One agent: a population, its schedule, and what it tells the coordinator. Runs in any process. */
export class Agent implements PopulationListener {
  readonly #plan: AgentPlan;
  readonly #tell: (message: FromAgent) => void;
  readonly #histograms = new IntervalHistograms('connect');
  readonly #population: Population;
  readonly #transport: Transport;
  readonly #connector: Connector;
  readonly #presence: Presence;
  readonly #schedule: Schedule;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
  readonly #firstOutcome: Uint8Array;
  #firstOutcomes = 0;
  #firstLogins = 0;
  /** Soonest first. */
  #pending: Change[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sleepMs = 0;
  #nextSampleMs = Number.POSITIVE_INFINITY;
  #sampleFromMs = 0;
  /** Client that the heartbeat sweep has reached, as a fraction of the population. */
  #heartbeatMs = 0;
  #heartbeatClient = 0;
  #nextDrainCheckMs = Number.POSITIVE_INFINITY;
  #isFinishing = false;
  #goodbyesUntilMs = 0;
  #partingUntilMs = 0;
  #left = 0;
  #lastLevels: Levels | undefined;
  #counts = newCounts();
  #before = noCounts();
  #tcpBefore = noTcp();
  #cpuSecondsAtStart = 0;

  constructor(plan: AgentPlan, driver: Driver, tell: (message: FromAgent) => void) {
    this.#plan = plan;
    this.#tell = tell;
    this.#population = new Population(plan, driver, this.#histograms, this);
    this.#connector = new Connector(
      plan,
      this.#population,
      this.#histograms,
      (client) => !this.#isFinishing && !this.#presence.isAway(client),
      (client) => this.#population.cut(client, 'ConnectTimeout'),
    );
    const clock = new ScenarioClock();
    this.#presence = new Presence(plan, this.#population, this.#connector, clock);
    this.#schedule = new Schedule(plan, this.#presence, clock);
    this.#firstOutcome = new Uint8Array(plan.count);
    this.#transport = makeTransport(plan, driver, this.#population);
    this.#population.use(this.#transport);
  }

  /** Does what the coordinator says; see agent-messages.ts. */
  obey(message: ToAgent): void {
    switch (message.kind) {
      case 'connect':
        this.#start(message.atMs);
        break;
      case 'phase':
      case 'rate':
        this.#pending.push(message);
        this.#pending.sort((one, other) => one.atMs - other.atMs);
        break;
      case 'act':
        this.#schedule.plan(message.action, message.atMs);
        break;
      case 'drain':
        this.#drain();
        break;
      case 'finish':
        this.#finish();
        break;
    }
    this.#wake();
  }

  loggedIn(client: number): void {
    this.#counts.connected += 1;
    this.#connector.succeeded(client);
    if (this.#firstOutcome[client] === 1) this.#counts.reconnected += 1;
    else this.#firstLogins += 1;
    this.#hadFirstOutcome(client);
  }

  failed(client: number, reason: string): void {
    if (this.#isFinishing) return;
    if (reason !== 'Cut') {
      this.#counts.failed += 1;
      this.#countFailure(reason);
    }
    this.#connector.enqueueAfterFailure(client, monotonicMs());
    this.#wake();
    this.#hadFirstOutcome(client);
  }

  ended(client: number, reason: string, isOwnDoing: boolean): void {
    if (this.#isFinishing) return;
    if (!isOwnDoing) {
      this.#counts.dropped += 1;
      this.#countFailure(reason);
    }
    this.#connector.enqueue(client, monotonicMs());
    this.#wake();
  }

  #start(atMs: number): void {
    this.#cpuSecondsAtStart = readProcessUsage().cpuSeconds;
    this.#connector.start(atMs);
    this.#sampleFromMs = atMs;
    this.#nextSampleMs = atMs + SAMPLE_MS;
    this.#heartbeatMs = atMs;
    this.#loopDelay.enable();
    this.#sleep(TICK_MS);
  }

  /** Something may fall due sooner than was known when this went to sleep. */
  #wake(): void {
    if (this.#sleepMs > TICK_MS) this.#sleep(TICK_MS);
  }

  #sleep(ms: number): void {
    if (this.#timer && this.#sleepMs === ms) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#sleepMs = ms;
    this.#timer = setTimeout(this.#tick, ms);
  }

  /** Until something falls due: an agent that has nothing to do costs nothing. */
  #sleepUntilDue(): void {
    const nextMs = Math.min(
      this.#pending[0]?.atMs ?? Number.POSITIVE_INFINITY,
      this.#schedule.nextMs,
      this.#connector.nextMs,
      this.#heartbeatMs + this.#population.heartbeatMs / this.#plan.count,
      this.#nextDrainCheckMs,
      this.#nextSampleMs,
    );
    this.#sleep(Math.min(LONGEST_SLEEP_MS, Math.max(TICK_MS, Math.ceil(nextMs - monotonicMs()))));
  }

  readonly #tick = (): void => {
    const now = monotonicMs();
    while (!this.#isFinishing && this.#pending[0] && this.#pending[0].atMs <= now) {
      const message = this.#pending.shift() as Change;
      if (message.kind === 'phase') this.#beginPhase(message.phase, message.atMs);
      else this.#schedule.changeRate(message.messageRate, message.atMs, this.#send);
    }
    if (this.#isFinishing) {
      this.#part(now);
      return;
    }
    this.#schedule.take(now, this.#send);
    this.#connector.tick(now);
    this.#heartbeat(now);
    this.#checkDrain(now);
    this.#population.flush();
    if (now >= this.#nextSampleMs) {
      // After a stall, what was counted belongs to the whole stall: the sample says so, rather than naming its first second.
      const isStalled = now >= this.#nextSampleMs + SAMPLE_MS;
      this.#sample(isStalled ? now : this.#nextSampleMs);
      while (this.#nextSampleMs <= now) this.#nextSampleMs += SAMPLE_MS;
    }
    this.#sleepUntilDue();
  };

  #beginPhase(phase: Phase, atMs: number): void {
    this.#schedule.beginPhase(phase, atMs, this.#send);
    this.#histograms.beginPhase(phase.name, atMs);
  }

  /** Hot path. */
  readonly #send: TakeDue = (client, isForGroup, dueMs, bytes) => {
    if (client < 0) this.#counts.unscheduled += 1;
    else this.#counts.due += this.#population.send(client, isForGroup, dueMs, bytes);
  };

  /** One sign of life a client and interval: the sweep reaches client i of n at i/n of the interval. */
  #heartbeat(now: number): void {
    const { count } = this.#plan;
    const gapMs = this.#population.heartbeatMs / count;
    let due = Math.floor((now - this.#heartbeatMs) / gapMs);
    this.#heartbeatMs += due * gapMs;
    // After a stall, or where the interval has become shorter, one is enough.
    due = Math.min(due, count);
    for (; due > 0; due -= 1) {
      this.#population.keepAlive(this.#heartbeatClient);
      this.#heartbeatClient = (this.#heartbeatClient + 1) % this.#plan.count;
    }
  }

  #drain(): void {
    const now = monotonicMs();
    this.#pending = [];
    this.#histograms.beginPhase('drain', this.#schedule.end(now, this.#send));
    this.#presence.recallAll(now);
    this.#nextDrainCheckMs = now;
  }

  #checkDrain(now: number): void {
    if (now < this.#nextDrainCheckMs) return;
    this.#nextDrainCheckMs = now + DRAIN_CHECK_MS;
    if (this.#population.underWay > 0) return;
    this.#nextDrainCheckMs = Number.POSITIVE_INFINITY;
    this.#tell({ kind: 'drained' });
  }

  #finish(): void {
    if (this.#isFinishing) return;
    const now = monotonicMs();
    // Without a drain before it, what fell due until now is still to be sent, and counted.
    this.#schedule.end(now, this.#send);
    this.#isFinishing = true;
    this.#population.flush();
    this.#population.accountHeldBack();
    this.#connector.tellUnbegun(now);
    this.#population.recordUnfinishedConnects(now, (client) => !this.#presence.isAway(client));
    // Taken before the goodbyes, or the last sample would show everybody leaving.
    this.#lastLevels = this.#levels();
    this.#goodbyesUntilMs = now + GOODBYES_MS;
    this.#sleep(TICK_MS);
  }

  /** Says goodbye to a few clients at a time, waits for their connections to close, then gives the final account. */
  #part(now: number): void {
    this.#sleep(TICK_MS);
    if (this.#left < this.#plan.count && now < this.#goodbyesUntilMs) {
      const endMs = now + GOODBYES_A_TICK_MS;
      for (; this.#left < this.#plan.count && monotonicMs() < endMs; this.#left += 1)
        this.#population.leave(this.#left);
      this.#partingUntilMs = monotonicMs() + PARTING_MS;
      return;
    }
    if (this.#population.connections > 0 && now < this.#partingUntilMs) return;
    clearTimeout(this.#timer);
    if (this.#sampleFromMs > 0) this.#sample(now, this.#lastLevels);
    this.#loopDelay.disable();
    const notes = [...this.#population.notes];
    this.#tell({
      kind: 'final',
      totals: this.#population.totals(),
      ...(notes.length > 0 ? { notes } : {}),
    });
  }

  /** Levels of this moment, with the highest and lowest since the last call. */
  #levels(): Levels {
    const { sent, delivered, refused } = this.#population.counts();
    return {
      open: this.#population.online,
      ...this.#population.takeExtremes(),
      opening: this.#population.opening,
      away: this.#presence.away,
      inFlight: Math.max(0, sent - delivered - refused),
    };
  }

  #sample(toMs: number, levels = this.#levels()): void {
    const ledger = this.#population.counts();
    const { cpuSeconds, privateBytes } = readProcessUsage();
    const tcp = this.#transport.counters?.();
    const sample: AgentSample = {
      fromMs: this.#sampleFromMs,
      toMs,
      ...levels,
      ...this.#counts,
      refusals: this.#population.takeRefusals(),
      ...ledgerCounts((name) => ledger[name] - this.#before[name]),
      latency: this.#histograms.take(),
      tcp: tcp ? subtractTcp(tcp, this.#tcpBefore) : null,
      eventLoopLagMs: Math.max(0, this.#loopDelay.percentile(99) / 1e6 - LOOP_DELAY_RESOLUTION_MS),
      cpuSeconds: cpuSeconds - this.#cpuSecondsAtStart,
      cpuReadAtMs: monotonicMs(),
      privateBytes,
    };
    this.#loopDelay.reset();
    this.#before = ledger;
    if (tcp) this.#tcpBefore = tcp;
    this.#counts = newCounts();
    this.#sampleFromMs = toMs;
    this.#tell({ kind: 'sample', sample });
  }

  #hadFirstOutcome(client: number): void {
    if (this.#firstOutcome[client] === 1) return;
    this.#firstOutcome[client] = 1;
    this.#firstOutcomes += 1;
    if (this.#firstOutcomes < this.#plan.count) return;
    const atMs = monotonicMs();
    trimHeap(this.#plan.count);
    this.#tell({ kind: 'connected', logins: this.#firstLogins, atMs });
  }

  #countFailure(reason: string): void {
    this.#counts.failures[reason] = (this.#counts.failures[reason] ?? 0) + 1;
  }
}

function newCounts() {
  return {
    connected: 0,
    reconnected: 0,
    failed: 0,
    dropped: 0,
    due: 0,
    unscheduled: 0,
    failures: {} as Record<string, number>,
  };
}
