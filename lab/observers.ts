import type { RunObservers } from './run-scenario.js';

const EVENTS = [
  'begun',
  'stopped',
  'machines',
  'phase',
  'sample',
  'recorded',
  'agents',
  'record',
  'control',
] as const satisfies (keyof RunObservers)[];

/** One observer for several, who are told of each event in their order. */
export function together(...all: readonly RunObservers[]): RunObservers {
  return Object.fromEntries(
    // Who asks for a record of what was measured so far makes work: nobody is said to who is not.
    EVENTS.filter((name) => all.some((each) => each[name])).map((name) => [
      name,
      (...event: unknown[]) => {
        for (const each of all) (each[name] as ((...event: unknown[]) => void) | undefined)?.(...event);
      },
    ]),
  );
}
