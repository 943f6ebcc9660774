import { describe, expect, test } from 'vitest';
import type { HistogramFamily } from '../../telemetry/family.js';
import { MOST_SERIES } from '../../telemetry/family.js';
import { prometheusPage } from '../../telemetry/prometheus-page.js';
import { runFamilies } from '../../telemetry/run-families.js';
import { recordFixture } from '../fixtures/record.js';
import { linesOf } from './page-lines.js';
import { runState, runUnderWay } from './run-state.js';

const pageOf = async (state = runUnderWay()) => linesOf(await prometheusPage(runFamilies(state)));

describe('the page of a run that goes on', () => {
  test('adds up what the seconds count, and shows the levels of the newest', async () => {
    const { samples } = recordFixture();
    const page = await pageOf();
    const sum = (of: (sample: (typeof samples)[number]) => number) =>
      samples.reduce((total, sample) => total + of(sample), 0);
    expect(page.get('c2m_run_messages_sent_total')).toBe(sum(({ messages }) => messages.sent));
    expect(page.get('c2m_run_messages_delivered_total')).toBe(sum(({ messages }) => messages.delivered));
    expect(page.get('c2m_run_connections_established_total')).toBe(
      sum(({ connections }) => connections.connected),
    );
    const last = samples.at(-1);
    expect(page.get('c2m_run_connections{state="open"}')).toBe(last?.connections.open);
    expect(page.get('c2m_run_messages_in_flight')).toBe(last?.messages.inFlight);
    expect(page.get('c2m_run_elapsed_seconds')).toBe(last?.t);
    expect(page.get('c2m_run_generator_memory_bytes')).toBe(last?.generator.privateBytes);
    expect(page.get('c2m_run_info{scenario="offline-backlog",version="1.2.3"}')).toBe(1);
    expect(page.get('c2m_run_generator_lag_limit_seconds')).toBe(0.05);
  });

  test('says which phase it is in', async () => {
    const page = await pageOf();
    const phases = ['connect', 'talk', 'third-away', 'return', 'drain'];
    expect(phases.map((phase) => page.get(`c2m_run_phase{phase="${phase}"}`))).toEqual([0, 0, 0, 1, 0]);
  });

  test('has latencies as a histogram whose buckets count upwards', async () => {
    const page = await pageOf();
    const bucket = (le: string) => page.get(`c2m_run_latency_seconds_bucket{kind="delivered",le="${le}"}`);
    expect([bucket('0.0005'), bucket('0.001'), bucket('0.1'), bucket('0.5'), bucket('60')]).toEqual([
      0, 2, 2, 3, 3,
    ]);
    expect(bucket('+Inf')).toBe(4);
    expect(page.get('c2m_run_latency_seconds_count{kind="delivered"}')).toBe(4);
    // To the three digits of an HDR histogram.
    expect(page.get('c2m_run_latency_seconds_sum{kind="delivered"}')).toBeCloseTo(90.2518, 0);
  });

  test('has each series once, also where a scenario has the same gate twice', async () => {
    const gate = { expression: 'messages.lost == 0', value: 0, passed: true };
    const state = runUnderWay((record) => {
      record.gates = [gate, gate];
    });
    const page = await prometheusPage(runFamilies(state));
    const series = page.split('\n').filter((line) => line.startsWith('c2m_run_gate_'));
    expect(series).toEqual([
      'c2m_run_gate_held{gate="messages.lost == 0"} 1',
      'c2m_run_gate_value{gate="messages.lost == 0"} 0',
    ]);
  });

  test('judges the gates so far, in base units', async () => {
    const page = await pageOf(
      runUnderWay((record) => {
        record.gates = [
          { expression: 'latency.delivered.p99 < 250ms', value: 300, passed: false },
          { expression: 'messages.lost == 0', value: 0, passed: true },
          { expression: 'latency.waiting.p99 < 1s', value: null, passed: false, note: 'none' },
        ];
      }),
    );
    expect(page.get('c2m_run_gate_held{gate="latency.delivered.p99 < 250ms"}')).toBe(0);
    expect(page.get('c2m_run_gate_value{gate="latency.delivered.p99 < 250ms"}')).toBeCloseTo(0.3);
    expect(page.get('c2m_run_gate_held{gate="messages.lost == 0"}')).toBe(1);
    expect([...page.keys()].filter((series) => series.includes('waiting.p99'))).toEqual([]);
  });

  test('claims nothing of losses and has no verdict before the run has ended', async () => {
    const state = runUnderWay();
    const before = await pageOf(state);
    expect(before.has('c2m_run_messages_lost_total')).toBe(false);
    expect([...before.keys()].filter((series) => series.includes('verdict'))).toEqual([]);
    state.ended(recordFixture((record) => (record.messages.lost = 3)).record);
    const after = await pageOf(state);
    expect(after.get('c2m_run_messages_lost_total')).toBe(3);
    expect(after.get('c2m_run_verdict{verdict="passed"}')).toBe(1);
    expect(after.get('c2m_run_phase{phase="return"}')).toBe(0);
  });

  test('keeps what the server said last through seconds in which it says nothing', async () => {
    const state = runUnderWay();
    const { samples } = recordFixture();
    const last = samples.at(-1) as (typeof samples)[number];
    const before = await pageOf(state);
    state.take({ ...last, t: last.t + 1, server: null });
    const after = await pageOf(state);
    const [queue] = Object.keys(last.server?.queues ?? {});
    expect(after.get(`c2m_run_queue_length{queue="${queue}"}`)).toBe(
      before.get(`c2m_run_queue_length{queue="${queue}"}`),
    );
    expect(after.get('c2m_run_server_memory_bytes')).toBe(last.server?.privateBytes);
  });

  test('does not claim that nothing was accepted where the protocol cannot tell', async () => {
    const state = runUnderWay((record) => {
      Object.assign(record.messages, { accepted: null, outOfOrder: null });
      record.target.driver = {
        name: 'nats',
        promises: {
          accepted: false,
          receipt: false,
          groups: false,
          storesForAway: false,
          marksRedelivery: false,
          recognizesRepetitions: false,
          order: 'none',
          delivery: 'at-most-once',
          recipient: 'partner',
        },
      };
    });
    const page = await pageOf(state);
    expect(page.has('c2m_run_messages_accepted_total')).toBe(false);
    expect(page.has('c2m_run_messages_out_of_order_total')).toBe(false);
    expect(page.has('c2m_run_messages_sent_total')).toBe(true);
  });

  test('of a run that has yet to begin tells what is known, and nothing else', async () => {
    const page = await pageOf(runState());
    expect(page.get('c2m_run_connections_target')).toBe(5000);
    expect(page.has('c2m_run_messages_sent_total')).toBe(false);
  });

  test('of several runs of a command says on every series which group it belongs to, and beside that which run it is', async () => {
    const place = { group: { variant: 'B' }, about: { number: '3' } };
    const page = await pageOf(runUnderWay(undefined, place));
    expect([...page.keys()].filter((series) => !series.includes('variant="B"'))).toEqual([]);
    expect(page.get('c2m_run_latency_seconds_count{kind="delivered",variant="B"}')).toBe(4);
    expect([...page.keys()].filter((series) => series.includes('number='))).toEqual([
      'c2m_run_info{scenario="offline-backlog",version="1.2.3",number="3",variant="B"}',
    ]);
  });

  test('has no name twice', () => {
    const state = runUnderWay();
    state.hasEnded = true;
    const names = runFamilies(state).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('what others name', () => {
  test('is bounded: a server that makes up reasons and queues makes the page no longer', async () => {
    const state = runUnderWay();
    const { samples } = recordFixture();
    const last = samples.at(-1) as (typeof samples)[number];
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`made-up-${index}`, 1]));
    state.take({
      ...last,
      connections: { ...last.connections, failures: many },
      server: last.server && { ...last.server, queues: many },
    });
    const page = await pageOf(state);
    const series = (name: string) => [...page.keys()].filter((each) => each.startsWith(`${name}{`));
    expect(series('c2m_run_queue_length').length).toBeLessThanOrEqual(MOST_SERIES);
    expect(series('c2m_run_connections_failures_total').length).toBeLessThanOrEqual(MOST_SERIES + 1);
    // None of them is lost.
    const failures = Object.values(state.failures).reduce((sum, count) => sum + count, 0);
    expect(failures).toBeGreaterThanOrEqual(5000);
  });

  test('ends no line and no label', async () => {
    const state = runUnderWay();
    const { samples } = recordFixture();
    const last = samples.at(-1) as (typeof samples)[number];
    const evil = 'a"} 1\nc2m_run_evil 1 # \\';
    state.take({ ...last, server: last.server && { ...last.server, queues: { [evil]: 7 } } });
    const text = await prometheusPage(runFamilies(state));
    expect(text).not.toMatch(/^c2m_run_evil/m);
    expect(text).toContain('c2m_run_queue_length{queue="a\\"} 1\\nc2m_run_evil 1 # \\\\"} 7');
  });
});

test('OpenMetrics has its counters without _total in their types, and an end', async () => {
  const text = await prometheusPage(runFamilies(runUnderWay()), 'openmetrics');
  expect(text).toContain('# TYPE c2m_run_messages_sent counter\nc2m_run_messages_sent_total ');
  expect(text).toMatch(/# EOF\n$/);
});

test('a latency that is past the last bound is in the bucket behind it', () => {
  const histogram = runFamilies(runUnderWay()).find(
    ({ name }) => name === 'c2m_run_latency_seconds',
  ) as HistogramFamily;
  expect(histogram.points[0]?.counts.at(-1)).toBe(1);
});
