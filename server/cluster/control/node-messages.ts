import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import { z } from 'zod';

/** What the nodes of a cluster are asked over NATS by those who run it, and what they answer. */

/** One node; the names of nodes have no dots. */
export const nodeSubject = (cluster: string, node: string): string => `c2m.${cluster}.node.${node}`;
/** All nodes at once. */
export const nodesSubject = (cluster: string): string => `c2m.${cluster}.nodes`;

/** One word for each `c2m reload`, which is two steps. */
const reload = z.string().min(1).max(100);

export const nodeRequestSchema = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('stats') }),
  /** Whether all of its processes can take the handlers that its file holds now; nothing changes. */
  z.object({ ask: z.literal('try-handlers'), reload }),
  /** What was tried goes into force. */
  z.object({ ask: z.literal('activate-handlers'), reload }),
  /** What was tried is forgotten: another node cannot take it. */
  z.object({ ask: z.literal('discard-handlers'), reload, why: z.string().max(4000) }),
]);

export type NodeRequest = z.output<typeof nodeRequestSchema>;

const node = z.string();

export const nodeAnswerSchema = z.discriminatedUnion('kind', [
  /** As `GET /stats` of its admin port. */
  z.object({ kind: z.literal('stats'), node, stats: z.unknown() }),
  /** It can take this version, or has it in force. */
  z.object({ kind: z.literal('handlers'), node, version: z.string() }),
  z.object({ kind: z.literal('discarded'), node }),
  z.object({ kind: z.literal('failed'), node, why: z.string() }),
]);

export type NodeAnswer = z.output<typeof nodeAnswerSchema>;

/** Half of what nats-server takes as one message unless told otherwise. */
const ZIPPED_FROM_BYTES = 500_000;
const LARGEST_ANSWER_BYTES = 64 * 2 ** 20;
const ENCODING = 'Content-Encoding';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

export async function writeAnswer(answer: NodeAnswer): Promise<{ data: Uint8Array; headers?: MsgHdrs }> {
  const data = Buffer.from(JSON.stringify(answer));
  if (data.length < ZIPPED_FROM_BYTES) return { data };
  const said = headers();
  said.set(ENCODING, 'gzip');
  return { data: await zip(data), headers: said };
}

/** @returns undefined for what is no answer of a node of c2m */
export async function readAnswer(message: Pick<Msg, 'data' | 'headers'>): Promise<NodeAnswer | undefined> {
  try {
    const isZipped = message.headers?.get(ENCODING) === 'gzip';
    const data = isZipped
      ? await unzip(message.data, { maxOutputLength: LARGEST_ANSWER_BYTES })
      : Buffer.from(message.data);
    return nodeAnswerSchema.safeParse(JSON.parse(data.toString())).data;
  } catch {
    // Another program speaks on this subject.
    return undefined;
  }
}
