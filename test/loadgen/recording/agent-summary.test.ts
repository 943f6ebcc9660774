import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import type { AgentSample } from '../../../loadgen/agent-messages.js';
import { AgentSummaries } from '../../../loadgen/recording/agent-summary.js';
import { emptySample } from '../../../loadgen/recording/agent-sums.js';
import { LatencyRecorder } from '../../../loadgen/recording/latency-recorder.js';

const START_MS = 10_000;
const LIMIT_MS = 100;
/** The phases run from second 1 to second 3. */
const isTalking = (ms: number): boolean => ms > START_MS + 1000 && ms < START_MS + 3000;

/** A second of an agent that had used so much CPU by its end. */
function second(number: number, change: Partial<AgentSample> = {}): AgentSample {
  const [fromMs, toMs] = [START_MS + number * 1000, START_MS + (number + 1) * 1000];
  return { ...emptySample(), fromMs, toMs, cpuReadAtMs: toMs, ...change };
}

function lags(valuesMs: readonly number[], phase: string): AgentSample['latency'] {
  const histograms = new IntervalHistograms(phase);
  for (const value of valuesMs) histograms.record('lag', value, 0);
  histograms.record('delivered', 5000, 0);
  return histograms.take();
}

/** Summaries of so many agents, fed as a run feeds them: with samples as they come, and with histograms as they are decoded. */
function summaries(agents: number, samples: readonly { agent: number; sample: AgentSample }[]) {
  const made = new AgentSummaries(agents, isTalking);
  const latency = new LatencyRecorder(
    () => undefined,
    0,
    (sample) => made.lagOf(sample),
  );
  for (const { agent, sample } of samples) made.take(agent, sample);
  latency.add([...samples.map(({ sample }) => sample), { latency: lags([9999], 'talk') }], 0, 1);
  return { of: (agent: number) => made.figures(agent, LIMIT_MS), merged: latency.summary('lag') };
}

describe('the lag of an agent', () => {
  test('is its own over the run, whatever the others were, and its late messages are those past the limit', () => {
    const lag = fc.array(fc.double({ min: 0.01, max: 400, noNaN: true }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.array(lag, { minLength: 1, maxLength: 3 }), { maxLength: 4 }), (run) => {
        const told = run.flatMap((seconds, agent) =>
          seconds.map((values, index) => ({
            agent,
            sample: second(index, { latency: lags(values, index % 2 === 0 ? 'talk' : 'storm') }),
          })),
        );
        const { of, merged } = summaries(run.length, told);
        expect(merged.count).toBe(run.flat(2).length + 1);
        run.forEach((seconds, agent) => {
          const sorted = seconds.flat().sort((one, other) => one - other);
          const { lagP99Ms, lagMaxMs, late } = of(agent);
          const exact = sorted[Math.ceil(sorted.length * 0.99) - 1] as number;
          expect(Math.abs((lagP99Ms as number) - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001);
          expect(lagMaxMs as number).toBeCloseTo(sorted.at(-1) as number, 0);
          // In the bucket of the limit itself nobody can tell.
          const past = (ms: number): number => sorted.filter((value) => value > ms).length;
          expect(late).toBeGreaterThanOrEqual(past(LIMIT_MS * 1.002));
          expect(late).toBeLessThanOrEqual(past(LIMIT_MS * 0.998));
        });
      }),
      { numRuns: 40 },
    );
  });

  test('is null where it sent nothing', () => {
    const { of } = summaries(1, [{ agent: 0, sample: second(0) }]);
    expect(of(0)).toMatchObject({ lagP99Ms: null, lagMaxMs: null, late: 0 });
  });
});

test('rates and CPU of an agent are of the time in which the phases ran', () => {
  const { of } = summaries(
    1,
    [0, 1, 2, 3].map((number) => ({
      agent: 0,
      sample: second(number, {
        delivered: [7, 100, 301, 5][number] as number,
        cpuSeconds: [0.9, 1.2, 1.9, 2.8][number] as number,
      }),
    })),
  );
  expect(of(0)).toMatchObject({ messagesPerSecond: 200.5, cpuCores: { mean: 0.5, peak: 0.7 } });
});

test('levels of an agent are the most that it had at any time', () => {
  const { of } = summaries(2, [
    { agent: 1, sample: second(0, { openPeak: 10, privateBytes: 500, eventLoopLagMs: 2 }) },
    { agent: 1, sample: second(1, { openPeak: 30, privateBytes: 400, eventLoopLagMs: 9 }) },
    { agent: 1, sample: second(2, { openPeak: 20, privateBytes: 450, eventLoopLagMs: 1 }) },
  ]);
  expect(of(1)).toMatchObject({ peak: 30, privateBytesPeak: 500, eventLoopLagMaxMs: 9 });
  expect(of(0)).toMatchObject({
    peak: 0,
    privateBytesPeak: null,
    eventLoopLagMaxMs: null,
    messagesPerSecond: null,
    cpuCores: { mean: null, peak: null },
  });
});
