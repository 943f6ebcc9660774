import type { Scenario } from './scenario.js';

/**
 * How long a run takes when the server keeps up: the connects, the phases, and a moment for the drain.
 * The drain can take up to `generator.drain` longer.
 */
export function expectedDurationMs(scenario: Scenario): number {
  const connectMs = (scenario.clients.count / scenario.clients.connectRate) * 1000;
  return connectMs + scenario.phases.reduce((sum, { durationMs }) => sum + durationMs, 0) + DRAIN_MS;
}

/** What a drain takes when nothing has piled up. */
const DRAIN_MS = 1000;
