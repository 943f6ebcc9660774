import { z } from 'zod';
import { promisesSchema } from './promises.js';
import { tcpCountersSchema } from './tcp-counters-schema.js';

/**
 * `run.json`: the contract between whoever measures and whoever judges or draws.
 * Field names are those of the design; times are seconds since the run began unless the name says otherwise,
 * latencies are milliseconds, memory is bytes.
 */

const count = z.number().int().nonnegative();

/** Added later: older records do not tell, and hold null. */
const laterCount = count.nullable().default(null);

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

/** What older records do not tell. */
const laterLatency = latencySummarySchema.default({
  count: 0,
  min: null,
  p50: null,
  p90: null,
  p99: null,
  p999: null,
  max: null,
});

const latenciesSchema = z.object({
  connect: latencySummarySchema,
  accepted: latencySummarySchema,
  delivered: latencySummarySchema,
  /** The same messages, from when they were sent. */
  deliveredSinceSent: laterLatency,
  /** Messages that waited for a recipient who was away. */
  waiting: laterLatency,
  receipt: latencySummarySchema,
});

/** Milliseconds; null where nothing was due. */
const lagSchema = z.object({
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable().default(null),
  max: z.number().nullable(),
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
  lagMs: lagSchema.default({ p50: null, p99: null, p999: null, max: null }),
});

const queueSummarySchema = z.object({
  name: z.string(),
  max: z.number(),
  p99: z.number(),
  threshold: z.number().nullable(),
  /** How often the queue grew past its threshold. */
  alerts: count,
  /**
   * How far the queue was behind at the worst, milliseconds: how long an item had waited, at least, by what came in and
   * went out. Shorter than the samples are apart: the highest length over the highest rate at which the queue was ever
   * served. And both rates of the second that ended when it was longest. Records of before this was measured do not tell.
   */
  behindMs: z.number().nullable().optional(),
  arrivedPerSecond: z.number().nullable().optional(),
  servedPerSecond: z.number().nullable().optional(),
  /** Mean wait by Little's law: mean length by time over the arrival rate of the run, milliseconds. */
  waitMs: z.number().nullable().optional(),
  /** By time, of the lengths that the server found when it looked, not of the peaks between. */
  meanLength: z.number().nullable().optional(),
  /** Share of the time in which something was in it. */
  busyShare: z.number().nullable().optional(),
  /** Highest length over the threshold; of a total: of the process that came nearest to its own. */
  thresholdShare: z.number().nullable().optional(),
});

const nullableBytes = z.number().nullable();

/** How a figure of memory was found: null, it was not. */
const memoryMethod = z.enum(['slope', 'difference']).nullable();

const memorySchema = z.object({
  /**
   * Of a connection that is logged in and idle; null: not measured. The slope of memory over connections while they
   * come; where they came too fast for that, the growth from before the first to after the last, divided by them.
   */
  bytesPerConnection: z.object({
    /** The slab caches of its sockets on the machine of the coordinator: of both ends where both are there. */
    kernel: nullableBytes,
    server: nullableBytes,
    client: nullableBytes,
    /** Kernel, server and client. */
    total: nullableBytes,
    /** In no total: any process of the host can move it. */
    socketBuffers: nullableBytes.optional(),
    /** The kernel's part as the whole slab has it: what others made the kernel remember of the connections is in it. */
    wholeSlab: nullableBytes.optional(),
    method: z.object({ kernel: memoryMethod, server: memoryMethod, client: memoryMethod }).optional(),
  }),
  /** The same while the phases ran: what is held more than before the first connect, over the open connections, median. */
  talking: z
    .object({
      kernel: nullableBytes,
      server: nullableBytes,
      client: nullableBytes,
      total: nullableBytes,
      socketBuffers: nullableBytes,
      wholeSlab: nullableBytes,
    })
    .nullable()
    .optional(),
  /** What a process of the server and an agent hold for themselves, however many connections they have. */
  perProcess: z.object({ server: nullableBytes, agent: nullableBytes }).optional(),
  /** TCP sockets of the whole machine of the coordinator: by how many they should have risen, and by how many they did. */
  sockets: z.object({ expected: count.nullable(), opened: z.number().int().nullable() }).optional(),
});

const coresSchema = z.object({ mean: z.number().nullable(), peak: z.number().nullable() });

const environmentSchema = z.object({
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
});

/** One agent: a process that simulated some of the clients. Of one that was lost, as far as it told. */
const agentSchema = z.object({
  agent: count,
  /** Its clients are the users `firstUser` to `firstUser + clients - 1`. */
  firstUser: count,
  clients: count,
  /** Most of them logged in at one time. */
  peak: count,
  /** Messages, as in the ledger. */
  sent: count,
  delivered: count,
  /** Delivered a second while the phases ran; null: it told of none of them. */
  messagesPerSecond: z.number().nullable(),
  /** How late its messages left, over the run; null: none left. */
  lagP99Ms: z.number().nullable(),
  lagMaxMs: z.number().nullable(),
  /** Messages that left later than `generator.lagLimitMs` after they were due. */
  late: count,
  /** In use while the phases ran. */
  cpuCores: coresSchema,
  /** Private memory at its highest; null: it never told. */
  privateBytesPeak: nullableBytes,
  /** p99 of the worst second: how late its timers fired. */
  eventLoopLagMaxMs: z.number().nullable(),
  /** When it was given up, and why; null: it has given account of all of its messages. */
  lost: z.object({ atSeconds: z.number(), why: z.string() }).nullable(),
});

/** One server of a cluster, as its admin port told. */
const nodeSchema = z.object({
  name: z.string(),
  /** Most at one time, of what it said once a second. */
  connectionsPeak: count,
  /** In use while the phases ran and it was there. */
  cpuCores: coresSchema,
  /** Private memory at its highest, all its processes; null: it never told. */
  privateBytesPeak: nullableBytes,
  /** p99 of the worst second of its slowest process. */
  eventLoopLagMaxMs: z.number().nullable(),
  /** Most that were open there at one time, of what it said once a second; older records do not tell of homes. */
  homesPeak: count.optional(),
  /** Homes that came to it after their owner had died, and that were handed over to it. */
  takenOver: count.optional(),
  movedIn: count.optional(),
});

const agentHostSchema = z.object({
  name: z.string(),
  environment: environmentSchema,
  /** How far its clock was from that of the coordinator; null: it is the same clock, so the same machine. */
  clock: z
    .object({
      offsetMs: z.number(),
      uncertaintyMs: z.number(),
      /** By how much the offset moved during the run; null: it was not measured again. */
      driftMs: z.number().nullable(),
    })
    .nullable(),
  agents: z.array(agentSchema),
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
    /** Files that it extends or imports, as they were read; left out: it is one file. */
    bases: z.array(z.object({ file: z.string(), source: z.string() })).optional(),
    /** The scenario as it ran: defaults and overrides filled in, units normalized. */
    resolved: z.record(z.string(), z.unknown()),
  }),
  /** Of the machine of the coordinator: the one that the run was started on. */
  environment: environmentSchema,
  /** The machines that the clients were on, each with its agents; empty: a record of before they were told. */
  hosts: z.array(agentHostSchema).default([]),
  target: z.object({
    /** `command`: the lab started a server that is not ours. */
    kind: z.enum(['embedded', 'command', 'external']),
    addresses: z.array(z.string()),
    serverWorkers: count.nullable(),
    store: z.string().nullable(),
    /** What clients spoke, and what that can tell; null: our own protocol, in records of before there were others. */
    driver: z.object({ name: z.string(), promises: promisesSchema }).nullable().default(null),
    /** Why it was gone before the run was over; null: it was not. */
    died: z.string().nullable().default(null),
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
      /** What was due in this phase, whenever it was over; older records do not tell, or go by when it was over. */
      latency: latenciesSchema.optional(),
      lagMs: lagSchema.optional(),
      connectLagMs: lagSchema.optional(),
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
  marks: z
    .array(
      z.object({
        atSeconds: z.number(),
        label: z.string(),
        /** What an action before it began has ended, such as that a node that was killed is there again. */
        isEnd: z.boolean().optional(),
        /** Of an action, when what it began was over; older records do not tell. */
        endSeconds: z.number().optional(),
        /** Nobody did it: homes of a cluster went to another node by themselves. */
        isOfCluster: z.boolean().optional(),
      }),
    )
    .default([]),
  /**
   * Rates of messages that somebody set by hand, each from then to the end of its phase: it was another load than the
   * scenario says. Left out: nobody did.
   */
  rateChanges: z
    .array(z.object({ atSeconds: z.number(), phase: z.string(), perSecond: z.number(), by: z.string() }))
    .optional(),
  /**
   * A gate with `abortOnFail` ended the run: its condition, the figure that broke it, in its own unit, when that was, and since
   * when it had been broken. Left out: the run was not ended so.
   */
  aborted: z
    .object({
      gate: z.string(),
      value: z.number(),
      atSeconds: z.number(),
      brokenSinceSeconds: z.number(),
    })
    .optional(),
  connections: z.object({
    target: count,
    /** Most clients logged in at one time, between samples too; of several agents as many as are certain. */
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
    /** Clients of agents that were lost: what became of them nobody knows. */
    unknown: laterCount,
  }),
  messages: z.object({
    /** Fell due by the schedule, once for each recipient. Null: older records do not tell, as of the others that may be. */
    due: laterCount,
    /** Of the schedule, those that nobody was there to send. */
    unscheduled: laterCount,
    /** Handed to a socket at least once. */
    sent: count,
    /** Null, as are others: the protocol does not tell. */
    accepted: count.nullable(),
    /** Distinct messages that reached their recipient. */
    delivered: count,
    receipted: count.nullable(),
    /** Sent, not refused, and never seen by the recipient. */
    lost: count,
    /** Sent by an agent that was lost, and neither delivered nor refused as far as it told: nobody knows. */
    unknown: laterCount,
    /** Deliveries of a message that the recipient had already, not marked as redelivery. */
    duplicated: count,
    /** First deliveries of a message after a later one of the same sender. */
    outOfOrder: count.nullable(),
    /** Repeated deliveries marked as such, after a connection died between DELIVER and ACK. */
    redelivered: count,
    /** Answered with an ERROR instead of ACCEPTED. */
    refused: count,
    /** Deliveries whose content is not what was sent. */
    corrupted: laterCount,
    /** Lost though the server had accepted them. */
    acceptedNotDelivered: laterCount,
    deliveredNotReceipted: laterCount,
    /** Receipted before the recipient had them. */
    receiptedEarly: laterCount,
    /** Delivered or receipted without ACCEPTED: that the server held them only follows. */
    impliedAccepted: laterCount,
    /** Delivered to or by somebody who was away meanwhile: that time is taken off their latency. */
    awayAdjusted: laterCount,
    /** Deliveries of what an earlier run had left in the mailboxes of a server that goes on. */
    leftOver: count.default(0),
    /** Due, but never handed to a socket: the sender was not connected, or the server took no more of it without an answer. */
    unsent: count,
    /** Of those unsent, what a connected sender could not hand over before the run ended, as the server took no more of it. */
    heldBack: laterCount,
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
    lagMs: lagSchema,
    /** How late connects began after they were due, but for those that had to wait for others to end. */
    connectLagMs: lagSchema.default({ p50: null, p99: null, p999: null, max: null }),
    lagLimitMs: z.number(),
    /** Of the packet transport, the whole run; null where the kernel's TCP carried the clients. */
    tcp: tcpCountersSchema.nullable().default(null),
    /** False when the generator could not do what the scenario asks: the figures would flatter the server. */
    valid: z.boolean(),
    /** Why not; empty in records of before it was told. */
    faults: z.array(z.string()).default([]),
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
  memory: memorySchema,
  /** While the phases ran, connecting and draining left out. Older records do not tell. */
  cpu: z
    .object({
      /** All CPU time of the processes of a kind over the messages delivered, microseconds. */
      serverUsPerMessage: z.number().nullable(),
      generatorUsPerMessage: z.number().nullable(),
      serverCores: coresSchema,
      generatorCores: coresSchema,
    })
    .optional(),
  /**
   * What the machine of the coordinator, or whoever it is a guest of, took from the run, as shares of its time. Older
   * records do not tell.
   */
  host: z
    .object({
      /** CPU time that a hypervisor gave to others while this host wanted it, of all its CPUs. */
      stealShare: z.number().nullable(),
      /** Time in which at least one task waited for a CPU, for memory, for a disk; null: the kernel does not tell. */
      pressure: z.object({
        cpu: z.number().nullable(),
        memory: z.number().nullable(),
        io: z.number().nullable(),
      }),
    })
    .optional(),
  /** Of a cluster that the lab started, each of its servers; left out: it was one server. */
  nodes: z.array(nodeSchema).optional(),
  /** The same, all nodes together, during the run; older records do not tell. */
  cluster: z
    .object({
      /** Homes that came to another node after their owner had died. */
      takeovers: count,
      /** Homes that were handed over. */
      moves: count,
      /** From when a node was given a home to when that was open, milliseconds; null: there was no takeover. */
      takeover: z.object({ max: z.number().nullable() }),
    })
    .optional(),
  /** Most at one time, of a server whose processes were looked at; null, or left out: they were not. */
  serverProcesses: z
    .object({ processes: count, threads: count, openFiles: count.nullable() })
    .nullable()
    .optional(),
  /** What the server said on its page of metrics, as it stands there: one entry for each name that the scenario chose. */
  serverMetrics: z
    .array(
      z.object({
        name: z.string(),
        min: z.number().nullable(),
        /** Of what was read, once a second. */
        mean: z.number().nullable(),
        max: z.number().nullable(),
        last: z.number().nullable(),
      }),
    )
    .optional(),
  gates: z.array(
    z.object({
      expression: z.string(),
      value: z.number().nullable(),
      passed: z.boolean(),
      /** Why a gate could not be evaluated, such as "no latency was recorded". */
      note: z.string().optional(),
      /** What a base line came to, in the unit of the figure; left out where the expression holds a limit. */
      limit: z.number().optional(),
      /** It did not hold, and would have without the generator's own lag. */
      isUndecided: z.boolean().optional(),
      /** No gate of the scenario: it failed what no server may do. */
      isImplied: z.boolean().optional(),
    }),
  ),
  verdict: z.enum(['passed', 'failed', 'invalid', 'partial']),
  /** What a reader must know beside the figures: an interruption, an agent that died, a clock that was off. */
  notes: z.array(z.string()),
});

/** run.json: what a run has measured, and how it was judged. docs/run-record.md has every field. */
export type RunRecord = z.infer<typeof runRecordSchema>;
/** Milliseconds; null where nothing was recorded. */
export type LatencySummary = z.infer<typeof latencySummarySchema>;
export type QueueSummary = z.infer<typeof queueSummarySchema>;
/** A machine that clients were on, and an agent on it, as run.json has them. */
export type RecordedHost = RunRecord['hosts'][number];
export type RecordedAgent = RecordedHost['agents'][number];
/** A server of a cluster, in the same way. */
export type RecordedNode = NonNullable<RunRecord['nodes']>[number];

/** What the recorder hands on: everything measured, nothing judged. */
export type Measurement = Omit<RunRecord, 'gates' | 'verdict'> & {
  /** True when the run was stopped before its last phase ended. */
  isPartial: boolean;
};

export const LATENCY_KINDS = [
  'connect',
  'accepted',
  'delivered',
  'deliveredSinceSent',
  'waiting',
  'receipt',
] as const;
export type LatencyKind = (typeof LATENCY_KINDS)[number];

/** The JSON Schema of run.json that ships as `record/run.schema.json`. */
export function runRecordJsonSchema(): object {
  return z.toJSONSchema(runRecordSchema, { target: 'draft-7' });
}
