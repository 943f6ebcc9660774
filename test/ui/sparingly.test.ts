import { expect, test } from 'vitest';
import { sparingly } from '../../ui/sparingly.js';

const nothing = async (): Promise<void> => undefined;

test('what is asked for many times at once is done once, and the next time only after a rest', async () => {
  const times: number[] = [];
  const pace = sparingly(
    nothing,
    () => times.push(performance.now()),
    () => undefined,
  );
  for (let each = 0; each < 20; each += 1) pace.ask();
  await expect.poll(() => times.length, { interval: 5 }).toBe(1);
  pace.ask();
  pace.ask();
  await expect.poll(() => times.length, { interval: 5 }).toBe(2);
  expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(490);
  pace.stop();
  pace.ask();
  expect(times).toHaveLength(2);
});

function burnCpu(ms: number): void {
  const before = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    if (user + system >= ms * 1000) return;
  }
}

test('what takes much CPU is done the more seldom', async () => {
  const times: number[] = [];
  const pace = sparingly(
    nothing,
    () => {
      times.push(performance.now());
      burnCpu(8);
    },
    () => undefined,
  );
  for (const count of [1, 2]) {
    pace.ask();
    await expect.poll(() => times.length, { interval: 5 }).toBe(count);
  }
  expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(790);
  pace.stop();
});

test('what several want at once is done now, once for all of them, and again only after a rest', async () => {
  let count = 0;
  const pace = sparingly(
    nothing,
    () => {
      count += 1;
    },
    () => undefined,
  );
  pace.ask();
  expect(await Promise.all([pace.now(), pace.now(), pace.now()])).toEqual([true, true, true]);
  expect(count).toBe(1);
  expect(await pace.now()).toBe(false);
  expect(count).toBe(1);
  pace.ask();
  await expect.poll(() => count, { interval: 5 }).toBe(2);
  pace.stop();
  expect(await pace.now()).toBe(false);
});

test('what fails is told, and not done again', async () => {
  const failures: string[] = [];
  let count = 0;
  const pace = sparingly(
    nothing,
    () => {
      count += 1;
      throw new Error('cannot be drawn');
    },
    ({ message }) => failures.push(message),
  );
  pace.ask();
  await expect.poll(() => failures, { interval: 5 }).toEqual(['cannot be drawn']);
  pace.ask();
  expect(count).toBe(1);
});
