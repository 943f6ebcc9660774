import { ReasonCode } from '../../protocol/frame.js';
import type { Limits } from '../config.js';
import { QueueGauge } from '../queues/queue-gauge.js';
import { IdleClock } from './idle-clock.js';
import { Session } from './session.js';
import type { SessionHost } from './session-host.js';
import type { Wire } from './wire.js';

/** How often all sessions are looked at within the time after which a silent one is closed. */
const SWEEPS_AN_IDLE_TIMEOUT = 16;

/** A connection that was closed has this long to take its last bytes. */
const LINGER_MS = 5000;

/** Connections are numbered with 32 bits; a worker that was started again begins in the next of these ranges. */
const LAST_CONNECTION = 0xff_ff_ff_ff;
const CONNECTION_RANGES = 16;

/** The connections of one worker by their numbers, from the accept to the last byte, and the time that each may take. */
export class SessionTable {
  /** Connections that have not logged in yet, as a queue. */
  readonly logins = new QueueGauge();
  readonly #limits: Pick<Limits, 'loginTimeoutMs' | 'idleTimeoutMs'>;
  readonly #sessions = new Map<number, Session>();
  readonly #idle: IdleClock;
  /** Connections without WELCOME, oldest first, with when they came: they have less time than others. */
  readonly #unauthenticated = new Map<Session, number>();
  readonly #lingering = new Map<Session, number>();
  /** How many of these wait for the answer of a home. */
  #waitingForHome = 0;
  #lastConnection: number;
  #nextIdleSweepMs = 0;

  /** @param restarts how often a worker of this number died; see WorkerOptions */
  constructor(limits: Pick<Limits, 'loginTimeoutMs' | 'idleTimeoutMs'>, restarts: number) {
    this.#limits = limits;
    this.#idle = new IdleClock(limits.idleTimeoutMs, performance.now());
    this.#lastConnection = (restarts % CONNECTION_RANGES) * Math.floor(LAST_CONNECTION / CONNECTION_RANGES);
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Of the idle time; see IdleClock. */
  get tick(): number {
    return this.#idle.tick;
  }

  /** Logins that were admitted, and that their home has not answered. */
  get waitingForHome(): number {
    return this.#waitingForHome;
  }

  /** Whether there are connections of which a LOGIN is still to come. */
  get hasUnauthenticated(): boolean {
    return this.#unauthenticated.size > this.#waitingForHome;
  }

  /** Whether some that were closed have yet to go. */
  get hasLingering(): boolean {
    return this.#lingering.size > 0;
  }

  /** Hot path. */
  get(connection: number): Session | undefined {
    return this.#sessions.get(connection);
  }

  /** Sessions that are not closed. One may be closed while the caller iterates. */
  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  add(wire: Wire, host: SessionHost<Session>): Session {
    this.#lastConnection = (this.#lastConnection % LAST_CONNECTION) + 1;
    const session = new Session(this.#lastConnection, wire, host);
    this.#sessions.set(session.id, session);
    this.#unauthenticated.set(session, performance.now());
    this.logins.add();
    return session;
  }

  /** LOGIN was admitted; the home of the user is asked. */
  loggedIn(): void {
    this.#waitingForHome += 1;
  }

  /** The home has answered. */
  welcomed(session: Session): void {
    this.#waitingForHome -= 1;
    this.#forgetLogin(session);
  }

  /** The session is over; its connection may still send its last bytes. */
  closed(session: Session): void {
    this.#sessions.delete(session.id);
    if (session.hasUser && this.#unauthenticated.has(session)) this.#waitingForHome -= 1;
    this.#forgetLogin(session);
    this.#lingering.set(session, performance.now());
  }

  gone(session: Session): void {
    this.#lingering.delete(session);
  }

  /**
   * Closes sessions that were silent for too long, never one too early, and connections that do not end by themselves.
   * @param nowMs of performance.now()
   */
  sweep(nowMs: number): void {
    const { loginTimeoutMs, idleTimeoutMs } = this.#limits;
    for (const [session, sinceMs] of this.#unauthenticated) {
      if (nowMs - sinceMs < loginTimeoutMs) break;
      session.fail(ReasonCode.LoginTimeout, `no login within ${loginTimeoutMs} ms`);
    }
    this.#idle.look(nowMs);
    if (nowMs >= this.#nextIdleSweepMs) {
      this.#nextIdleSweepMs = nowMs + idleTimeoutMs / SWEEPS_AN_IDLE_TIMEOUT;
      for (const session of this.#sessions.values()) {
        if (session.isOpen && this.#idle.isOverdue(session.heardTick)) {
          session.fail(ReasonCode.IdleTimeout, `nothing heard for ${idleTimeoutMs} ms`);
        }
      }
    }
    for (const [session, sinceMs] of this.#lingering) {
      if (nowMs - sinceMs < LINGER_MS) break;
      session.destroy();
    }
  }

  destroyLingering(): void {
    for (const session of this.#lingering.keys()) session.destroy();
  }

  #forgetLogin(session: Session): void {
    if (this.#unauthenticated.delete(session)) this.logins.remove();
  }
}
