import { z } from 'zod';
import { tcpCountersSchema } from './tcp-counters.js';

/**
 * `run.json`: the contract between whoever measures and whoever judges or draws.
 * Field names are those of the design; times are seconds since the run began unless the name says otherwise,
 * latencies are milliseconds, memory is bytes.
 */

const count = z.number().int().nonnegative();

/** All but `count` are null when nothing was recorded: no figure is better than a zero that passes a gate. */
const latencySummarySchema = z.object({
  count,
  min: z.number().nullable(),
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
  max: z.number().nullable(),
});

const latenciesSchema = z.object({
  connect: latencySummarySchema,
  accepted: latencySummarySchema,
  delivered: latencySummarySchema,
  receipt: latencySummarySchema,
});

/** An open workload: once the run has ended, `due` is the sum of `count`, `failed` and `unsent`. */
const mediaSchema = z.object({
  /** Fell due, whatever became of it; null: a record of before this was counted. */
  due: count.nullable().default(null),
  /** Answered with a status below 300. */
  count,
  bytes: count,
  /** Answered otherwise, after the time-out, or not at all. */
  failed: count,
  /** Due, and never asked: too many waited for a connection, or the run ended. Null as for `due`. */
  unsent: count.nullable().default(null),
  /**
   * From when it was due to the last byte of the answer, the wait for a connection included. Of what timed out, or was
   * broken off at the end of the run: to then, so it took at least as long. What failed otherwise is not in here.
   */
  latency: latencySummarySchema,
  /** How late the generator itself was: from when a request was due and a connection was free to when it was asked. */
  lagMs: z
    .object({
      p50: z.number().nullable(),
      p99: z.number().nullable(),
      p999: z.number().nullable(),
      max: z.number().nullable(),
    })
    .default({ p50: null, p99: null, p999: null, max: null }),
});

const queueSummarySchema = z.object({
  name: z.string(),
  max: z.number(),
  p99: z.number(),
  threshold: z.number().nullable(),
  /** How often the queue grew past its threshold. */
  alerts: count,
  /**
   * How far the queue was behind at the worst, milliseconds: its highest length over the highest rate at which it was
   * ever served, or how long it stood still. And both rates of the second in which it was longest. Records of before
   * this was measured do not tell.
   */
  behindMs: z.number().nullable().optional(),
  arrivedPerSecond: z.number().nullable().optional(),
  servedPerSecond: z.number().nullable().optional(),
  /** Mean wait by Little's law: mean length (of peaks, so at most) over the arrival rate of the run, milliseconds. */
  waitMs: z.number().nullable().optional(),
});

export const runRecordSchema = z.object({
  schema: z.literal('c2m.run/1'),
  id: z.string(),
  name: z.string(),
  description: z.string(),
  /** ISO 8601, UTC. */
  startedAt: z.iso.datetime(),
  durationSeconds: z.number().nonnegative(),
  seed: z.number().int(),
  scenario: z.object({
    file: z.string(),
    /** The file as it was read. */
    source: z.string(),
    /** The `--set` overrides, as typed. */
    overrides: z.array(z.string()),
    /** The scenario as it ran: defaults and overrides filled in, units normalized. */
    resolved: z.record(z.string(), z.unknown()),
  }),
  environment: z.object({
    c2m: z.string(),
    node: z.string(),
    kernel: z.string(),
    cpuModel: z.string(),
    cores: count,
    memoryBytes: count,
    limits: z.object({
      openFiles: count.nullable(),
      ephemeralPorts: count.nullable(),
      somaxconn: count.nullable(),
      tcpMaxSynBacklog: count.nullable(),
      fileMax: count.nullable(),
    }),
  }),
  target: z.object({
    kind: z.enum(['embedded', 'external']),
    addresses: z.array(z.string()),
    serverWorkers: count.nullable(),
    store: z.string().nullable(),
  }),
  /** A published result that the scenario names, to lay this run beside. */
  reference: z
    .object({
      name: z.string(),
      title: z.string(),
      connections: count,
      cores: count,
      memoryBytes: count,
      workload: z.string(),
      source: z.string(),
    })
    .nullable()
    .default(null),
  /** Load on the media port; null: the scenario has none. */
  media: z.object({ uploads: mediaSchema, downloads: mediaSchema }).nullable().default(null),
  phases: z.array(
    z.object({
      name: z.string(),
      startSeconds: z.number(),
      endSeconds: z.number(),
      /** What was recorded in the seconds that ended in this phase; older records do not tell. */
      latency: latenciesSchema.optional(),
      /** Private memory, all processes of a kind together; the slope is that of a line through its seconds. */
      memory: z
        .object({
          serverPeakBytes: z.number().nullable(),
          serverBytesPerMinute: z.number().nullable(),
          agentPeakBytes: z.number().nullable(),
          agentBytesPerMinute: z.number().nullable(),
        })
        .optional(),
    }),
  ),
  /** What was done to the server or the clients at a time of its own. */
  marks: z.array(z.object({ atSeconds: z.number(), label: z.string() })).default([]),
  connections: z.object({
    target: count,
    /** Most clients logged in at one time. */
    peak: count,
    /** Connection attempts that did not end in a login. */
    failed: count,
    /** Logins a second over the time the first connects took. */
    connectsPerSecond: z.number(),
    /** Connections that were open and ended without the client's doing. */
    dropped: count,
    reconnects: count,
    /** Failed attempts and dropped connections by reason (`ECONNREFUSED`, `LoginTimeout`, `IdleTimeout` …). */
    failures: z.record(z.string(), count),
  }),
  messages: z.object({
    /** Handed to a socket at least once. */
    sent: count,
    accepted: count,
    /** Distinct messages that reached their recipient. */
    delivered: count,
    receipted: count,
    /** Sent, not refused, and never seen by the recipient. */
    lost: count,
    /** Deliveries of a message that the recipient had already, not marked as redelivery. */
    duplicated: count,
    /** First deliveries of a message after a later one of the same sender. */
    outOfOrder: count,
    /** Repeated deliveries marked as such, after a connection died between DELIVER and ACK. */
    redelivered: count,
    /** Answered with an ERROR instead of ACCEPTED. */
    refused: count,
    /** Deliveries of what an earlier run had left in the mailboxes of a server that goes on. */
    leftOver: count.default(0),
    /** Due, but never handed to a socket because the sender was not connected. */
    unsent: count,
  }),
  /** Null: nobody wrote to a group. A message to a group counts in `messages` once for each that it is for. */
  groups: z
    .object({
      /** In a group. */
      members: count,
      /** To groups, each of them once. */
      messages: count,
    })
    .nullable()
    .default(null),
  /** Messages that were refused, by reason (`MailboxFull`, `RateLimited` …); one to a group once. */
  refusals: z.record(z.string(), count).default({}),
  latency: latenciesSchema,
  generator: z.object({
    agents: count,
    /** How late messages left after they were due. */
    lagMs: z.object({ p50: z.number().nullable(), p99: z.number().nullable(), max: z.number().nullable() }),
    lagLimitMs: z.number(),
    /** Of the packet transport, the whole run; null where the kernel's TCP carried the clients. */
    tcp: tcpCountersSchema.nullable().default(null),
    /** False when p99 lag broke its limit: the figures would flatter the server. */
    valid: z.boolean(),
  }),
  backlog: z.object({
    /** Highest length of any queue, and its name. */
    max: z.number().nullable(),
    worst: z.string().nullable(),
    queues: z.array(queueSummarySchema),
    alerts: z.array(
      z.object({
        queue: z.string(),
        startSeconds: z.number(),
        endSeconds: z.number().nullable(),
        threshold: z.number(),
        peak: z.number(),
      }),
    ),
  }),
  memory: z.object({
    /** Growth from before the first connect to all connected, divided by the connections; null: not measured. */
    bytesPerConnection: z.object({
      kernel: z.number().nullable(),
      server: z.number().nullable(),
      client: z.number().nullable(),
      total: z.number().nullable(),
    }),
  }),
  gates: z.array(
    z.object({
      expression: z.string(),
      value: z.number().nullable(),
      passed: z.boolean(),
      /** Why a gate could not be evaluated, such as "no latency was recorded". */
      note: z.string().optional(),
    }),
  ),
  verdict: z.enum(['passed', 'failed', 'invalid', 'partial']),
  /** What a reader must know beside the figures: an interruption, an agent that died, a clock that was off. */
  notes: z.array(z.string()),
});

export type RunRecord = z.infer<typeof runRecordSchema>;
export type LatencySummary = z.infer<typeof latencySummarySchema>;
export type QueueSummary = z.infer<typeof queueSummarySchema>;

/** What the recorder hands on: everything measured, nothing judged. */
export type Measurement = Omit<RunRecord, 'gates' | 'verdict'> & {
  /** True when the run was stopped before its last phase ended. */
  isPartial: boolean;
};

export const LATENCY_KINDS = ['connect', 'accepted', 'delivered', 'receipt'] as const;
export type LatencyKind = (typeof LATENCY_KINDS)[number];

/** The JSON Schema of run.json that ships as `record/run.schema.json`. */
export function runRecordJsonSchema(): object {
  return z.toJSONSchema(runRecordSchema, { target: 'draft-7' });
}
