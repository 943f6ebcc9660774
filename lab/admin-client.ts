import { z } from 'zod';
import { responseText } from '../loadgen/response-text.js';
import type { ServerStats } from '../protocol/stats.js';
import { InputError } from '../record/input-error.js';

const REQUEST_TIMEOUT_MS = 15_000;
/** A thousand workers with their queues, ten seconds of samples and a thousand alerts take a tenth of it. */
const LARGEST_ANSWER_BYTES = 64 * 2 ** 20;

const clusterSchema = z.looseObject({
  workers: z.array(
    z.looseObject({
      peer: z.number(),
      homes: z.number(),
      turnsUnderWay: z.number(),
      logBytes: z.number(),
      busBytes: z.number(),
      heldBytes: z.number(),
      opened: z.array(
        z.looseObject({ home: z.number(), isHandedOn: z.boolean(), atMs: z.number(), tookMs: z.number() }),
      ),
    }),
  ),
});

/** What is read of `/stats` here; a server may tell more. */
const statsSchema = z.looseObject({
  schema: z.literal('c2m.stats/1'),
  version: z.string(),
  startedAtMs: z.number(),
  connections: z.number(),
  store: z.looseObject({ kind: z.string(), items: z.number(), diskBytes: z.number() }),
  counters: z.looseObject({
    logins: z.number(),
    accepted: z.number(),
    delivered: z.number(),
    acknowledged: z.number(),
    refused: z.number(),
  }),
  workers: z.array(
    z.looseObject({
      worker: z.number(),
      pid: z.number().int().positive(),
      connections: z.number(),
      privateBytes: z.number(),
      cpuSeconds: z.number(),
      eventLoopLagP99Ms: z.number(),
    }),
  ),
  restarts: z.array(z.unknown()),
  handlers: z.looseObject({ version: z.string() }),
  /** Servers of before there were clusters do not tell. */
  cluster: clusterSchema.nullish(),
  samples: z.array(
    z.looseObject({
      atMs: z.number(),
      sequence: z.number(),
      queues: z.record(z.string(), z.number()),
    }),
  ),
  alerts: z.array(z.looseObject({ queue: z.string(), clearedAtMs: z.number().nullable() })),
  queues: z.record(
    z.string(),
    z.looseObject({
      max: z.number(),
      arrived: z.number(),
      served: z.number(),
      mostServedPerSecond: z.number(),
    }),
  ),
});

const reloadSchema = z.union([z.object({ version: z.string() }), z.object({ error: z.string() })]);

/** What the admin port at `url` says of its server. @throws InputError where nothing of ours answers there */
export async function readStats(url: string): Promise<ServerStats> {
  const parsed = statsSchema.safeParse(await ask(url, '/stats', 'GET'));
  if (parsed.success) return parsed.data as unknown as ServerStats;
  throw strange(url, parsed.error);
}

/** What a server says of itself on another way. @returns undefined where it is nothing that this release can read */
export function parseStats(said: unknown): ServerStats | undefined {
  return statsSchema.safeParse(said).data as unknown as ServerStats | undefined;
}

/** Lets the server load its handlers anew. @throws InputError where nothing of ours answers there */
export async function reloadServer(url: string): Promise<{ version: string } | { error: string }> {
  const parsed = reloadSchema.safeParse(await ask(url, '/reload', 'POST'));
  if (parsed.success) return parsed.data;
  throw strange(url, parsed.error);
}

function strange(url: string, { issues }: z.core.$ZodError): InputError {
  const place = issues[0]?.path.join('.');
  return new InputError(
    `${url} does not answer as the admin port of a c2m server${place ? ` (${place})` : ''}; give the URL of one`,
  );
}

async function ask(url: string, path: string, method: string): Promise<unknown> {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (!base || !/^https?:$/.test(base.protocol)) {
    throw new InputError(`"${url}" is no URL of an admin port; write http://127.0.0.1:9464`);
  }
  try {
    const response = await fetch(new URL(path, base), {
      method,
      // Where a server sends us is not what was asked for.
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return JSON.parse(await responseText(response, LARGEST_ANSWER_BYTES));
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new InputError(
      `the admin port ${url} does not answer (${cause?.message ?? message}); is the server running, with --admin?`,
    );
  }
}
