import { z } from 'zod';
import { quote } from '../record/quantity.js';
import { readSeries } from './prometheus-series.js';
import type { MetricSeries, MetricsPage } from './scenario.js';
import { hasNoUser } from './target-address.js';

const MOST_SERIES = 100;

const EXAMPLE = 'broker_queue_length{queue="in"}';

const seriesSchema = z
  .string(`must be a series of the page, such as ${EXAMPLE}`)
  .transform((text, context): Omit<MetricSeries, 'name'> => {
    const trimmed = text.trim();
    const series = readSeries(trimmed);
    if (series && series.end === trimmed.length) {
      return { metric: series.metric, labels: Object.fromEntries(series.labels) };
    }
    context.addIssue({
      code: 'custom',
      message: `${quote(text)} is not a series; write a metric and, if it has several, labels of those to be added up, such as ${EXAMPLE}`,
    });
    return z.NEVER;
  });

/** `target.metrics`: what the server says of itself on a page in the text format of Prometheus. */
export const metricsPageSchema = z
  .strictObject(
    {
      url: z
        .url({
          protocol: /^https?$/,
          error: 'must be the URL of the page, such as http://127.0.0.1:9100/metrics',
        })
        .refine(hasNoUser, 'must not name a user or a password')
        .meta({ description: 'The page, read once a second.', shape: 'URL' }),
      series: z
        .record(z.string().regex(/^[A-Za-z_][\w-]{0,63}$/), seriesSchema, {
          error: ({ code }) =>
            code === 'invalid_key'
              ? 'is not a name; write letters, digits and dashes, such as queue'
              : `must be a map of names to series, such as {queue: '${EXAMPLE}'}`,
        })
        .refine((series) => Object.keys(series).length > 0, 'must name at least one series')
        .refine(
          (series) => Object.keys(series).length <= MOST_SERIES,
          `must be at most ${MOST_SERIES} series`,
        )
        .meta({
          description:
            'Names of your own, and what each is on the page: a metric with the labels that count. Several series that match are added up. In a gate: `serverMetrics.NAME.max`.',
          shape: 'map of names to series',
        }),
    },
    `must be a page and the series to read, such as {url: "http://127.0.0.1:9100/metrics", series: {queue: '${EXAMPLE}'}}`,
  )
  .transform(
    ({ url, series }): MetricsPage => ({
      url,
      series: Object.entries(series).map(([name, one]) => ({ name, ...one })),
    }),
  );
