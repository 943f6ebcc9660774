import { expect, test } from 'vitest';
import { agentsSchema } from '../../scenarios/agents-schema.js';

test.each([0, 1.5, 1001, 'most'])('%s is no number of machines, and what is one is said', (hosts) => {
  const words = agentsSchema.safeParse({ hosts }).error?.issues.map(({ message }) => message);
  expect(words).toEqual([expect.stringMatching(/must be all or a whole number from 1 to 1000$/)]);
});
