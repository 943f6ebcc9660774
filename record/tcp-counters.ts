/** What the TCP of the packet transport counts; RFC 9293 names them. */
export const TCP_COUNTERS = [
  'segmentsIn',
  'segmentsOut',
  /** Segments sent again because no acknowledgment came; zero-window probes are among them. */
  'retransmissions',
  'synRetries',
  'resetsIn',
  'resetsOut',
  /** How often a peer shut its window. */
  'zeroWindows',
  /** Segments that came before one that they follow. */
  'outOfOrder',
  /** Packets that were no whole TCP segment, or had a wrong checksum. */
  'malformed',
  /** Packets that the device did not take, or dropped because nobody read them in time. */
  'tunDrops',
] as const;

export type TcpCounters = Record<(typeof TCP_COUNTERS)[number], number>;

export function noTcp(): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, 0])) as TcpCounters;
}

export function addTcp(sum: TcpCounters, more: TcpCounters): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, sum[name] + more[name]])) as TcpCounters;
}

export function subtractTcp(now: TcpCounters, before: TcpCounters): TcpCounters {
  return Object.fromEntries(TCP_COUNTERS.map((name) => [name, now[name] - before[name]])) as TcpCounters;
}
