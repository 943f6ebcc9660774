import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import { reasonFrom } from '../reason-words.js';
import { numberedSubject, subjectOf, wildcardOf } from './subjects.js';

const NANOSECONDS = 1_000_000;

/** Error codes of JetStream that are no failure here. */
export const JetStreamError = { StreamExistsOtherwise: 10_058, StreamNotFound: 10_059 } as const;

/** What JetStream answers to a request; nobody has looked at what stands in it. */
export interface JetStreamAnswer {
  error?: { err_code?: unknown; description?: unknown } | null;
}

/** What an error of JetStream counts under. */
export function reasonOf({ description }: NonNullable<JetStreamAnswer['error']>): string {
  return reasonFrom(typeof description === 'string' ? description : '', 'JetStreamError');
}

/** Makes the stream; where one like it is there, the server answers the same. */
export function makeStream({ stream, subjects }: NatsSettings, answerTo: string): string {
  const { name, storage, replicas, retention, maxAge } = stream;
  return request(`STREAM.CREATE.${name}`, answerTo, {
    name,
    subjects: [subjects.user, subjects.group].map((template) => wildcardOf(numberedSubject(template))),
    storage,
    retention,
    num_replicas: replicas,
    max_age: maxAge * NANOSECONDS,
    max_consumers: -1,
    max_msgs: -1,
    max_bytes: -1,
    max_msg_size: -1,
    discard: 'old',
  });
}

export type ConsumerKind = 'user' | 'group';

/**
 * Makes the durable consumer that keeps for a client what it has not acknowledged, or tells the one that is there where to
 * send it from now on: what was under way to the old place is sent again.
 */
export function makeConsumer(
  { stream, subjects }: NatsSettings,
  kind: ConsumerKind,
  { user, group }: { user: number; group: number },
  deliverTo: string,
  answerTo: string,
): string {
  // Members of a group have a consumer each, on the same subject.
  const name = `${kind}-${user}`;
  return request(`CONSUMER.DURABLE.CREATE.${stream.name}.${name}`, answerTo, {
    stream_name: stream.name,
    config: {
      durable_name: name,
      filter_subject: subjectOf(numberedSubject(subjects[kind]), kind === 'user' ? user : group),
      deliver_subject: deliverTo,
      deliver_policy: 'all',
      replay_policy: 'instant',
      ack_policy: 'explicit',
      ack_wait: stream.ackWait * NANOSECONDS,
      max_deliver: -1,
    },
  });
}

function request(subject: string, answerTo: string, body: unknown): string {
  const text = JSON.stringify(body);
  return `PUB $JS.API.${subject} ${answerTo} ${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
