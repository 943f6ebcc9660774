import type { Session } from './session.js';

/**
 * Whose requests other processes have in hand: who is to be told when one of those dies, and nobody else. A process that
 * keeps all mailboxes itself dies with its connections, and counts nothing.
 */
export class RequestsInHand {
  /** By home, then by session: requests that it has not answered. */
  readonly #byHome = new Map<number, Map<Session, number>>();

  /** Hot path. */
  asked(home: number, session: Session): void {
    let sessions = this.#byHome.get(home);
    if (!sessions) {
      sessions = new Map();
      this.#byHome.set(home, sessions);
    }
    sessions.set(session, (sessions.get(session) ?? 0) + 1);
  }

  /** Hot path. */
  answered(home: number, session: Session): void {
    const sessions = this.#byHome.get(home);
    const left = (sessions?.get(session) ?? 0) - 1;
    if (left > 0) sessions?.set(session, left);
    else sessions?.delete(session);
  }

  closed(session: Session): void {
    for (const sessions of this.#byHome.values()) sessions.delete(session);
  }

  /** Those who wait for an answer of that home, which will not come. */
  waitingFor(home: number): Session[] {
    return [...(this.#byHome.get(home)?.keys() ?? [])];
  }
}
