import { z } from 'zod';

const count = z.number().int().nonnegative();

/** What the TCP of the packet transport counted; RFC 9293 names them. Null in a run over sockets. */
export const tcpCountersSchema = z.object({
  segmentsIn: count,
  segmentsOut: count,
  /** Segments sent again because no acknowledgment came; zero-window probes are among them. */
  retransmissions: count,
  synRetries: count,
  resetsIn: count,
  resetsOut: count,
  /** How often a peer shut its window. */
  zeroWindows: count,
  /** Segments that came before one that they follow. */
  outOfOrder: count,
  /** Packets that were no whole TCP segment, or had a wrong checksum. */
  malformed: count,
  /** Packets that the device did not take, or dropped because nobody read them in time. */
  tunDrops: count,
});

export type TcpCounters = z.infer<typeof tcpCountersSchema>;

export const TCP_COUNTERS = Object.keys(tcpCountersSchema.shape) as (keyof TcpCounters)[];

export function noTcp(): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, 0])) as TcpCounters;
}

export function addTcp(sum: TcpCounters, more: TcpCounters): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, sum[name] + more[name]])) as TcpCounters;
}

export function subtractTcp(now: TcpCounters, before: TcpCounters): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, now[name] - before[name]])) as TcpCounters;
}
