import { z } from 'zod';
import { tcpCountersSchema } from './tcp-counters-schema.js';

const counts = z.record(z.string(), z.number());

const intervalLatencySchema = z.object({
  count: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  max: z.number(),
});

/** Percentiles of this interval, milliseconds; null where nothing was recorded. */
const intervalLatency = intervalLatencySchema.nullable().default(null);

/** One server of a cluster in one line. */
const nodeSampleSchema = z.object({
  name: z.string(),
  /** Of its first process. */
  pid: z.number(),
  connections: z.number(),
  cpu: z.number(),
  /** Between its last two answers. */
  seconds: z.number(),
  privateBytes: z.number(),
  eventLoopLagMs: z.number(),
  /** Open there; older records do not tell. */
  homes: z.number().optional(),
});

/**
 * One line of `timeline.ndjson`: what happened in one second, or in several where an agent could not tell of each. Counts
 * are of that time, levels are at its end.
 */
export const timelineSampleSchema = z.object({
  /** Seconds since the run began, at the end of the interval. */
  t: z.number(),
  /** Length of the interval in seconds, about 1. */
  seconds: z.number(),
  phase: z.string(),
  connections: z.object({
    open: z.number(),
    opening: z.number(),
    /** Away on purpose: they will come back. */
    away: z.number(),
    /** Most clients that were certainly logged in at one moment of the interval; older records do not tell. */
    peak: z.number().optional(),
    connected: z.number(),
    failed: z.number(),
    dropped: z.number(),
    failures: counts,
  }),
  messages: z.object({
    due: z.number(),
    sent: z.number(),
    accepted: z.number(),
    delivered: z.number(),
    receipted: z.number(),
    duplicated: z.number(),
    outOfOrder: z.number(),
    redelivered: z.number(),
    refused: z.number(),
    corrupted: z.number().default(0),
    /** Level: sent and not yet seen by the recipient. */
    inFlight: z.number(),
  }),
  latency: z.object({
    connect: intervalLatency,
    accepted: intervalLatency,
    delivered: intervalLatency,
    deliveredSinceSent: intervalLatency,
    waiting: intervalLatency,
    receipt: intervalLatency,
  }),
  generator: z.object({
    lagP99Ms: z.number().nullable(),
    lagMaxMs: z.number().nullable(),
    eventLoopLagMs: z.number(),
    /** Cores in use, 1 = one core fully. */
    cpu: z.number(),
    privateBytes: z.number(),
    /** Counts of the packet transport; null over sockets. */
    tcp: tcpCountersSchema.nullable().default(null),
  }),
  /**
   * By its admin port, else by its processes; null when the target offers neither, or has told nothing new since the line
   * before.
   */
  server: z
    .object({
      /** Null, as the lag: only its admin port tells. */
      connections: z.number().nullable(),
      /** Cores in use between its last two answers. */
      cpu: z.number(),
      /** How far apart those were; older records do not tell. */
      seconds: z.number().optional(),
      privateBytes: z.number(),
      eventLoopLagMs: z.number().nullable(),
      /** Where its processes were looked at. */
      processes: z.number().optional(),
      threads: z.number().optional(),
      openFiles: z.number().nullable().optional(),
      /** Highest length within the interval, by queue name; of a cluster that of the node where it was highest. */
      queues: counts,
      /** Of a cluster, the servers that have told something new; the figures above are of all of them. */
      nodes: z.array(nodeSampleSchema).optional(),
    })
    .nullable(),
  /** By the names of the scenario; left out where the page of the server told nothing new. */
  serverMetrics: counts.optional(),
  kernel: z.object({
    /** Slab memory of the whole kernel; `tcpSlabBytes` is the part of TCP sockets (root only, else null). */
    slabBytes: z.number(),
    tcpSlabBytes: z.number().nullable(),
    socketsInUse: z.number(),
    socketsTimeWait: z.number(),
    /** Bytes in TCP socket buffers. */
    socketBufferBytes: z.number(),
    availableBytes: z.number(),
    /** CPU seconds of the whole host, whoever used them, since it started; older records do not tell. */
    busySeconds: z.number().default(0),
    /** CPU seconds that a hypervisor gave to others, since the host started. */
    stealSeconds: z.number().default(0),
    /** Seconds since the host started in which at least one task waited; null where the kernel does not tell. */
    pressure: z
      .object({ cpu: z.number().nullable(), memory: z.number().nullable(), io: z.number().nullable() })
      .nullable()
      .default(null),
  }),
});

export type NodeSample = z.infer<typeof nodeSampleSchema>;
/** One line of timeline.ndjson: what happened in a second of a run. */
export type TimelineSample = z.infer<typeof timelineSampleSchema>;
export type IntervalLatency = z.infer<typeof intervalLatencySchema>;
