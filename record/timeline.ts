import type { LatencyKind } from './run.js';
import type { TcpCounters } from './tcp-counters.js';

/** One line of `timeline.ndjson`: what happened in one second. Counts are of that second, levels are at its end. */
export interface TimelineSample {
  /** Seconds since the run began, at the end of the interval. */
  t: number;
  /** Length of the interval in seconds, about 1. */
  seconds: number;
  phase: string;
  connections: {
    open: number;
    opening: number;
    /** Away on purpose: they will come back. */
    away: number;
    connected: number;
    failed: number;
    dropped: number;
    failures: Record<string, number>;
  };
  messages: {
    due: number;
    sent: number;
    accepted: number;
    delivered: number;
    receipted: number;
    duplicated: number;
    outOfOrder: number;
    redelivered: number;
    refused: number;
    /** Level: sent and not yet seen by the recipient. */
    inFlight: number;
  };
  /** Percentiles of this interval, milliseconds; null where nothing was recorded. */
  latency: Record<LatencyKind, IntervalLatency | null>;
  generator: {
    lagP99Ms: number | null;
    lagMaxMs: number | null;
    eventLoopLagMs: number;
    /** Cores in use, 1 = one core fully. */
    cpu: number;
    privateBytes: number;
    /** Counts of the packet transport; null over sockets. */
    tcp: TcpCounters | null;
  };
  /** Null when the target offers no admin port. */
  server: {
    connections: number;
    cpu: number;
    privateBytes: number;
    eventLoopLagMs: number;
    /** Highest length within the interval, by queue name. */
    queues: Record<string, number>;
  } | null;
  kernel: {
    /** Slab memory of the whole kernel; `tcpSlabBytes` is the part of TCP sockets (root only, else null). */
    slabBytes: number;
    tcpSlabBytes: number | null;
    socketsInUse: number;
    socketsTimeWait: number;
    /** Bytes in TCP socket buffers. */
    socketBufferBytes: number;
    availableBytes: number;
    /** CPU seconds of the whole host, whoever used them, since it started. */
    busySeconds: number;
  };
}

export interface IntervalLatency {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}
