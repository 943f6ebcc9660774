import { figureAt } from '../record/figure.js';
import { exportedName } from '../record/metric-names.js';
import { METRICS, metricAt } from '../record/metrics.js';
import type { RunRecord } from '../record/run.js';
import { type NumberFamily, pointsBy } from './family.js';

/** Nothing of these is known before the last message is accounted for: a zero would be a claim. */
const KNOWN_AT_THE_END =
  /^(messages\.(lost|unknown|unsent|heldBack|acceptedNotDelivered|deliveredNotReceipted|receiptedEarly|impliedAccepted)|connections\.unknown|durationSeconds)$/;

/** There are histograms of these, which can be added up as percentiles cannot. */
const HAS_HISTOGRAM = /^(latency\.|generator\.(lagMs|connectLagMs)\.|media\.\w+\.(latency|lagMs)\.)/;

/** Of queues, the length is a figure of every second; these are of the run. */
const OF_QUEUES = METRICS.map(({ path }) => path).filter((path) => path.startsWith('backlog.queues.<name>.'));

/** Figures of the whole run that no single second tells: memory a connection, CPU a message, how far queues fell behind. */
export function recordFamilies({
  record,
  hasEnded,
}: {
  record: RunRecord | undefined;
  hasEnded: boolean;
}): NumberFamily[] {
  if (!record) return [];
  const whole = METRICS.map(({ path }) => path)
    .filter((path) => !path.includes('<') && !HAS_HISTOGRAM.test(path))
    .filter((path) => hasEnded || !KNOWN_AT_THE_END.test(path))
    .flatMap((path) => {
      const value = figureAt(record, path);
      const { name, factor, isCounter } = exportedName(path);
      const family: NumberFamily = { ...named(path, name, isCounter), points: [] };
      return value === null ? [] : [{ ...family, points: [{ labels: {}, value: value * factor }] }];
    });
  return [...whole, ...queues(record), reasons(record)].filter(({ points }) => points.length > 0);
}

function named(path: string, name: string, isCounter: boolean): Omit<NumberFamily, 'points'> {
  return { name, help: metricAt(path)?.meaning ?? '', kind: isCounter ? 'counter' : 'gauge' };
}

function queues(record: RunRecord): NumberFamily[] {
  return OF_QUEUES.map((pattern) => {
    const field = pattern.slice('backlog.queues.<name>.'.length);
    const { name, factor, isCounter } = exportedName(pattern);
    const values = record.backlog.queues.flatMap((queue): [string, number][] => {
      const value = (queue as unknown as Record<string, unknown>)[field];
      return typeof value === 'number' ? [[queue.name, value * factor]] : [];
    });
    return { ...named(pattern, name, isCounter), points: pointsBy('queue', values) };
  });
}

function reasons(record: RunRecord): NumberFamily {
  const { name, isCounter } = exportedName('refusals.<reason>');
  return {
    ...named('refusals.<reason>', name, isCounter),
    points: pointsBy('reason', Object.entries(record.refusals)),
  };
}
