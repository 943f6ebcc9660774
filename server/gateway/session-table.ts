import { ReasonCode } from '../../protocol/frame.js';
import type { Limits } from '../config.js';
import { QueueGauge } from '../queues/queue-gauge.js';
import { Session, type SessionHost } from './session.js';
import type { Wire } from './wire.js';

/** How often all sessions are looked at within the time after which a silent one is closed. */
const SWEEPS_AN_IDLE_TIMEOUT = 8;

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
  /** Those that have not logged in yet: their time is shorter. */
  readonly #unauthenticated = new Set<Session>();
  readonly #lingering = new Map<Session, number>();
  #lastConnection: number;
  #nextIdleSweepMs = 0;

  /** @param restarts how often a worker of this number died; see WorkerOptions */
  constructor(limits: Pick<Limits, 'loginTimeoutMs' | 'idleTimeoutMs'>, restarts: number) {
    this.#limits = limits;
    this.#lastConnection = (restarts % CONNECTION_RANGES) * Math.floor(LAST_CONNECTION / CONNECTION_RANGES);
  }

  get size(): number {
    return this.#sessions.size;
  }

  get hasUnauthenticated(): boolean {
    return this.#unauthenticated.size > 0;
  }

  /** Whether some that were closed have yet to go. */
  get hasLingering(): boolean {
    return this.#lingering.size > 0;
  }

  /** Hot path. */
  get(connection: number): Session | undefined {
    return this.#sessions.get(connection);
  }

  /** Those that take part; one may be closed meanwhile. */
  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  add(wire: Wire, host: SessionHost): Session {
    this.#lastConnection = (this.#lastConnection % LAST_CONNECTION) + 1;
    const session = new Session(this.#lastConnection, wire, host);
    this.#sessions.set(session.id, session);
    this.#unauthenticated.add(session);
    this.logins.add();
    return session;
  }

  loggedIn(session: Session): void {
    if (this.#unauthenticated.delete(session)) this.logins.remove();
  }

  /** It takes part no longer; its connection may still be sending its last bytes. */
  closed(session: Session, nowMs: number): void {
    this.#sessions.delete(session.id);
    this.loggedIn(session);
    this.#lingering.set(session, nowMs);
  }

  gone(session: Session): void {
    this.#lingering.delete(session);
  }

  /** Closes those whose time is over, and ends what lingers. */
  sweep(nowMs: number): void {
    const { loginTimeoutMs, idleTimeoutMs } = this.#limits;
    for (const session of this.#unauthenticated) {
      if (nowMs - session.heardMs > loginTimeoutMs) {
        session.fail(ReasonCode.LoginTimeout, `no login within ${loginTimeoutMs} ms`);
      }
    }
    if (nowMs >= this.#nextIdleSweepMs) {
      this.#nextIdleSweepMs = nowMs + idleTimeoutMs / SWEEPS_AN_IDLE_TIMEOUT;
      for (const session of this.#sessions.values()) {
        if (session.isLoggedIn && nowMs - session.heardMs > idleTimeoutMs) {
          session.fail(ReasonCode.IdleTimeout, `nothing heard for ${idleTimeoutMs} ms`);
        }
      }
    }
    for (const [session, since] of this.#lingering) {
      if (nowMs - since > LINGER_MS) session.destroy();
    }
  }

  destroyLingering(): void {
    for (const session of this.#lingering.keys()) session.destroy();
  }
}
