import type { Measurement } from '../../record/run.js';
import type { KernelSample } from './kernel-sampler.js';

type HostLoad = NonNullable<Measurement['host']>;

/**
 * What the host took from a run, between two moments.
 * @param cpus of the whole host, of which this process may have fewer
 */
export function hostLoad(before: KernelSample, after: KernelSample, seconds: number, cpus: number): HostLoad {
  const share = (
    from: number | null | undefined,
    to: number | null | undefined,
    of = seconds,
  ): number | null =>
    typeof from === 'number' && typeof to === 'number' && of > 0
      ? rounded(Math.min(1, Math.max(0, to - from) / of))
      : null;
  const waited = (what: 'cpu' | 'memory' | 'io'): number | null =>
    share(before.pressure?.[what], after.pressure?.[what]);
  return {
    // A host that has never been busy is one that nothing is known of.
    stealShare:
      after.busySeconds === 0 ? null : share(before.stealSeconds, after.stealSeconds, seconds * cpus),
    pressure: { cpu: waited('cpu'), memory: waited('memory'), io: waited('io') },
  };
}

/** To a ten-thousandth: a hundredth of a percent. */
function rounded(share: number): number {
  return Math.round(share * 10_000) / 10_000;
}
