import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimedQueue } from '../../../loadgen/agent/timed-queue.js';

test('a queue of turns gives each turn once, in order, and none before its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(50), { maxLength: 5000 }),
      fc.array(fc.nat(400), { maxLength: 30 }),
      (gaps, waits) => {
        const queue = new TimedQueue();
        let atMs = 0;
        const turns = gaps.map((gap, client) => {
          atMs += gap;
          return { client, atMs };
        });
        for (const turn of turns) queue.push(turn);
        const taken: number[] = [];
        let nowMs = 0;
        for (const wait of waits) {
          nowMs += wait;
          for (let client = queue.take(nowMs); client !== undefined; client = queue.take(nowMs))
            taken.push(client);
          expect(taken).toEqual(turns.filter((turn) => turn.atMs <= nowMs).map(({ client }) => client));
        }
      },
    ),
  );
});

test('a queue that is filled anew forgets what was in it, and sorts what it is given', () => {
  const queue = new TimedQueue();
  queue.push({ client: 1, atMs: 1 });
  queue.replace([
    { client: 2, atMs: 20 },
    { client: 3, atMs: 10 },
  ]);
  expect([queue.take(30), queue.take(30), queue.take(30)]).toEqual([3, 2, undefined]);
});
