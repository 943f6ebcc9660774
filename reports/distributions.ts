import hdr, { type Histogram } from 'hdr-histogram-js';
import type { Side } from '../record/comparison/interleaving.js';
import { LATENCY_KINDS, type LatencyKind } from '../record/run.js';
import { readLatencyLog } from './latency-log.js';

/** All latencies of the runs of each side, added up; kinds that no run recorded are left out. */
export type Distributions = Record<Side, Partial<Record<LatencyKind, Histogram>>>;

export async function distributionsOf(folders: Record<Side, readonly string[]>): Promise<Distributions> {
  return { base: await sumOf(folders.base), current: await sumOf(folders.current) };
}

async function sumOf(folders: readonly string[]): Promise<Partial<Record<LatencyKind, Histogram>>> {
  const sum: Partial<Record<LatencyKind, Histogram>> = {};
  for (const folder of folders) {
    const histograms = await readLatencyLog(folder);
    for (const kind of LATENCY_KINDS) {
      const histogram = histograms[kind];
      if (!histogram) continue;
      const total = sum[kind] ?? hdr.build({ numberOfSignificantValueDigits: 3 });
      total.add(histogram);
      sum[kind] = total;
    }
  }
  return sum;
}
