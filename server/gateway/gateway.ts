import { ReasonCode } from '../../protocol/frame.js';
import type { HomeRequest } from '../bus/bus.js';
import type { ListenAddress, QueueName, ServerConfig } from '../config.js';
import type { Handlers } from '../hot-code/handler-api.js';
import type { HotCode } from '../hot-code/hot-code.js';
import { type Counters, countRefusal } from '../queues/counters.js';
import type { QueueReport } from '../queues/queue-gauge.js';
import type { Admission } from './admission.js';
import { isAuthentic } from './authentication.js';
import type { Certificate } from './certificate.js';
import { Doorkeeper } from './doorkeeper.js';
import { FirstIds } from './first-ids.js';
import type { HandlerFault } from './handler-run.js';
import type { InboundBudget } from './inbound-budget.js';
import { Listeners } from './listeners.js';
import { OutboundBudget } from './outbound-budget.js';
import type { ReadShare } from './read-share.js';
import type { Router } from './router.js';
import type { Session } from './session.js';
import type { SessionHost } from './session-host.js';
import type { SessionTable } from './session-table.js';
import type { Turn } from './turn.js';
import { UnfinishedBudget } from './unfinished-budget.js';
import type { Wire } from './wire.js';

export interface GatewayParts {
  config: ServerConfig;
  connectionLimit: number;
  /** As in WorkerOptions. */
  room: ((hasRoom: boolean) => void) | undefined;
  code: HotCode;
  counters: Counters;
  sessions: SessionTable;
  admission: Admission;
  budget: InboundBudget;
  router: Router;
  turn: Turn;
}

/** The connections of one worker: who gets in, what each may ask for, and how each ends. */
export class Gateway implements SessionHost<Session> {
  readonly maxFrameBytes: number;
  readonly loginBytes: number;
  readonly deliveryWindow: number;
  readonly outbound: OutboundBudget;

  readonly #parts: GatewayParts;
  readonly #router: Router;
  readonly #turn: Turn;
  readonly #listeners = new Listeners();
  readonly #door: Doorkeeper;
  readonly #firstIds = new FirstIds();
  readonly #unfinished: UnfinishedBudget;
  readonly #sharesPort: boolean;
  /** A full worker leaves a port that it shares to the others, unless they are full as well. */
  #leavesPort: boolean;
  #hasRoom = true;
  #second = 0;
  #isDraining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#router = parts.router;
    this.#turn = parts.turn;
    const { limits, workers, portPerWorker } = parts.config;
    this.maxFrameBytes = limits.maxFrameBytes;
    this.loginBytes = Math.min(limits.loginBytes, limits.maxFrameBytes);
    this.deliveryWindow = limits.deliveryWindow;
    this.outbound = new OutboundBudget(limits);
    this.#unfinished = new UnfinishedBudget(limits);
    this.#sharesPort = workers > 1 && !portPerWorker;
    this.#leavesPort = this.#sharesPort;
    this.#door = new Doorkeeper({
      limit: parts.connectionLimit,
      full: () => this.#setRoom(false),
      room: () => this.#setRoom(true),
    });
  }

  /** Starts accepting on every configured address, or where it did before. @throws the system's error */
  listen(certificate: Certificate | undefined, addresses?: ListenAddress[]): Promise<ListenAddress[]> {
    const { config } = this.#parts;
    return this.#listeners.listen(addresses ?? config.listen, certificate, {
      isExclusive: config.portPerWorker,
      loginTimeoutMs: config.limits.loginTimeoutMs,
      loginBytes: this.loginBytes,
      origins: config.origins,
      door: this.#door,
      accept: (wire) => this.#accept(wire),
    });
  }

  /** Whether other workers of the same port have room. */
  othersHaveRoom(haveRoom: boolean): void {
    this.#leavesPort = this.#sharesPort && haveRoom;
    this.#chooseListening();
  }

  /** Stops accepting, says goodbye to every client and waits, at most `drainTimeoutMs`, until they have left. */
  async drain(): Promise<void> {
    const { sessions, config } = this.#parts;
    this.#isDraining = true;
    this.#listeners.stop();
    this.#turn.end();
    for (const session of sessions.values()) session.goodbye();
    const deadline = performance.now() + config.limits.drainTimeoutMs;
    while (sessions.hasLingering && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    sessions.destroyLingering();
  }

  /** Looks at the time that connections have; about once a second. */
  sweep(): void {
    const { sessions, admission } = this.#parts;
    this.outbound.recount();
    const now = performance.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) admission.startSecond();
    this.#second = second;
    sessions.sweep(now);
  }

  /** The peaks start anew. */
  queues(): Record<Extract<QueueName, 'logins' | 'sends-under-way' | 'outbound'>, QueueReport> {
    const { sessions, admission } = this.#parts;
    return {
      logins: sessions.logins.report(),
      'sends-under-way': admission.sendsUnderWay.report(),
      outbound: this.outbound.frames.report(),
    };
  }

  get handlers(): Handlers {
    return this.#parts.code.inForce;
  }

  refuseLogin(user: number, token: string): ReasonCode | undefined {
    const { admission, config, sessions } = this.#parts;
    if (admission.refusesLogins(sessions.waitingForHome)) return ReasonCode.Overloaded;
    if (!isAuthentic(config, user, token)) return ReasonCode.AuthenticationFailed;
    if (this.#router.homeOf(user) === undefined) return ReasonCode.Overloaded;
    admission.countLogin();
    return undefined;
  }

  loggedIn(session: Session): void {
    const { counters, sessions } = this.#parts;
    counters.logins += 1;
    sessions.loggedIn();
    const { user } = session;
    this.#router.tell(user, { kind: 'attach', user, worker: this.#router.self, connection: session.id });
  }

  welcome(session: Session): number {
    this.#parts.sessions.welcomed(session);
    return this.#firstIds.next();
  }

  /** What time it is at another node; see FirstIds. */
  heardClock(clockMs: number): void {
    this.#firstIds.heard(clockMs);
  }

  get tick(): number {
    return this.#parts.sessions.tick;
  }

  handlerFault(fault: HandlerFault): void {
    const { counters, code } = this.#parts;
    counters.handlerFaults += 1;
    code.fault(fault);
  }

  /** Hot path. */
  submit(session: Session, to: number, id: number, payload: Uint8Array): void {
    const { user: from, id: connection } = session;
    const worker = this.#router.self;
    const request: HomeRequest = { kind: 'submit', from, worker, connection, to, id, payload };
    this.#request(session, to, request, payload.length, 1);
  }

  submitToGroup(session: Session, group: number, id: number, payload: Uint8Array): void {
    const { user: from, id: connection } = session;
    const worker = this.#router.self;
    const request: HomeRequest = { kind: 'submit-to-group', from, worker, connection, group, id, payload };
    this.#request(session, group, request, payload.length, 1);
  }

  setGroup(session: Session, group: number, id: number, members: readonly number[]): void {
    const { user, id: connection } = session;
    const worker = this.#router.self;
    const request: HomeRequest = { kind: 'group', user, worker, connection, group, id, members };
    this.#request(session, group, request, 8 * members.length, members.length);
  }

  /** Hot path. */
  acknowledge(session: Session, sequence: number): void {
    const { user, id: connection } = session;
    const { budget } = this.#parts;
    const worker = this.#router.self;
    this.#router.tell(user, { kind: 'acknowledge', user, worker, connection, sequence });
    budget.told(session);
  }

  get shares(): ReadShare {
    return this.#turn.shares;
  }

  keeps(session: Session, bytes: number): void {
    this.#unfinished.keeps(session, bytes);
  }

  waitForTurn(session: Session): void {
    this.#turn.waitForNext(session);
  }

  markDirty(session: Session): void {
    this.#turn.markDirty(session);
  }

  closed(session: Session, reason: string): void {
    const { sessions, counters } = this.#parts;
    const worker = this.#router.self;
    sessions.closed(session);
    this.#router.closed(session);
    counters.connectionsClosed += 1;
    counters.closedByReason[reason] = (counters.closedByReason[reason] ?? 0) + 1;
    const { user, id: connection } = session;
    if (session.hasUser) this.#router.tell(user, { kind: 'detach', user, worker, connection });
  }

  gone(session: Session): void {
    this.#parts.sessions.gone(session);
  }

  /**
   * Hot path. Asks the home of a user or a group for what it will answer, where this worker may take it on.
   * @param cost in SENDs
   */
  #request(session: Session, whose: number, request: HomeRequest, bytes: number, cost: number): void {
    const { counters } = this.#parts;
    counters.sends += 1;
    const home = this.#router.homeOf(whose);
    const refusal = home === undefined ? ReasonCode.StoreFailed : this.#refuse(session.user, cost);
    if (home !== undefined && refusal === undefined) {
      this.#router.ask(session, home, request, bytes);
      return;
    }
    const code = refusal ?? ReasonCode.StoreFailed;
    countRefusal(counters, code);
    session.refused(request.id, code);
  }

  /** Hot path. Why the worker does not take a request on, or undefined. */
  #refuse(user: number, cost: number): ReasonCode | undefined {
    const { admission, budget } = this.#parts;
    return budget.isSpent ? ReasonCode.Shedding : admission.refuseSend(user, cost);
  }

  #setRoom(hasRoom: boolean): void {
    const hadRoom = this.#hasRoom;
    this.#hasRoom = hasRoom;
    this.#chooseListening();
    if (hasRoom !== hadRoom) this.#parts.room?.(hasRoom);
  }

  #chooseListening(): void {
    if (this.#isDraining) return;
    if (this.#hasRoom || !this.#leavesPort) this.#listeners.resume();
    else this.#listeners.stop();
  }

  #accept(wire: Wire): Session | undefined {
    const { sessions, counters } = this.#parts;
    if (this.#isDraining) return undefined;
    counters.connectionsAccepted += 1;
    return sessions.add(wire, this);
  }
}
