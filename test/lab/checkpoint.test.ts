import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { Checkpoint } from '../../lab/checkpoint.js';
import { recordMaker } from '../../lab/record-of.js';
import { repeatSparingly } from '../../loadgen/recording/repeat-sparingly.js';
import { readRunRecord } from '../../record/folder.js';
import type { Measurement } from '../../record/run.js';
import { recordFixture } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

function measurementAt(durationSeconds: number): Measurement {
  const { gates: _, verdict, ...rest } = recordFixture().record;
  return { ...rest, durationSeconds, notes: [], isPartial: true };
}

describe('the record of a run that goes on', () => {
  test('is whole whenever it is read, and says that it is not the end', async () => {
    const folder = testFolder();
    const checkpoint = new Checkpoint(folder, recordMaker({ notes: ['of the scenario'] }, []));
    for (const seconds of [5, 10, 15]) {
      checkpoint.take(measurementAt(seconds));
      await checkpoint.end();
      const record = await readRunRecord(folder);
      expect(record).toMatchObject({ verdict: 'partial', durationSeconds: seconds });
      expect(record.notes).toEqual([
        'of the scenario',
        `this is what was measured by ${seconds} s, written while the run went on: unless it still does, it was killed`,
      ]);
    }
    expect(await readdir(folder)).toEqual(['run.json']);
  });

  test('is left out where the one before is still being written', async () => {
    const folder = testFolder();
    const checkpoint = new Checkpoint(folder, recordMaker({ notes: [] }, []));
    checkpoint.take(measurementAt(5));
    checkpoint.take(measurementAt(10));
    expect(await checkpoint.end()).toEqual([]);
    expect(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'))).toMatchObject({
      durationSeconds: 5,
    });
  });

  test('that cannot be written ends no run, and its record says so', async () => {
    const folder = testFolder();
    const checkpoint = new Checkpoint(folder, recordMaker({ notes: [] }, []));
    await rm(folder, { recursive: true });
    checkpoint.take(measurementAt(5));
    expect(await checkpoint.end()).toEqual([
      expect.stringContaining('run.json could not be written while the run went on: ENOENT'),
    ]);
  });
});

function fail(error: Error): never {
  throw error;
}

describe('what is repeated beside a run', () => {
  test('is done again and again until it is stopped', () => {
    vi.useFakeTimers();
    try {
      const done = vi.fn();
      const repeated = repeatSparingly(done, 100_000, fail);
      vi.advanceTimersByTime(350_000);
      expect(done.mock.calls.length).toBeGreaterThanOrEqual(3);
      const seen = done.mock.calls.length;
      repeated.stop();
      vi.advanceTimersByTime(1_000_000);
      expect(done).toHaveBeenCalledTimes(seen);
    } finally {
      vi.useRealTimers();
    }
  });

  test('is done the more seldom, the more it takes', async () => {
    const beganMs: number[] = [];
    const repeated = repeatSparingly(
      () => {
        beganMs.push(performance.now());
        const before = process.cpuUsage();
        while (process.cpuUsage(before).user + process.cpuUsage(before).system < 4000);
      },
      1,
      fail,
    );
    await expect.poll(() => beganMs.length, { timeout: 20_000 }).toBe(2);
    repeated.stop();
    // 4 ms of CPU, and of one core no more than a hundredth.
    expect((beganMs[1] as number) - (beganMs[0] as number)).toBeGreaterThan(400);
  });

  test('is not done again once it has failed', async () => {
    const failures: string[] = [];
    let times = 0;
    repeatSparingly(
      () => {
        times += 1;
        throw new Error('no room');
      },
      1,
      ({ message }) => failures.push(message),
    );
    await expect.poll(() => failures).toEqual(['no room']);
    expect(times).toBe(1);
  });
});
