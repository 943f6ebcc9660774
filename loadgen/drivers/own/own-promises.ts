import type { Promises } from '../../../record/promises.js';

/** What is known of a protocol whose driver says nothing of it: next to nothing. */
export const LEAST_PROMISES: Promises = {
  accepted: false,
  receipt: false,
  groups: false,
  storesForAway: false,
  marksRedelivery: false,
  recognizesRepetitions: false,
  order: 'none',
  delivery: 'at-most-once',
  recipient: 'partner',
};

/** Those that are made of others where nothing is said of them are not among the least. */
const KNOWN = [...Object.keys(LEAST_PROMISES), 'groupsStoreForAway'];

const WORDS: Partial<Record<keyof Promises, readonly string[]>> = {
  order: ['per-sender', 'none'],
  delivery: ['at-most-once', 'at-least-once', 'exactly-once'],
  recipient: ['partner', 'sender'],
};

/**
 * What a driver of somebody's own promises, with the least where it says nothing.
 * @throws Error saying what is wrong with it
 */
export function completePromises(given: unknown): Promises {
  if (typeof given !== 'object' || given === null) throw new Error('promises must be an object');
  for (const [name, value] of Object.entries(given)) {
    if (!KNOWN.includes(name)) throw new Error(`promises has no ${name}; known are ${KNOWN.join(', ')}`);
    const words = WORDS[name as keyof Promises];
    const isRight = words ? words.includes(value as string) : typeof value === 'boolean';
    if (!isRight) throw new Error(`promises.${name} must be ${words?.join(' or ') ?? 'true or false'}`);
  }
  // Who is told what was accepted sends the rest again.
  const { accepted } = given as Partial<Promises>;
  return { ...LEAST_PROMISES, ...(accepted ? { delivery: 'at-least-once' as const } : {}), ...given };
}
