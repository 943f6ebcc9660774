import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { HistogramLogReader } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { emptyHistogram, IntervalHistograms, recordMs } from '../../../loadgen/agent/interval-histograms.js';
import type { AgentSample } from '../../../loadgen/agent-messages.js';
import { LatencyRecorder } from '../../../loadgen/recording/latency-recorder.js';
import type { LatencySummary } from '../../../record/run.js';

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

const PERCENTILES = { min: 0, p50: 50, p90: 90, p99: 99, p999: 99.9, max: 100 } as const;

/** What one histogram says that has seen all values; times in milliseconds. */
function summaryOf(valuesMs: readonly number[]): LatencySummary {
  if (valuesMs.length === 0)
    return { count: 0, min: null, p50: null, p90: null, p99: null, p999: null, max: null };
  const histogram = emptyHistogram();
  for (const value of valuesMs) recordMs(histogram, value);
  const percentiles = Object.entries(PERCENTILES).map(([name, percent]) => [
    name,
    histogram.getValueAtPercentile(percent) / 1000,
  ]);
  return { count: valuesMs.length, ...Object.fromEntries(percentiles) };
}

/** From a microsecond to an hour, and what is beyond counts as an hour. */
const anyLatency = fc.oneof(
  fc.double({ min: 0, max: 20, noNaN: true }),
  fc.double({ min: 0, max: 100_000, noNaN: true }),
  fc.double({ min: 3_000_000, max: 4_000_000, noNaN: true }),
);

test('percentiles that are merged are those of one histogram over all values, of the run, of a phase and of an interval', () => {
  const KINDS = ['delivered', 'accepted', 'lag'] as const;
  const PHASES = ['calm', 'storm'] as const;
  const value = fc.record({
    kind: fc.constantFrom(...KINDS),
    phase: fc.constantFrom(...PHASES),
    ms: anyLatency,
  });
  const agent = fc.array(value, { maxLength: 40 });
  const interval = fc.array(agent, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(interval, { minLength: 1, maxLength: 4 }), (run) => {
      const recorder = new LatencyRecorder(() => undefined, 0);
      const msOf = (values: typeof run, kind: string, phase?: string): number[] =>
        values
          .flat(2)
          .flatMap((each) =>
            each.kind === kind && (phase === undefined || each.phase === phase) ? [each.ms] : [],
          );
      run.forEach((agents, second) => {
        const samples = agents.map((values) => {
          const histograms = new IntervalHistograms('calm');
          histograms.beginPhase('storm', 1000);
          for (const { kind, phase, ms } of values) histograms.record(kind, ms, phase === 'calm' ? 0 : 2000);
          return { latency: histograms.take() };
        });
        const merged = recorder.add(samples, second, second + 1);
        for (const kind of ['delivered', 'accepted'] as const) {
          const { min: _, p999: __, ...expected } = summaryOf(msOf([agents], kind));
          expect(merged.latency[kind]).toEqual(expected.count === 0 ? null : expected);
        }
        const lag = summaryOf(msOf([agents], 'lag'));
        expect([merged.lagP99Ms, merged.lagMaxMs]).toEqual([lag.p99, lag.max]);
      });
      for (const kind of KINDS) {
        expect(recorder.summary(kind)).toEqual(summaryOf(msOf(run, kind)));
        for (const phase of PHASES)
          expect(recorder.summary(kind, phase)).toEqual(summaryOf(msOf(run, kind, phase)));
      }
    }),
    { numRuns: 50 },
  );
});

test('the log holds, interval by interval, what one histogram over the values of all agents does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.array(anyLatency, { maxLength: 30 }), { minLength: 1, maxLength: 4 }), {
        minLength: 1,
        maxLength: 4,
      }),
      (run) => {
        let log = '';
        const recorder = new LatencyRecorder((text) => {
          log += text;
        }, 0);
        run.forEach((agents, second) => {
          recorder.add(
            agents.map((values) => sampleOf(values)),
            second,
            second + 1,
          );
        });
        const reader = new HistogramLogReader(log);
        for (const agents of run) {
          const values = agents.flat();
          if (values.length === 0) continue;
          const read = reader.nextIntervalHistogram();
          const { count, p50, p99, max } = summaryOf(values);
          expect(read?.totalCount).toBe(count);
          for (const [percent, ms] of [
            [50, p50],
            [99, p99],
            [100, max],
          ] as const)
            expect((read?.getValueAtPercentile(percent) ?? Number.NaN) / 1000).toBe(ms);
        }
        expect(reader.nextIntervalHistogram()).toBeNull();
      },
    ),
    { numRuns: 30 },
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
