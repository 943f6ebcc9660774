import type { RunObservers } from './run-scenario.js';

const EVENTS = [
  'begun',
  'stopped',
  'machines',
  'phase',
  'sample',
  'recorded',
  'agents',
  'soFar',
] as const satisfies (keyof RunObservers)[];

/** One observer for several, who are told of each event in their order. */
export function together(...all: readonly RunObservers[]): RunObservers {
  return Object.fromEntries(
    EVENTS.map((name) => [
      name,
      (...event: unknown[]) => {
        for (const each of all) (each[name] as ((...event: unknown[]) => void) | undefined)?.(...event);
      },
    ]),
  );
}
