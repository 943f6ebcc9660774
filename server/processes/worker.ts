import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { ReasonCode } from '../../protocol/frame.js';
import type { WorkerStats } from '../../protocol/stats.js';
import {
  type Bus,
  type BusMessage,
  type ConnectionMessage,
  type HomeRequest,
  homeWorker,
} from '../bus/bus.js';
import type { ListenAddress, QueueName, ServerConfig } from '../config.js';
import { Admission } from '../gateway/admission.js';
import { isAuthentic } from '../gateway/authentication.js';
import type { Certificate } from '../gateway/certificate.js';
import { Doorkeeper } from '../gateway/doorkeeper.js';
import { FirstIds } from '../gateway/first-ids.js';
import type { HandlerFault } from '../gateway/handler-run.js';
import { Listeners } from '../gateway/listeners.js';
import { OutboundBudget } from '../gateway/outbound-budget.js';
import type { Session } from '../gateway/session.js';
import type { SessionHost } from '../gateway/session-host.js';
import { SessionTable } from '../gateway/session-table.js';
import type { Wire } from '../gateway/wire.js';
import { Home } from '../home/home.js';
import type { Handlers } from '../hot-code/handler-api.js';
import type { HotCode } from '../hot-code/hot-code.js';
import { type Counters, countRefusal, newCounters } from '../queues/counters.js';
import { readProcessUsage } from '../queues/process-usage.js';
import { QueueGauge, type QueueReport } from '../queues/queue-gauge.js';
import type { Store, StoreUsage } from '../store/store.js';
import { HeapTrim } from './heap-trim.js';

/** Resolution of the event loop's lag; a finer one would wake up an idle worker more often than its clients do. */
const LAG_RESOLUTION_MS = 200;

/** Nobody ever notifies it: waiting for it is sleeping, which no timer of the event loop is. */
const restCell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export interface WorkerOptions {
  config: ServerConfig;
  connectionLimit: number;
  /** Closed with the worker. */
  store: Store;
  code: HotCode;
  /** Given the function that takes messages for this worker. */
  makeBus(receive: (message: BusMessage) => void): Bus;
  /**
   * How often a worker of this number died before: what is still on its way to the connections of those must not
   * reach ours, so ours have other numbers.
   */
  restarts: number;
}

/** What a worker tells of itself, several times a second. */
export interface WorkerReport {
  stats: WorkerStats;
  counters: Counters;
  users: number;
  store: StoreUsage;
  queues: Record<QueueName, QueueReport>;
}

/**
 * One worker: accepts connections, and is the home of its share of the users. Everything that happens in one
 * turn of the event loop is answered together at its end: commit, then one write a connection, then the bus.
 */
export class Worker implements SessionHost {
  readonly maxFrameBytes: number;
  readonly loginBytes: number;
  readonly deliveryWindow: number;
  readonly outbound: OutboundBudget;

  readonly #config: ServerConfig;
  readonly #bus: Bus;
  readonly #store: Store;
  readonly #code: HotCode;
  readonly #home: Home;
  readonly #counters = newCounters();
  readonly #sessions: SessionTable;
  readonly #listeners = new Listeners();
  readonly #loopDelay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #sweep: NodeJS.Timeout;
  readonly #door: Doorkeeper;
  readonly #firstIds = new FirstIds();
  #second = 0;
  #dirty: Session[] = [];
  #isFlushScheduled = false;
  #isDraining = false;
  readonly #admission: Admission;
  readonly #heapTrim = new HeapTrim();
  /** Bus messages of this turn, and changes of the store. */
  readonly #ingress = new QueueGauge();
  readonly #writes = new QueueGauge();

  constructor({ config, connectionLimit, store, code, makeBus, restarts }: WorkerOptions) {
    this.#config = config;
    this.#store = store;
    this.#code = code;
    this.#admission = new Admission(config.limits);
    // A full worker leaves a port that it shares to the others.
    const sharesPort = config.workers > 1 && !config.portPerWorker;
    this.#door = new Doorkeeper({
      limit: connectionLimit,
      full: () => sharesPort && this.#listeners.stop(),
      room: () => this.#isDraining || this.#listeners.resume(),
    });
    this.#sessions = new SessionTable(config.limits, restarts);
    this.maxFrameBytes = config.limits.maxFrameBytes;
    this.loginBytes = Math.min(config.limits.loginBytes, config.limits.maxFrameBytes);
    this.outbound = new OutboundBudget(config.limits);
    this.deliveryWindow = config.limits.deliveryWindow;
    this.#bus = makeBus((message) => this.#receive(message));
    this.#home = new Home(this.#store, this.#bus, this.#counters, config.limits);
    this.#loopDelay.enable();
    const { loginTimeoutMs, idleTimeoutMs } = config.limits;
    const sweepMs = Math.min(1000, Math.max(5, Math.min(loginTimeoutMs, idleTimeoutMs) / 16));
    this.#sweep = setInterval(() => this.#sweepSessions(), sweepMs);
  }

  /** Starts accepting on every configured address. @throws the system's error */
  listen(
    certificate: Certificate | undefined,
    addresses: ListenAddress[] = this.#config.listen,
  ): Promise<ListenAddress[]> {
    return this.#listeners.listen(addresses, certificate, {
      isExclusive: this.#config.portPerWorker,
      loginTimeoutMs: this.#config.limits.loginTimeoutMs,
      loginBytes: this.loginBytes,
      origins: this.#config.origins,
      door: this.#door,
      accept: (wire) => this.#accept(wire),
    });
  }

  /** Stops accepting, says goodbye to every client and waits, at most `drainTimeoutMs`, until they have left. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#listeners.stop();
    this.#flush();
    for (const session of this.#sessions.values()) session.goodbye();
    const deadline = performance.now() + this.#config.limits.drainTimeoutMs;
    while (this.#sessions.hasLingering && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#sessions.destroyLingering();
  }

  /** Gives everything back; to be called once this worker, and all others on the bus, have drained. */
  async close(): Promise<void> {
    clearInterval(this.#sweep);
    this.#loopDelay.disable();
    this.#flush();
    await this.#bus.close();
    await this.#store.close();
  }

  /** Another worker died: its connections are gone, and so is what it had in hand for ours. */
  lost(worker: number): void {
    if (this.#isDraining) return;
    this.#home.lost(worker);
    for (const session of this.#sessions.values()) {
      const isHomeless =
        session.hasUser && (homeWorker(session.user, this.#bus.homes) === worker || session.unanswered > 0);
      if (isHomeless) session.fail(ReasonCode.InternalError, 'the keeper of the mailbox was lost');
    }
  }

  /** Everybody can be reached: what an earlier process left behind goes on its way. */
  connected(): void {
    const { first, count } = this.#bus.homes;
    for (let home = first; home < first + count; home += 1) this.#home.resend(home);
    this.#scheduleFlush();
  }

  /** A worker was started again and can be reached. */
  reconnected(worker: number): void {
    this.#home.resend(worker);
    this.#scheduleFlush();
  }

  /** State and queues; the peaks start anew. */
  report(): WorkerReport {
    const lag = this.#loopDelay.percentile(99) / 1e6 - LAG_RESOLUTION_MS;
    this.#loopDelay.reset();
    const { waiting, arrived } = this.#home.mailboxes;
    const queues = {
      logins: this.#sessions.logins.report(),
      'bus-ingress': this.#ingress.report(),
      'sends-under-way': this.#admission.sendsUnderWay.report(),
      'mailbox-writes': this.#writes.report(),
      mailboxes: { peak: waiting, arrived, served: arrived - waiting },
      'fan-out': this.#home.fanOut.underWay.report(),
      outbound: this.outbound.frames.report(),
    };
    return {
      stats: {
        worker: this.#bus.self,
        pid: process.pid,
        connections: this.#sessions.size,
        ...readProcessUsage(),
        eventLoopLagP99Ms: Math.max(0, lag),
      },
      counters: this.#counters,
      users: this.#home.mailboxes.userCount,
      store: this.#store.usage(),
      queues,
    };
  }

  get handlers(): Handlers {
    return this.#code.inForce;
  }

  refuseLogin(user: number, token: string): ReasonCode | undefined {
    if (this.#admission.refusesLogins(this.#sessions.waitingForHome)) return ReasonCode.Overloaded;
    if (!isAuthentic(this.#config, user, token)) return ReasonCode.AuthenticationFailed;
    if (!this.#bus.isConnected(homeWorker(user, this.#bus.homes))) return ReasonCode.Overloaded;
    this.#admission.countLogin();
    return undefined;
  }

  loggedIn(session: Session): void {
    this.#counters.logins += 1;
    this.#sessions.loggedIn();
    const { user } = session;
    this.#toHome(user, { kind: 'attach', user, worker: this.#bus.self, connection: session.id });
  }

  welcome(session: Session): number {
    this.#sessions.welcomed(session);
    return this.#firstIds.next();
  }

  get tick(): number {
    return this.#sessions.tick;
  }

  handlerFault(fault: HandlerFault): void {
    this.#counters.handlerFaults += 1;
    this.#code.fault(fault);
  }

  /** Hot path. */
  submit(session: Session, to: number, id: number, payload: Uint8Array): void {
    const { user: from, id: connection } = session;
    this.#request(
      session,
      to,
      { kind: 'submit', from, worker: this.#bus.self, connection, to, id, payload },
      1,
    );
  }

  submitToGroup(session: Session, group: number, id: number, payload: Uint8Array): void {
    const { user: from, id: connection } = session;
    const worker = this.#bus.self;
    this.#request(
      session,
      group,
      { kind: 'submit-to-group', from, worker, connection, group, id, payload },
      1,
    );
  }

  setGroup(session: Session, group: number, id: number, members: readonly number[]): void {
    const { user, id: connection } = session;
    const worker = this.#bus.self;
    this.#request(
      session,
      group,
      { kind: 'group', user, worker, connection, group, id, members },
      members.length,
    );
  }

  /** Hot path. Asks the home of a user or a group for what it will answer, where this worker may take it on. */
  #request(session: Session, whose: number, message: HomeRequest, cost: number): void {
    this.#counters.sends += 1;
    const home = homeWorker(whose, this.#bus.homes);
    const refusal = this.#bus.isConnected(home)
      ? this.#admission.refuseSend(session.user, cost)
      : ReasonCode.StoreFailed;
    if (refusal !== undefined) {
      countRefusal(this.#counters, refusal);
      session.refused(message.id, refusal);
      return;
    }
    session.unanswered += 1;
    this.#admission.sendsUnderWay.add();
    this.#bus.send(home, message);
    this.#scheduleFlush();
  }

  /** Hot path. */
  acknowledge(session: Session, sequence: number): void {
    const { user } = session;
    const worker = this.#bus.self;
    this.#toHome(user, { kind: 'acknowledge', user, worker, connection: session.id, sequence });
  }

  markDirty(session: Session): void {
    this.#dirty.push(session);
    this.#scheduleFlush();
  }

  closed(session: Session, reason: string): void {
    this.#sessions.closed(session);
    // Answers that still come find no session.
    this.#admission.sendsUnderWay.remove(session.unanswered);
    this.#counters.connectionsClosed += 1;
    const { closedByReason } = this.#counters;
    closedByReason[reason] = (closedByReason[reason] ?? 0) + 1;
    const { user } = session;
    if (session.hasUser) {
      this.#toHome(user, { kind: 'detach', user, worker: this.#bus.self, connection: session.id });
    }
  }

  gone(session: Session): void {
    this.#sessions.gone(session);
  }

  #accept(wire: Wire): Session | undefined {
    if (this.#isDraining) return undefined;
    this.#counters.connectionsAccepted += 1;
    return this.#sessions.add(wire, this);
  }

  #toHome(user: number, message: BusMessage): void {
    this.#bus.send(homeWorker(user, this.#bus.homes), message);
    this.#scheduleFlush();
  }

  /** Hot path. A message for the home of a user, or for one of our connections. */
  #receive(message: BusMessage): void {
    this.#ingress.add();
    this.#scheduleFlush();
    switch (message.kind) {
      case 'deliver':
      case 'accepted':
      case 'refused':
      case 'attached':
      case 'replaced': {
        const session = this.#sessions.get(message.connection);
        if (session) this.#tellSession(session, message);
        break;
      }
      default:
        this.#home.receive(message);
    }
  }

  /** Hot path. */
  #tellSession(session: Session, message: ConnectionMessage): void {
    switch (message.kind) {
      case 'deliver':
        session.deliver(message.sequence, message.frame);
        break;
      case 'accepted':
        this.#answered(session);
        session.accepted(message.id);
        break;
      case 'refused':
        this.#answered(session);
        session.refused(message.id, message.code);
        break;
      case 'attached':
        session.attached(message.waiting);
        break;
      case 'replaced':
        session.fail(ReasonCode.Replaced, 'the user has logged in on another connection');
        break;
    }
  }

  #answered(session: Session): void {
    session.unanswered -= 1;
    this.#admission.sendsUnderWay.remove();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // The check phase comes right after polling: all sockets that were readable have been read by then.
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#ingress.empty();
    this.#writes.add(this.#store.staged);
    this.#home.commit();
    this.#writes.empty();
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) session.flush();
    this.#bus.flush();
    // Only now: what the steps above caused is already part of this turn.
    this.#isFlushScheduled = false;
    // Newcomers are accepted one a turn, and have three turns to go through.
    if (this.#config.coalesceMs > 0 && !this.#sessions.hasUnauthenticated)
      Atomics.wait(restCell, 0, 0, this.#config.coalesceMs);
  };

  #sweepSessions(): void {
    this.#heapTrim.look(this.#sessions.size, !this.#sessions.hasLingering);
    this.#home.mailboxes.expire(Date.now() - this.#config.limits.retentionMs);
    this.outbound.recount();
    const now = performance.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#admission.startSecond();
    this.#second = second;
    this.#sessions.sweep(now);
  }
}
