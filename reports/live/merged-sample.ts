import { LATENCY_KINDS } from '../../record/run.js';
import type { IntervalLatency, TimelineSample } from '../../record/timeline.js';

type Counts = Record<string, number>;
type Server = NonNullable<TimelineSample['server']>;

/**
 * Two lines of a timeline that follow each other as one that is as long as both: counts add up, levels are those of its
 * end, of what is the worst of a second the worse is taken. A percentile of both is not known, and is at most the higher.
 */
export function mergedSample(one: TimelineSample, other: TimelineSample): TimelineSample {
  const seconds = one.seconds + other.seconds;
  const mean = (first: number, second: number): number =>
    seconds > 0 ? (first * one.seconds + second * other.seconds) / seconds : second;
  const { connections, messages, generator } = other;
  return {
    ...other,
    seconds,
    connections: {
      ...connections,
      ...(one.connections.peak !== undefined &&
        connections.peak !== undefined && { peak: Math.max(one.connections.peak, connections.peak) }),
      connected: one.connections.connected + connections.connected,
      failed: one.connections.failed + connections.failed,
      dropped: one.connections.dropped + connections.dropped,
      failures: byName(one.connections.failures, connections.failures, (first, second) => first + second),
    },
    messages: { ...sums(one.messages, messages), inFlight: messages.inFlight },
    latency: Object.fromEntries(
      LATENCY_KINDS.map((kind) => [kind, worse(one.latency[kind], other.latency[kind])]),
    ) as TimelineSample['latency'],
    generator: {
      ...generator,
      lagP99Ms: higher(one.generator.lagP99Ms, generator.lagP99Ms),
      lagMaxMs: higher(one.generator.lagMaxMs, generator.lagMaxMs),
      eventLoopLagMs: Math.max(one.generator.eventLoopLagMs, generator.eventLoopLagMs),
      cpu: mean(one.generator.cpu, generator.cpu),
      tcp:
        one.generator.tcp && generator.tcp
          ? sums(one.generator.tcp, generator.tcp)
          : (generator.tcp ?? one.generator.tcp),
    },
    server: mergedServer(one.server, other.server, mean),
    ...((other.serverMetrics ?? one.serverMetrics) && {
      serverMetrics: { ...one.serverMetrics, ...other.serverMetrics },
    }),
  };
}

function mergedServer(
  one: Server | null,
  other: Server | null,
  mean: (first: number, second: number) => number,
): Server | null {
  if (!one || !other) return other ?? one;
  return {
    ...other,
    cpu: mean(one.cpu, other.cpu),
    ...(one.seconds !== undefined && other.seconds !== undefined && { seconds: one.seconds + other.seconds }),
    eventLoopLagMs: higher(one.eventLoopLagMs, other.eventLoopLagMs),
    queues: byName(one.queues, other.queues, Math.max),
  };
}

function worse(one: IntervalLatency | null, other: IntervalLatency | null): IntervalLatency | null {
  if (!one || !other) return other ?? one;
  const { count, p50, p90, p99, max } = other;
  return {
    count: one.count + count,
    p50: Math.max(one.p50, p50),
    p90: Math.max(one.p90, p90),
    p99: Math.max(one.p99, p99),
    max: Math.max(one.max, max),
  };
}

function higher(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return other ?? one;
  return Math.max(one, other);
}

function sums<Of extends { [Name in keyof Of]: number }>(one: Of, other: Of): Of {
  return byName(one, other, (first, second) => first + second) as Of;
}

function byName(one: object, other: object, of: (first: number, second: number) => number): Counts {
  const [first, second] = [one as Counts, other as Counts];
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries([...names].map((name) => [name, of(first[name] ?? 0, second[name] ?? 0)]));
}
