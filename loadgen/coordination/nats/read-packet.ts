import { z } from 'zod';
import { parseJson } from '../parse-json.js';
import type { Packet } from './channel.js';
import type { FromHost } from './messages.js';

const count = z.number().int().min(0);

/** What the coordinator itself reads of it; the rest it hands on as it came, since both sides are of one version. */
const fromAgentSchema = z.union([
  z.looseObject({
    kind: z.literal('sample'),
    sample: z.looseObject({
      fromMs: z.number(),
      toMs: z.number(),
      cpuReadAtMs: z.number(),
      privateBytes: z.number(),
    }),
  }),
  z.looseObject({ kind: z.literal('connected'), logins: z.number(), atMs: z.number() }),
  z.looseObject({ kind: z.string().refine((kind) => kind !== 'sample' && kind !== 'connected') }),
]);

const packetSchema = z.union([
  z.object({ number: z.literal(0), heard: count }),
  z.object({
    number: count.min(1),
    heard: count,
    message: z.union([
      z.object({ kind: z.literal('agent'), agent: count, message: fromAgentSchema }),
      z.object({ kind: z.literal('ended'), agent: count, how: z.string() }),
    ]),
  }),
]);

/** A packet of a machine's channel. Undefined: it is none. */
export function readPacket(text: string): Packet<FromHost> | undefined {
  const said = parseJson(text);
  return packetSchema.safeParse(said).success ? (said as Packet<FromHost>) : undefined;
}
