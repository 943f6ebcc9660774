import { JetStreamApiCodes } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import { isNoRoom } from './patience.js';

/** What JetStream says of a record that was sent. */
export type Reply =
  | { kind: 'kept'; sequence: number }
  /** The log does not end where the sender believed. `last`: where it does, as far as that was said. */
  | { kind: 'elsewhere'; last: number | undefined }
  | { kind: 'no-room'; reason: string }
  /** It was not taken now. `isCertain`: nobody was there to take it; otherwise some server may have it nevertheless. */
  | { kind: 'not-now'; reason: string; isCertain: boolean };

/** The status of a message that had no receiver. */
const NOBODY = 503;

interface Answer {
  seq?: number;
  error?: { err_code?: number; description?: string };
}

/** The newer of both has no number in its text. */
const WRONG_LAST: ReadonlySet<number | undefined> = new Set([
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
]);

/** Hot path. Reads an acknowledgement, or whatever came in the place of one. */
export function readReply(message: Msg): Reply {
  if (message.data.length === 0)
    return {
      kind: 'not-now',
      reason: 'no server has the stream now',
      isCertain: message.headers?.code === NOBODY,
    };
  const { seq, error } = parse(message);
  if (!error && typeof seq === 'number') return { kind: 'kept', sequence: seq };
  const reason = error?.description ?? 'the answer cannot be read';
  const code = error?.err_code;
  if (WRONG_LAST.has(code)) {
    const last = /wrong last sequence: (\d+)/.exec(reason)?.[1];
    return { kind: 'elsewhere', last: last === undefined ? undefined : Number(last) };
  }
  if (code !== undefined && isNoRoom(code, reason)) return { kind: 'no-room', reason };
  return { kind: 'not-now', reason, isCertain: false };
}

function parse(message: Msg): Answer {
  try {
    return message.json<Answer>();
  } catch {
    // Whatever it is, it is no acknowledgement.
    return {};
  }
}
