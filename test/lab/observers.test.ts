import { expect, test } from 'vitest';
import { together } from '../../lab/observers.js';

test('several observers are told of each event, in their order, and none needs to listen to all of them', () => {
  const told: string[] = [];
  const both = together(
    { phase: ({ name }) => told.push(`one ${name}`), stopped: () => told.push('one stopped') },
    {},
    { phase: ({ name }) => told.push(`two ${name}`) },
  );
  both.phase?.({ name: 'talk', durationMs: 1000 });
  both.stopped?.();
  both.machines?.('nobody listens');
  expect(told).toEqual(['one talk', 'two talk', 'one stopped']);
});
