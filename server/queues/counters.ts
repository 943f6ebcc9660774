import { type ReasonCode, reasonName } from '../../protocol/frame.js';
import type { ServerCounters } from '../../protocol/stats.js';

/** Counts of one worker since it started; plain numbers, added up by whoever reports them. */
export type Counters = ServerCounters;

type ReasonCounts = Record<string, number>;
type PlainCounter = Exclude<keyof Counters, 'closedByReason' | 'refusedByReason'>;

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
    refusedByReason: {},
    delivered: 0,
    redelivered: 0,
    acknowledged: 0,
    receipts: 0,
    copies: 0,
    undelivered: 0,
    expired: 0,
    handlerFaults: 0,
    damaged: 0,
  };
}

export function countRefusal(counters: Counters, code: ReasonCode): void {
  counters.refused += 1;
  addReasons(counters.refusedByReason, { [reasonName(code)]: 1 });
}

function addReasons(sum: ReasonCounts, counts: ReasonCounts): void {
  for (const [reason, count] of Object.entries(counts)) sum[reason] = (sum[reason] ?? 0) + count;
}

/** The sum of the counters of several workers. */
export function addCounters(all: Counters[]): Counters {
  const sum = newCounters();
  for (const counters of all) {
    for (const [key, value] of Object.entries(counters)) {
      if (key === 'closedByReason' || key === 'refusedByReason') addReasons(sum[key], value as ReasonCounts);
      else sum[key as PlainCounter] += value as number;
    }
  }
  return sum;
}
