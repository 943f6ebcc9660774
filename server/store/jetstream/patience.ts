import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';

/** A stream of nats-server 2.9 is without a leader for up to 9 s when it has lost its own. */
const PATIENCE_MS = 30_000;
const PAUSE_MS = 200;

/** HTTP's "not now", as JetStream uses it: no leader, too much at once. */
const UNAVAILABLE = 503;

/** Error codes of JetStream: an account, a server, its memory or its disk has no room, a message is larger than it takes. */
const NO_ROOM_CODES: ReadonlySet<number> = new Set([10002, 10023, 10028, 10047, 10054]);
/** A message could not be stored, for the reason in the text. */
const STORE_FAILED = 10077;

/** Whether JetStream has refused because there is no room. */
export function isNoRoom(code: number, text: string): boolean {
  return NO_ROOM_CODES.has(code) || (code === STORE_FAILED && text.includes('exceeded'));
}

/** Whether it may go better soon: nobody answered, or whoever did cannot now. */
export function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError)
    return error.status >= UNAVAILABLE && !isNoRoom(error.code, error.message);
  if (error instanceof errors.TimeoutError) return true;
  // No server listens: what the client calls "not enabled" is a stream, or a cluster, that elects its leader.
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return cause instanceof errors.RequestError || cause instanceof errors.NoRespondersError;
}

/**
 * Asks JetStream until it answers.
 * @throws Error of the last attempt when that takes longer than half a minute; at once for an answer that time does not change
 */
export async function patiently<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || performance.now() > untilMs) throw error;
    }
    await sleep(PAUSE_MS);
  }
}
