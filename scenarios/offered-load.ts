import type { Phase } from './scenario.js';

/** How many messages should fall due in a phase; by `arrival: poisson` it is some more or some less. */
export function offeredMessages({ messageRate: from, messageRateTo: to = from, durationMs }: Phase): number {
  return (((from + to) / 2) * durationMs) / 1000;
}
