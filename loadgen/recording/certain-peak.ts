import type { AgentSample } from '../agent-messages.js';

/** A sample and whose it is. */
export interface Told {
  agent: number;
  sample: AgentSample;
}

/**
 * Clients that were certainly logged in at one moment: the most that one agent had, while the others had no fewer than
 * their fewest. The sum of what each had at most would be a number that perhaps never was.
 * @param told of the interval
 * @param latest what each agent that is alive told last, in it or before
 */
export function certainPeak(told: readonly Told[], latest: readonly (AgentSample | undefined)[]): number {
  const samplesOf = new Map<number, AgentSample[]>();
  for (const { agent, sample } of told) samplesOf.set(agent, [...(samplesOf.get(agent) ?? []), sample]);
  const agents = latest.flatMap((level, agent) => {
    if (!level) return [];
    const own = samplesOf.get(agent) ?? [];
    // An agent that has not told of these seconds is taken to be as it was.
    const most = Math.max(...own.map(({ openPeak }) => openPeak), own.length > 0 ? 0 : level.open);
    return { most, fewest: Math.min(level.open, ...own.map(({ openLow }) => openLow)) };
  });
  const fewestOfAll = agents.reduce((sum, { fewest }) => sum + fewest, 0);
  return Math.max(0, ...agents.map(({ most, fewest }) => fewestOfAll - fewest + most));
}
