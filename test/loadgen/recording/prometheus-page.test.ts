import { expect, test } from 'vitest';
import { readPrometheusPage } from '../../../loadgen/recording/prometheus-page.js';

const PAGE = String.raw`# HELP broker_queue_length Items that wait.
# TYPE broker_queue_length gauge
broker_queue_length{queue="in",node="a"} 3
broker_queue_length{queue="in",node="b"} 4.5
broker_queue_length{queue="out",node="a"} 100 1700000000000

# broker_queue_length{queue="in"} 1000
broker_queue_length_max{queue="in"} 7
  indented_total 12
	tabbed	13
exemplar_bucket{le="1"} 5 # {trace_id="x"} 0.7 1700000000
odd{name="a\"b,c}d\\"} 1e3
wait_seconds{quantile="0.5"} NaN
wait_seconds{quantile="0.9"} 0.25
limit +Inf
floor -Inf
depth -4
broken{a="1" 5
nothing
# EOF
`.replaceAll('\n', '\r\n');

/** What the page says of one series. */
function saidOf(metric: string, labels: Record<string, string> = {}): number | undefined {
  return readPrometheusPage(PAGE, [{ name: 'it', metric, labels }]).get('it');
}

test('series that have the labels are added up', () => {
  expect(saidOf('broker_queue_length')).toBe(107.5);
  expect(saidOf('broker_queue_length', { queue: 'in' })).toBe(7.5);
  expect(saidOf('broker_queue_length', { queue: 'in', node: 'b' })).toBe(4.5);
  expect(saidOf('broker_queue_length', { queue: 'none' })).toBeUndefined();
});

test('a metric is not another whose name begins alike, and no comment', () => {
  expect(saidOf('broker_queue_length_max')).toBe(7);
  expect(saidOf('broker_queue')).toBeUndefined();
});

test.each([
  ['a time stamp', 'broker_queue_length', { queue: 'out' }, 100],
  ['an exemplar', 'exemplar_bucket', { le: '1' }, 5],
  ['blanks before', 'indented_total', {}, 12],
  ['tabs', 'tabbed', {}, 13],
  ['escapes', 'odd', { name: 'a"b,c}d\\' }, 1000],
  ['a sign', 'depth', {}, -4],
])('a line with %s is read', (_, metric, labels, value) => {
  expect(saidOf(metric, labels)).toBe(value);
});

test('what is no number is not told of, and does not spoil the sum', () => {
  expect(saidOf('wait_seconds')).toBe(0.25);
  expect(saidOf('wait_seconds', { quantile: '0.5' })).toBeUndefined();
  for (const metric of ['limit', 'floor', 'broken', 'nothing']) expect(saidOf(metric)).toBeUndefined();
});

test('one line may count for several names', () => {
  const series = ['one', 'other'].map((name) => ({ name, metric: 'depth', labels: {} }));
  expect([...readPrometheusPage(PAGE, series)]).toEqual([
    ['one', -4],
    ['other', -4],
  ]);
});
