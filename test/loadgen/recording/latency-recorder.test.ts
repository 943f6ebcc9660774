import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { HistogramLogReader } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import type { AgentSample } from '../../../loadgen/agent-messages.js';
import { LatencyRecorder } from '../../../loadgen/recording/latency-recorder.js';

function sampleOf(valuesMs: number[], phase = 'talk'): AgentSample {
  const histograms = new IntervalHistograms(phase);
  for (const value of valuesMs) histograms.record('delivered', value, 0);
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
          recorder.add(
            agents.map((values) => sampleOf(values)),
            second,
            second + 1,
          );
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
  recorder.add([sampleOf([1, 2, 3], 'calm'), sampleOf([4], 'calm')], 0, 1);
  recorder.add([sampleOf([], 'calm')], 1, 2);
  recorder.add([sampleOf([250], 'storm')], 2, 3.5);

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

test('what was due in a phase belongs to it, whenever it is over', () => {
  const histograms = new IntervalHistograms('connect');
  histograms.beginPhase('calm', 1000);
  histograms.beginPhase('spike', 2000);
  histograms.record('delivered', 100, 1500);
  histograms.beginPhase('drain', 3000);
  histograms.record('delivered', 5000, 2500);
  histograms.record('delivered', 1, 3000);
  histograms.record('connect', 9000, 500);
  const recorder = new LatencyRecorder(() => undefined, 0);
  recorder.add([{ latency: histograms.take() }], 6, 7);

  const countOf = (phase: string) => recorder.summary('delivered', phase).count;
  expect(['connect', 'calm', 'spike', 'drain'].map(countOf)).toEqual([0, 1, 1, 1]);
  expect(recorder.summary('delivered', 'spike').max).toBeCloseTo(5000, -1);
  expect(recorder.summary('connect', 'connect').count).toBe(1);
  expect(recorder.summary('delivered').count).toBe(3);
});

test('the log tells a strict reader what it holds: no offset, and a ratio of one', () => {
  let log = '';
  const recorder = new LatencyRecorder((text) => {
    log += text;
  }, 0);
  recorder.add([sampleOf([1, 2, 3])], 0, 1);
  const encoded = log.trim().split(',').at(-1) ?? '';
  // Encoding V2 of HdrHistogram: cookie, length; then what is compressed.
  const bytes = Buffer.from(encoded, 'base64');
  expect(bytes.readUInt32BE(0)).toBe(0x1c849314);
  expect(bytes.readUInt32BE(4)).toBe(bytes.length - 8);
  const header = inflateSync(bytes.subarray(8));
  expect(header.readUInt32BE(0)).toBe(0x1c849313);
  expect(header.readInt32BE(8)).toBe(0);
  expect(header.readDoubleBE(32)).toBe(1);
});
