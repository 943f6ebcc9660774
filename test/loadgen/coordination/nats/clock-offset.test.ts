import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ClockOffset, clockOf } from '../../../../loadgen/coordination/nats/clock-offset.js';

/** A host whose clock runs with an offset and a drift, behind ways of these delays by turns. */
class DistantHost {
  nowMs = 1000;
  isGone = false;
  asked = 0;
  readonly #offsetMs: number;
  readonly #driftPpm: number;
  readonly #delays: readonly { thereMs: number; backMs: number }[];

  constructor(offsetMs: number, delays: readonly { thereMs: number; backMs: number }[], driftPpm = 0) {
    this.#offsetMs = offsetMs;
    this.#delays = delays;
    this.#driftPpm = driftPpm;
  }

  get trueOffsetMs(): number {
    return this.#offsetMs + (this.nowMs * this.#driftPpm) / 1e6;
  }

  readonly ask = async (): Promise<number> => {
    if (this.isGone) throw new Error('no answer');
    const { thereMs, backMs } = this.#delays[this.asked % this.#delays.length] as {
      thereMs: number;
      backMs: number;
    };
    this.asked += 1;
    this.nowMs += thereMs;
    const hostMs = this.nowMs + this.trueOffsetMs;
    this.nowMs += backMs;
    return hostMs;
  };

  measure(): Promise<ClockOffset> {
    return ClockOffset.measure(this.ask, () => this.nowMs);
  }
}

const delayMs = fc.double({ min: 0, max: 400, noNaN: true });
const offset = fc.double({ min: -1e9, max: 1e9, noNaN: true });

describe('the offset of a clock', () => {
  test('is the true one, give or take its uncertainty, whatever the ways there and back take', async () => {
    const property = fc.asyncProperty(
      offset,
      fc.array(fc.record({ thereMs: delayMs, backMs: delayMs }), { minLength: 1, maxLength: 12 }),
      async (offsetMs, delays) => {
        const { first } = await new DistantHost(offsetMs, delays).measure();
        expect(Math.abs(first.offsetMs - offsetMs)).toBeLessThanOrEqual(first.uncertaintyMs + 1e-6);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test('is exact where both ways take the same', async () => {
    const property = fc.asyncProperty(
      offset,
      fc.array(delayMs, { minLength: 1, maxLength: 12 }),
      async (offsetMs, delays) => {
        const host = new DistantHost(
          offsetMs,
          delays.map((each) => ({ thereMs: each, backMs: each })),
        );
        expect((await host.measure()).first.offsetMs).toBeCloseTo(offsetMs, 3);
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  test('is that of the shortest round trip, and half of that is what it may be wrong by', () => {
    const slow = { askedMs: 0, hostMs: 1090, answeredMs: 100 };
    const fast = { askedMs: 200, hostMs: 1203, answeredMs: 204 };
    expect(clockOf([slow, fast])).toEqual({ offsetMs: 1001, uncertaintyMs: 2 });
  });

  test('is told with its drift, the largest uncertainty, and what it was first', async () => {
    const host = new DistantHost(5000, [{ thereMs: 1, backMs: 1 }], 50);
    const clock = await host.measure();
    const before = host.trueOffsetMs;
    host.nowMs += 3_600_000;
    await clock.again();
    const report = clock.report('b');
    expect(report).toMatchObject({ host: 'b', first: clock.first, uncertaintyMs: 1 });
    // 50 millionths of an hour.
    expect(report.driftMs).toBeCloseTo(180, 1);
    expect(report.last.offsetMs - before).toBeCloseTo(180, 1);
  });

  test('stands as it was measured before, where the host does not answer any more', async () => {
    const host = new DistantHost(70, [{ thereMs: 3, backMs: 3 }]);
    const clock = await host.measure();
    host.isGone = true;
    await clock.again();
    expect(clock.report('b')).toEqual({
      host: 'b',
      first: clock.first,
      last: clock.first,
      driftMs: null,
      uncertaintyMs: 3,
    });
  });

  test('cannot be had of a host that never answers', async () => {
    const host = new DistantHost(0, [{ thereMs: 1, backMs: 1 }]);
    host.isGone = true;
    await expect(host.measure()).rejects.toThrow('no answer');
  });
});

describe('times that go to a host and come back', () => {
  test('stay on the seconds of the run, for a day and between clocks that are years apart', async () => {
    const property = fc.asyncProperty(
      fc.double({ min: 0, max: 1e11, noNaN: true }),
      fc.double({ min: -1e11, max: 1e11, noNaN: true }),
      fc.integer({ min: 1, max: 86_400 }),
      async (startMs, offsetMs, second) => {
        const clock = await new DistantHost(offsetMs, [{ thereMs: 0.3, backMs: 0.7 }]).measure();
        // As an agent does: from the start that it was told, in its own time, a second after the other.
        let agentMs = clock.toHost(startMs);
        for (let each = 0; each < second; each += 1) agentMs += 1000;
        const seconds = (clock.fromHost(agentMs) - startMs) / 1000;
        // What TimelineRecorder takes for the end of a second is within a millionth of it.
        expect(Math.abs(seconds - second)).toBeLessThan(1e-6);
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });
});
