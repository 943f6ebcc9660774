import type { ServerCounters } from '../protocol/stats.js';

/** Counts of one worker since it started; plain numbers, added up by whoever reports them. */
export type Counters = ServerCounters;

export function newCounters(): Counters {
  return {
    connectionsAccepted: 0,
    connectionsClosed: 0,
    closedByReason: {},
    logins: 0,
    sends: 0,
    accepted: 0,
    repeated: 0,
    refused: 0,
    delivered: 0,
    redelivered: 0,
    acknowledged: 0,
    receipts: 0,
    expired: 0,
  };
}

/** The sum of the counters of several workers. */
export function addCounters(all: Counters[]): Counters {
  const sum = newCounters();
  for (const counters of all) {
    for (const [key, value] of Object.entries(counters)) {
      if (key === 'closedByReason') continue;
      sum[key as Exclude<keyof Counters, 'closedByReason'>] += value as number;
    }
    for (const [reason, count] of Object.entries(counters.closedByReason)) {
      sum.closedByReason[reason] = (sum.closedByReason[reason] ?? 0) + count;
    }
  }
  return sum;
}
