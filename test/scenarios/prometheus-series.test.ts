import { expect, test } from 'vitest';
import { readSeries } from '../../scenarios/prometheus-series.js';

test.each([
  ['up', 'up', {}, ''],
  ['up 1', 'up', {}, ' 1'],
  ['http:requests_total{code="200"} 3', 'http:requests_total', { code: '200' }, ' 3'],
  ['q {a="1", b = "2",} 5 123', 'q', { a: '1', b: '2' }, ' 5 123'],
  ['q{} 5', 'q', {}, ' 5'],
  [
    String.raw`q{path="C:\\x",said="\"hi\"",line="a\nb}"} 1`,
    'q',
    { path: 'C:\\x', said: '"hi"', line: 'a\nb}' },
    ' 1',
  ],
])('%s is a series', (text, metric, labels, rest) => {
  const series = readSeries(text);
  expect(series).toMatchObject({ metric, end: text.length - rest.length });
  expect(Object.fromEntries(series?.labels ?? [])).toEqual(labels);
});

test.each(['', '{a="1"}', '1up', 'q{a=1}', 'q{a="1"', 'q{a="1" b="2"}', 'q{="1"}', String.raw`q{a="1\"}`])(
  '%s is none',
  (text) => {
    expect(readSeries(text)).toBeUndefined();
  },
);
