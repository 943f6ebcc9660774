import fc from 'fast-check';
import { HistogramLogReader } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import type { AgentSample } from '../../../loadgen/agent-messages.js';
import { LatencyRecorder } from '../../../loadgen/recording/latency-recorder.js';

function sampleOf(valuesMs: number[]): AgentSample {
  const histograms = new IntervalHistograms();
  for (const value of valuesMs) histograms.record('delivered', value);
  return { latency: histograms.take() } as AgentSample;
}

/** Nearest rank, the definition of HdrHistogram. */
function exactPercentile(values: number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] as number;
}

const latencies = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { maxLength: 60 });

test('percentiles over agents and intervals are those of all values together, to three digits', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(latencies, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      (run) => {
        const recorder = new LatencyRecorder(() => undefined, 0);
        run.forEach((agents, second) => {
          recorder.add(agents.map(sampleOf), second, second + 1, 'talk');
        });
        const all = run.flat(2);
        const summary = recorder.summary('delivered');
        expect(summary.count).toBe(all.length);
        if (all.length === 0) {
          expect(summary).toEqual({
            count: 0,
            min: null,
            p50: null,
            p90: null,
            p99: null,
            p999: null,
            max: null,
          });
          return;
        }
        for (const [name, percent] of Object.entries({ p50: 50, p90: 90, p99: 99, max: 100 })) {
          const exact = exactPercentile(all, percent);
          const tolerance = exact * 0.001 + 0.001;
          expect(Math.abs((summary[name as 'p50'] as number) - exact)).toBeLessThanOrEqual(tolerance);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('the log is read back by a stock reader: intervals, tags, times and values', () => {
  let log = '';
  const startedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const recorder = new LatencyRecorder((text) => {
    log += text;
  }, startedAtMs);
  recorder.add([sampleOf([1, 2, 3]), sampleOf([4])], 0, 1, 'calm');
  recorder.add([sampleOf([])], 1, 2, 'calm');
  recorder.add([sampleOf([250])], 2, 3.5, 'storm');

  expect(recorder.summary('delivered', 'calm')).toMatchObject({ count: 4 });
  expect(recorder.summary('delivered', 'storm')).toMatchObject({ count: 1 });
  const reader = new HistogramLogReader(log);
  const first = reader.nextIntervalHistogram();
  expect([first?.tag, first?.totalCount, first?.startTimeStampMsec]).toEqual(['delivered', 4, startedAtMs]);
  expect(first?.getValueAtPercentile(100)).toBeCloseTo(4000, -1);
  const second = reader.nextIntervalHistogram();
  expect([second?.totalCount, second?.startTimeStampMsec]).toEqual([1, startedAtMs + 2000]);
  expect((second?.endTimeStampMsec ?? 0) - (second?.startTimeStampMsec ?? 0)).toBe(1500);
  expect(reader.nextIntervalHistogram()).toBeNull();
  expect(log).not.toContain('\n\n');
});
