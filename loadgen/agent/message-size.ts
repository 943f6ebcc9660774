import type { SizeDistribution } from '../../scenarios/scenario.js';
import type { Random } from '../random.js';
import { LEDGER_BYTES } from './payload.js';

/** Draws payload sizes, in bytes, never below what the ledger needs. */
export function sizeSampler(size: SizeDistribution, random: Random): () => number {
  const atLeast = (bytes: number) => Math.max(LEDGER_BYTES, Math.round(bytes));
  switch (size.kind) {
    case 'fixed':
      return () => atLeast(size.bytes);
    case 'uniform':
      return () => atLeast(size.minBytes + random.next() * (size.maxBytes - size.minBytes));
    case 'lognormal':
      return () =>
        atLeast(Math.min(size.maxBytes, size.medianBytes * Math.exp(size.sigma * random.normal())));
  }
}

/** The most bytes that a sampler can draw. */
export function largestSize(size: SizeDistribution): number {
  const bytes = size.kind === 'fixed' ? size.bytes : size.maxBytes;
  return Math.max(LEDGER_BYTES, Math.ceil(bytes));
}
