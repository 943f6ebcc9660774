import type { NatsConnection } from '@nats-io/transport-node';
import { largestMessageBytes } from '../bus/bus-codec.js';
import type { Limits } from '../config.js';
import { BATCH_HEADER_BYTES, HOME_BYTES } from './batch-codec.js';
import { MOST_BATCH_BYTES } from './peer-link.js';

/** What decides how much one frame of a client becomes between nodes. */
export type FrameLimits = Pick<Limits, 'maxFrameBytes' | 'groupMembers'>;

/** What a message of NATS has to have room for. */
export function largestBatchBytes({ maxFrameBytes, groupMembers }: FrameLimits): number {
  const single = BATCH_HEADER_BYTES + HOME_BYTES + largestMessageBytes(maxFrameBytes, groupMembers);
  return Math.max(MOST_BATCH_BYTES, single);
}

/** Of a message, as the nats-server has said that is connected to now. */
export function mostMessageBytes({ info }: Pick<NatsConnection, 'info'>): number {
  return info?.max_payload ?? Number.POSITIVE_INFINITY;
}

/**
 * Whether the nats-server takes whatever a peer has to say: found when a client has sent it, it would be too late.
 * @param limits undefined: no message is larger than a batch
 * @throws Error saying what to raise
 */
export function checkBatchRoom(connection: Pick<NatsConnection, 'info'>, limits?: FrameLimits): void {
  const mostBytes = mostMessageBytes(connection);
  if (mostBytes < MOST_BATCH_BYTES)
    throw new Error(
      `the nats-server takes messages of at most ${mostBytes} bytes: set max_payload to 1MB, its default`,
    );
  if (!limits) return;
  const { maxFrameBytes, groupMembers } = limits;
  const bytes = largestBatchBytes(limits);
  if (bytes > mostBytes)
    throw new Error(
      `limits.maxFrameBytes (${maxFrameBytes}) and limits.groupMembers (${groupMembers}) make messages of up to ${bytes} bytes ` +
        `between nodes, and the nats-server takes ${mostBytes}: set max_payload to ${bytes} or more on each of its servers, or ` +
        'lower these limits',
    );
}

/** What is said of a batch that cannot go: a mailbox may have it from before limits were lowered, or another server has less room. */
export function noRoomFor(bytes: number, whom: string, mostBytes: number): string {
  return (
    `a message of ${bytes} bytes waits for ${whom}, and the nats-server takes ${mostBytes}: ` +
    `set max_payload to ${bytes} or more on each of its servers`
  );
}
