import type { TimelineSample } from '../record/timeline.js';

/**
 * Cores that the server had in use over some lines of the timeline: the mean over the time between its answers. A line
 * in which it told nothing new is a gap, not one in which it was at rest.
 * @returns null where it told nothing at all
 */
export function meanServerCores(samples: readonly TimelineSample[]): number | null {
  let coreSeconds = 0;
  let answeredSeconds = 0;
  for (const { server, seconds } of samples) {
    if (!server) continue;
    // Older records do not tell how far its answers were apart.
    const between = server.seconds ?? seconds;
    coreSeconds += server.cpu * between;
    answeredSeconds += between;
  }
  return answeredSeconds === 0 ? null : coreSeconds / answeredSeconds;
}
