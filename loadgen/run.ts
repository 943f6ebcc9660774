import { EventEmitter } from 'node:events';
import { type Credentials, tokenOf } from '../protocol/user-token.js';
import { type Aborted, abortWords } from '../record/abort.js';
import type { Measurement } from '../record/run.js';
import type { TimelineSample } from '../record/timeline.js';
import type { Scenario } from '../scenarios/scenario.js';
import { ActionRunner } from './action-runner.js';
import type { RecordedKind } from './agent/interval-histograms.js';
import { AgentPool } from './coordination/agent-pool.js';
import type { ClockReport } from './coordination/coordinator.js';
import { THIS_HOST } from './coordination/local-agents.js';
import { type HostFacts, readHostFacts } from './host-facts.js';
import { MediaLoad } from './media/media-load.js';
import { monotonicMs } from './monotonic-clock.js';
import { nobodyLoggedIn } from './nobody-logged-in.js';
import { probeEndpoints } from './probe.js';
import { RateChanges } from './rate-changes.js';
import { AgentSummaries } from './recording/agent-summary.js';
import type { PhaseSpan } from './recording/finished-run.js';
import type { LatencyCounts } from './recording/latency-counts.js';
import { LatencyRecorder } from './recording/latency-recorder.js';
import { assembleMeasurement } from './recording/measurement.js';
import { MemoryTrend } from './recording/memory-trend.js';
import { NodeSummaries } from './recording/node-summaries.js';
import { RecordWriter } from './recording/record-writer.js';
import { repeatSparingly } from './recording/repeat-sparingly.js';
import { ResourceUsage } from './recording/resource-usage.js';
import type { ServerWatch } from './recording/server-watch.js';
import { ServerWatches } from './recording/server-watches.js';
import { TimelineRecorder } from './recording/timeline-recorder.js';
import { RunError } from './run-error.js';
import type { RunRequest } from './run-request.js';
import { type RemotePacketAgent, unansweredNotes } from './transports/packets/unanswered.js';
import { within } from './within.js';

/** Slack for connects whose first packets the kernel had to repeat: the phase ends this long after the connect time-out. */
const CONNECT_SLACK_MS = 5000;
/** After the last login, before memory is read: garbage of connecting is collected, samples are fresh. */
const SETTLE_MS = 1500;
/** How long it goes on listening after the last message is done, for what should not come, such as duplicates. */
const QUIET_MS = 1000;
/** How long an interrupted run waits for what is under way. */
const INTERRUPTED_DRAIN_MS = 2000;
/** What a run that is killed had not told yet. */
const CHECKPOINT_MS = 5000;
/** How often the gates are looked at that may end the run. */
const WATCH_MS = 1000;

export interface RunEvents {
  sample: [TimelineSample];
  /** Latencies and lags of the second that the next sample is of, by kind; nobody may change them. */
  recorded: [ReadonlyMap<RecordedKind, LatencyCounts>];
  /** It begins; null: it ends when it ends. */
  phase: [{ name: string; durationMs: number | null }];
  /** When they are ready, and whenever one of them is lost. */
  agents: [AgentsAtWork];
}

/** Who simulates the clients of a run. */
export interface AgentsAtWork {
  agents: number;
  hosts: number;
  /** In the order in which they were lost. */
  lost: { agent: number; host: string; why: string }[];
}

export interface RunHandle {
  on<Name extends keyof RunEvents>(event: Name, listener: (...event: RunEvents[Name]) => void): void;
  /** Rejects with RunError when the run could not be completed. */
  measurement: Promise<Measurement>;
  /**
   * Ends the run in good order within a few seconds; the measurement is partial then.
   * @param why for the notes, where there is more to say than that it was
   */
  interrupt(why?: string): void;
  /** The same, because the target has ended: it has failed. */
  targetDied(reason: string): void;
  /**
   * From a moment from now until the phase ends, messages fall due at this rate, whatever the scenario says.
   * @param by who wants it, for the record
   * @returns what was done, in words
   * @throws RunError why it cannot be done now
   */
  changeRate(perSecond: number, by: string): string;
}

/** Runs a scenario: connect, its phases, drain; by then everything is measured, and nothing is judged. */
export function startRun(request: RunRequest): RunHandle {
  const run = new Run(request);
  return {
    on: (event, listener) => run.events.on(event, listener as never),
    measurement: run.complete(),
    interrupt: (why) => run.stop(why),
    targetDied: (reason) => run.targetDied(reason),
    changeRate: (perSecond, by) => run.changeRate(perSecond, by),
  };
}

class Run {
  readonly events = new EventEmitter<RunEvents>();
  readonly #request: RunRequest;
  readonly #facts: HostFacts = readHostFacts();
  readonly #notes: string[] = [];
  readonly #phases: PhaseSpan[] = [];
  readonly #stopped: Promise<void>;
  #resolveStopped: () => void = () => undefined;
  #isStopped = false;
  /** Stopped by a person, by the end of the target, or by a full disk. An agent that was lost does not count. */
  #isCutShort = false;
  /** What broke the recording itself, such as a full disk. */
  #fault: Error | undefined;
  #actions: ActionRunner | undefined;
  #rates: RateChanges | undefined;
  #checkpoints: { stop(): void } | undefined;
  #watch: { stop(): void } | undefined;
  #aborted: Aborted | undefined;
  #media: MediaLoad | undefined;
  #connectsPerSecond: number | undefined;
  #died: string | null = null;
  #startMs = 0;
  #startedAtMs = 0;

  constructor(request: RunRequest) {
    this.#request = request;
    this.#stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  stop(reason?: string): void {
    if (reason !== undefined) this.#notes.push(reason);
    this.#isCutShort = true;
    this.#end();
  }

  #end(): void {
    this.#isStopped = true;
    this.#resolveStopped();
  }

  targetDied(reason: string): void {
    this.#died ??= reason;
    this.stop(reason);
  }

  changeRate(perSecond: number, by: string): string {
    if (!this.#rates || this.#isStopped)
      throw new RunError(
        'C2M_RUN',
        `the rate cannot be changed now: the run ${this.#rates ? 'is ending' : 'has yet to begin'}`,
      );
    return this.#rates.change(perSecond, by);
  }

  async complete(): Promise<Measurement> {
    const { scenario, endpoints, plans, coordinator, mediaUrl, folder, credentials } = this.#request;
    // Packets go over a device that the agents have yet to make.
    if (scenario.generator.transport === 'sockets' && !coordinator.isRemote) await probeEndpoints(endpoints);
    await this.#makeFirstContact();
    const watches = await ServerWatches.connect(this.#request);
    const media = mediaUrl === null ? undefined : await prepareMedia(mediaUrl, scenario, credentials);
    for (const plan of plans) plan.attachments = media?.attachments ?? [];
    this.#media = media;
    const writer = new RecordWriter(folder);
    let recorder: TimelineRecorder | undefined;
    const talking = new Set(scenario.phases.map(({ name }) => name));
    const agents = new AgentSummaries(plans.length, (ms) => talking.has(this.#phaseAt(ms)));
    const pool = new AgentPool(coordinator, plans, {
      sample: (agent, sample) =>
        this.#guard(() => {
          agents.take(agent, sample);
          recorder?.take(agent, sample);
        }),
      lost: ({ agent }) => {
        this.#guard(() => recorder?.ended(agent));
        this.#lost(pool);
        this.#tellAgents(pool);
      },
    });
    try {
      const ready = await Promise.race([pool.prepare(), this.#stopped]);
      this.#notes.push(...(ready ?? []).flatMap(({ notes = [] }) => notes));
      if (this.#isStopped)
        throw new RunError('C2M_RUN', ['the run ended before the first connect', ...this.#notes].join(': '));
      this.#tellAgents(pool);
      // CPU and memory are counted from this moment. Without asking again, the last answer would be from before the agents started.
      await watches.poll();
      const resources = new ResourceUsage({
        pool,
        server: watches.server,
        socketsPerConnection: this.#socketsPerConnection(),
        phases: talking,
      });
      this.#startMs = monotonicMs() + this.#request.coordinator.leadMs;
      this.#startedAtMs = Date.now() + this.#request.coordinator.leadMs;
      const memoryTrend = new MemoryTrend();
      const nodes = new NodeSummaries(talking);
      const latency = new LatencyRecorder(
        (text) => writer.latency(text),
        this.#startedAtMs,
        (sample) => agents.lagOf(sample),
      );
      const timeline = new TimelineRecorder(plans.length, this.#startMs, {
        merge: (samples, startSeconds, endSeconds) => {
          const phase = this.#phaseAt(this.#startMs + endSeconds * 1000);
          const ofMedia = media ? [{ latency: { [phase]: media.take() } }] : [];
          const merged = latency.add([...samples, ...ofMedia], startSeconds, endSeconds);
          this.events.emit('recorded', merged.counts);
          return merged;
        },
        phaseAt: (seconds) => this.#phaseAt(this.#startMs + seconds * 1000),
        server: () => watches.server?.take() ?? null,
        serverMetrics: () => watches.metrics?.take(),
        kernel: () => resources.readKernel(),
        emit: (sample) => {
          writer.sample(sample);
          memoryTrend.add(sample);
          nodes.add(sample);
          resources.add(sample);
          this.events.emit('sample', sample);
        },
      });
      recorder = timeline;
      watches.start(this.#startMs);
      const actions = new ActionRunner(pool, this.#request.server, this.#startMs);
      const rates = new RateChanges(pool, this.#request.coordinator.leadMs, this.#startMs);
      [this.#actions, this.#rates] = [actions, rates];
      // Clocks are measured once more at the end. Called without them, this makes the record of a run that goes on.
      const assemble = (endMs: number, clocks?: ClockReport[]): Measurement =>
        assembleMeasurement({
          request: this.#request,
          facts: this.#facts,
          startMs: this.#startMs,
          startedAtMs: this.#startedAtMs,
          endMs,
          isOver: clocks !== undefined,
          phases: this.#phases,
          connectsPerSecond: this.#connectsPerSecond,
          resources: resources.summary(),
          memoryTrend,
          nodes,
          media,
          notes: [...this.#notes, ...rates.notes, ...actions.failures],
          marks: [...actions.marks, ...rates.marks],
          rateChanges: rates.made,
          isPartial: !clocks || this.#isCutShort,
          died: this.#died,
          aborted: this.#aborted,
          pool,
          watches,
          recorder: timeline,
          latency,
          agents,
          clocks: clocks ?? [],
        });
      this.#checkpoints = repeatSparingly(
        () => {
          if (timeline.counts.connected > 0) this.#request.checkpoint?.(assemble(monotonicMs()));
        },
        this.#request.checkpointMs ?? CHECKPOINT_MS,
        ({ message }) =>
          this.#notes.push(`what was measured could not be kept while the run went on: ${message}`),
      );
      this.#watch = this.#watchGates(() => assemble(monotonicMs()));
      // What the agents say of it themselves: their counts are a second behind, or more where this process was kept waiting.
      const logins = await this.#connect(pool, watches.server, resources);
      const hasLoggedIn = logins > 0 || recorder.counts.connected > 0;
      if (hasLoggedIn) await this.#runPhases(pool);
      await actions.end();
      const { connected, failed } = recorder.counts;
      await Promise.all([this.#drain(pool), this.#drainMedia()]);
      const hasRefusedAll = recorder.counts.connected === connected && recorder.counts.failed > failed;
      if (hasLoggedIn && !this.#isStopped && recorder.open === 0 && hasRefusedAll)
        this.#died ??= 'nobody was connected any more when the run ended: the target takes no connections';
      const endMs = monotonicMs();
      this.#checkpoints.stop();
      this.#watch?.stop();
      resources.end();
      await watches.poll();
      await pool.finish();
      const clocks = await coordinator.clocks();
      plans.forEach((_, agent) => {
        this.#guard(() => recorder?.ended(agent));
      });
      // Latencies of media after the last line of the timeline.
      const endSeconds = (endMs - this.#startMs) / 1000;
      if (media) latency.add([{ latency: { [this.#phaseAt(endMs)]: media.take() } }], endSeconds, endSeconds);
      if (this.#fault) throw this.#fault;
      this.#notes.push(...watches.failures());
      const unanswered = unansweredNotes(remotePacketAgents(pool, timeline));
      const ofServer = pool.notes();
      this.#notes.push(...unanswered, ...ofServer);
      const measurement = assemble(endMs, clocks);
      if (hasLoggedIn || this.#isStopped) return measurement;
      throw nobodyLoggedIn({ ...measurement, isPartial: true }, [...unanswered, ...ofServer]);
    } finally {
      this.#checkpoints?.stop();
      this.#watch?.stop();
      await this.#actions?.end();
      media?.cut();
      watches.stop();
      await coordinator.close();
      writer.close();
    }
  }

  /** Ends the run where one of its gates says so. */
  #watchGates(assemble: () => Measurement): { stop(): void } | undefined {
    const { watch } = this.#request;
    if (!watch) return undefined;
    return repeatSparingly(
      () => {
        if (this.#isStopped) return;
        this.#aborted = watch(assemble());
        if (this.#aborted) this.stop(abortWords(this.#aborted));
      },
      WATCH_MS,
      ({ message }) => this.#notes.push(`the gates could not be watched while the run went on: ${message}`),
    );
  }

  /** Whether the server speaks the protocol, before anything is loaded; our own does, and needs not be asked. */
  async #makeFirstContact(): Promise<void> {
    const { scenario, plans, target, coordinator, skipsFirstContact = false } = this.#request;
    const [plan] = plans;
    if (!plan || skipsFirstContact || target.kind === 'embedded') return;
    if (scenario.generator.transport !== 'sockets') return;
    if (coordinator.isRemote) {
      // The target is to be reached from there, and perhaps not from here.
      plan.asksFirst = true;
      return;
    }
    // Loads a client and what carries it, which only agents need otherwise.
    const { makeFirstContact } = await import('./first-contact/first-contact.js');
    const { notes } = await makeFirstContact(plan, this.#stopped);
    this.#notes.push(...notes);
  }

  /** @returns how many clients are known to have logged in, 0 where not all had their first attempt behind them in time */
  async #connect(
    pool: AgentPool,
    server: ServerWatch | undefined,
    resources: ResourceUsage,
  ): Promise<number> {
    const { count, connectRate, connectTimeoutMs } = this.#request.scenario.clients;
    const connected = pool.all('connected');
    this.#beginPhase('connect', this.#startMs, null);
    pool.tellAll({ kind: 'connect', atMs: this.#startMs });
    const rampMs = (count / connectRate) * 1000;
    const limitMs = rampMs + connectTimeoutMs + CONNECT_SLACK_MS;
    const stopWatching = resources.watchRamp(rampMs);
    const outcomes = await within(
      this.#startMs + limitMs - monotonicMs(),
      connected,
      this.#stopped.then(() => undefined),
    ).finally(stopWatching);
    if (!outcomes || outcomes.length === 0) {
      if (!this.#isStopped)
        this.#notes.push(`not every client had its first connect within ${limitMs / 1000} s`);
      return 0;
    }
    const logins = outcomes.reduce((sum, outcome) => sum + outcome.logins, 0);
    const lastMs = Math.max(...outcomes.map(({ atMs }) => atMs));
    this.#connectsPerSecond = (logins * 1000) / (lastMs - this.#startMs);
    if (logins === 0) return 0;
    await this.#until(monotonicMs() + SETTLE_MS);
    await server?.poll();
    if (this.#isStopped) return logins;
    const note = resources.connected(logins);
    if (note !== undefined) this.#notes.push(note);
    return logins;
  }

  /** Of this host; null: how many are between the clients and a server that was there before is not known. */
  #socketsPerConnection(): number | null {
    const { scenario, target } = this.#request;
    if (target.kind === 'external') return null;
    return scenario.generator.transport === 'packets' ? 1 : 2;
  }

  async #runPhases(pool: AgentPool): Promise<void> {
    const { phases, actions } = this.#request.scenario;
    let atMs = monotonicMs() + this.#request.coordinator.leadMs;
    this.#actions?.plan(actions, atMs);
    this.#media?.start(
      atMs,
      phases.reduce((sum, { durationMs }) => sum + durationMs, 0),
    );
    for (const phase of phases) {
      if (this.#isStopped) return;
      pool.tellAll({ kind: 'phase', phase, atMs });
      await this.#until(atMs);
      if (this.#isStopped) return;
      this.#beginPhase(phase.name, atMs, phase.durationMs);
      atMs += phase.durationMs;
      await this.#until(atMs - (phase === phases.at(-1) ? 0 : this.#request.coordinator.leadMs));
    }
  }

  async #drain(pool: AgentPool): Promise<void> {
    const { drainMs } = this.#request.scenario.generator;
    const limitMs = this.#isStopped ? Math.min(drainMs, INTERRUPTED_DRAIN_MS) : drainMs;
    this.#beginPhase('drain', monotonicMs(), null);
    // Where nothing is waited for, nobody is called back who was away: how far they came would depend on the machine.
    const wasDrained = limitMs > 0 && (await this.#areDrained(pool, limitMs));
    if (wasDrained) await this.#until(monotonicMs() + QUIET_MS);
    else if (!this.#isStopped) {
      this.#notes.push(
        `messages were still under way when the drain was over after ${limitMs / 1000} s; what was not delivered by then counts as lost, and what was never sent as unsent`,
      );
    }
  }

  async #areDrained(pool: AgentPool, limitMs: number): Promise<boolean> {
    const drained = pool.all('drained');
    pool.tellAll({ kind: 'drain' });
    // An interruption now shortens the wait.
    const interrupted = this.#isStopped
      ? []
      : [this.#stopped.then(() => within<undefined>(INTERRUPTED_DRAIN_MS))];
    return Boolean(await within<unknown>(limitMs, drained, ...interrupted));
  }

  /** Beside the drain of the messages. An interruption shortens the wait, and breaks off what is under way after it. */
  async #drainMedia(): Promise<void> {
    const { drainMs } = this.#request.scenario.generator;
    const interrupted = this.#stopped.then(() => within<undefined>(INTERRUPTED_DRAIN_MS));
    await Promise.race([this.#media?.drain(drainMs), interrupted]);
    this.#media?.cut();
  }

  #beginPhase(name: string, atMs: number, durationMs: number | null): void {
    const last = this.#phases.at(-1);
    if (last) last.endMs = atMs;
    this.#phases.push({ name, startMs: atMs, endMs: Number.POSITIVE_INFINITY });
    this.#rates?.beginPhase(name, atMs, durationMs);
    this.events.emit('phase', { name, durationMs });
  }

  #phaseAt(ms: number): string {
    return this.#phases.findLast(({ startMs }) => startMs <= ms)?.name ?? 'connect';
  }

  /** Resolves at that time, or as soon as the run is to end. */
  async #until(ms: number): Promise<void> {
    await within(ms - monotonicMs(), this.#stopped);
  }

  #tellAgents(pool: AgentPool): void {
    this.events.emit('agents', {
      agents: pool.plans.length,
      hosts: new Set(pool.plans.map(({ host }) => host)).size,
      lost: pool.losses.map(({ agent, host, why }) => ({ agent, host: host.name, why })),
    });
  }

  /** Without an agent the load is not what was asked for; and without any there is none. */
  #lost(pool: AgentPool): void {
    const isAlone = pool.losses.length === pool.plans.length;
    if (this.#request.scenario.agents.lost === 'invalidate' || isAlone) this.#end();
  }

  /** What listens to agents must not throw: it would end the process with the agents still at work. */
  #guard(record: () => void): void {
    try {
      record();
    } catch (error) {
      this.#fault ??= new RunError('C2M_RUN', `the record cannot be written: ${(error as Error).message}`);
      this.stop();
    }
  }
}

function remotePacketAgents(pool: AgentPool, recorder: TimelineRecorder): RemotePacketAgent[] {
  return pool.plans
    .filter(({ host }) => host !== THIS_HOST)
    .map(({ agent, host }) => ({
      agent,
      host: pool.hostOf(agent)?.name ?? host,
      tcp: recorder.sumsOf(agent).tcp,
    }));
}

async function prepareMedia(
  url: string,
  { media, messages, seed, clients }: Scenario,
  credentials: Credentials | null,
): Promise<MediaLoad | undefined> {
  if (!media) return undefined;
  const settings = { ...media, arrival: messages.arrival, seed };
  return MediaLoad.prepare(url, settings, clients.firstUser, tokenOf(credentials, clients.firstUser));
}
