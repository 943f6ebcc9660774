import type { Histogram } from 'hdr-histogram-js';
import { agentLosses, whoWords } from '../../record/agent-losses.js';
import { type Damage, damageWords } from '../../record/damage.js';
import { RECORD_FILES } from '../../record/folder.js';
import { LATENCY_KINDS, type LatencyKind, type RunRecord } from '../../record/run.js';
import type { TimelineSample } from '../../record/timeline.js';
import { formatCount, formatMoment } from '../format.js';
import { percentileCurves } from '../latency-log.js';
import type { ReportedRun } from '../reported-run.js';
import { alertSentence, backlogSentence } from '../statement.js';
import type { ChartPlan, ReportData } from './chart-plan.js';
import { thinned } from './drawn-points.js';
import { nodeCharts } from './node-charts.js';
import { serverMetricsCharts } from './server-metrics.js';
import {
  connectionsChart,
  failuresChart,
  latencyChart,
  line,
  messagesChart,
  resourceCharts,
  rounded,
  timeChart,
} from './time-charts.js';

/**
 * More lines than these cannot be told apart; the table below the chart has all of them.
 * Red is left out: it marks the alerts.
 */
const QUEUE_COLOURS = [1, 2, 3, 5, 6, 8, 7];

/** A flapping queue may raise hundreds; run.json has them all. */
const ALERTS_TOLD = 8;
/** More lines hide the curves; the section on agents has more. */
const LOSSES_DRAWN = 5;
/** A run with twenty kills has a hundred such marks; run.json has them all. */
const HOMES_TOLD = 24;

const DASHES = ['solid', 'dashed', 'dotted'] as const;

/** All charts of the report, in the order in which they are read. */
export function reportData({ record, samples, histograms, damage }: ReportedRun): ReportData {
  const charts = [
    {
      ...connectionsChart(samples),
      notes: [
        phaseSentence(record),
        ...markSentences(record),
        ...lossMarkSentences(record),
        ...homeSentences(record),
      ],
    },
    failuresChart(record, samples),
    messagesChart(record, samples),
    latencyChart(samples),
    distributionChart(histograms),
    ...queuesChart(record, samples),
    ...serverMetricsCharts(record, samples),
    ...nodeCharts(samples),
    ...resourceCharts(record, samples),
  ];
  return {
    durationSeconds: Math.max(record.durationSeconds, samples.at(-1)?.t ?? 0),
    phases: record.phases,
    marks: [...actionMarks(record), ...lossMarks(record)],
    homeMarks: homeMarks(record),
    charts: charts.map((chart) => {
      if (chart.x === 'percentile') return chart;
      return samples.length > 0 ? thinned(chart) : withoutTimeline(chart, damage);
    }),
  };
}

/** The chart has no room to name a short phase. */
function phaseSentence(record: RunRecord): string {
  const words = record.phases.map(
    ({ name, startSeconds, endSeconds }) =>
      `${name} ${formatMoment(startSeconds)} to ${formatMoment(endSeconds)}`,
  );
  return `Phases: ${words.join(', ')}.`;
}

function actionMarks({ marks }: RunRecord): RunRecord['marks'] {
  return marks.filter(({ isOfCluster }) => !isOfCluster);
}

function homeMarks({ marks }: RunRecord): RunRecord['marks'] {
  return marks.filter(({ isOfCluster }) => isOfCluster);
}

function homeSentences(record: RunRecord): string[] {
  const marks = homeMarks(record);
  if (marks.length === 0) return [];
  const words = marks
    .slice(0, HOMES_TOLD)
    .map(({ atSeconds, label }) => `${label} at ${formatMoment(atSeconds)}`);
  const rest = marks.length > HOMES_TOLD ? `, and ${marks.length - HOMES_TOLD} more in run.json` : '';
  return [`Homes, the ticks at the foot: ${words.join(', ')}${rest}.`];
}

function markSentences(record: RunRecord): string[] {
  const marks = actionMarks(record);
  if (marks.length === 0) return [];
  const words = marks.map(
    ({ atSeconds, label }, index) => `${index + 1} ${label} at ${formatMoment(atSeconds)}`,
  );
  return [`Actions, the numbered lines: ${words.join(', ')}.`];
}

/** A loss is a line in every chart as well, numbered on from the actions. */
function lossMarks({ hosts }: RunRecord): ReportData['marks'] {
  return agentLosses(hosts)
    .slice(0, LOSSES_DRAWN)
    .map((loss) => ({ atSeconds: loss.fromSeconds, label: `${whoWords(loss)} lost` }));
}

function lossMarkSentences(record: RunRecord): string[] {
  const words = lossMarks(record).map(
    ({ atSeconds, label }, index) =>
      `${actionMarks(record).length + index + 1} ${label} at ${formatMoment(atSeconds)}`,
  );
  return words.length === 0 ? [] : [`Losses, numbered lines as well: ${words.join(', ')}.`];
}

function withoutTimeline(chart: ChartPlan, damage: readonly Damage[]): ChartPlan {
  const why = damage.find(({ file }) => file === RECORD_FILES.timeline);
  const words = why ? damageWords(why) : 'the run ended before its first second did';
  return { ...chart, empty: `The record holds no timeline: ${words}.` };
}

function distributionChart(histograms: Partial<Record<LatencyKind, Histogram>>): ChartPlan {
  const { positions, curves } = percentileCurves(histograms);
  const colours: Record<LatencyKind, number> = {
    connect: 7,
    accepted: 2,
    delivered: 1,
    deliveredSinceSent: 6,
    waiting: 4,
    receipt: 5,
  };
  const recorded = LATENCY_KINDS.filter((kind) => curves[kind] !== undefined);
  return {
    id: 'distribution',
    title: 'Latency by percentile',
    subtitle: 'of the whole run; each step to the right is ten times rarer',
    x: 'percentile',
    xs: positions.map((position) => Number(position.toFixed(4))),
    unit: 'ms',
    scale: 'log',
    isHalf: false,
    variants: [
      {
        label: 'all',
        series: recorded.map((kind) => ({
          label: kind,
          values: (curves[kind] ?? []).map((value) =>
            value === null ? null : Math.max(0.001, rounded(value)),
          ),
          colour: colours[kind],
          dash:
            kind === 'accepted' || kind === 'receipt' ? 'dashed' : kind === 'connect' ? 'dotted' : 'solid',
          isFilled: false,
        })),
      },
    ],
    alerts: [],
    empty: recorded.length === 0 ? 'No latency was recorded.' : null,
    notes:
      recorded.length === 0
        ? []
        : ['A curve ends where there were too few values to tell the percentile from the maximum.'],
  };
}

/** None where there is nothing to draw and nothing to say. */
function queuesChart(record: RunRecord, samples: TimelineSample[]): ChartPlan[] {
  const peaks = new Map<string, number>();
  for (const sample of samples) {
    for (const [name, length] of Object.entries(sample.server?.queues ?? {})) {
      peaks.set(name, Math.max(peaks.get(name) ?? 0, length));
    }
  }
  // The lines of all workers together; those of each would lie below them.
  const whole = [...peaks].filter(([name]) => !name.includes('#') || !peaks.has(name.split('#')[0] ?? name));
  const longest = whole.sort(([, one], [, other]) => other - one).map(([name]) => name);
  const drawn = longest.slice(0, QUEUE_COLOURS.length);
  const series = drawn.map((name, index) =>
    line(samples, name, QUEUE_COLOURS[index] ?? 7, (sample) => sample.server?.queues[name], {
      dash: DASHES[index % 3] ?? 'solid',
    }),
  );
  const plan = timeChart(
    samples,
    'queues',
    'Queue backlogs',
    'items waiting, highest of each second',
    'count',
    series,
  );
  const { alerts } = record.backlog;
  const sentence = backlogSentence(record);
  if (series.length === 0 && sentence === undefined) return [];
  const notes = [
    ...[sentence ?? []].flat(),
    ...alerts.slice(0, ALERTS_TOLD).map((alert) => `⚠ ${alertSentence(alert)}.`),
  ];
  if (alerts.length > ALERTS_TOLD)
    notes.push(`⚠ and ${formatCount(alerts.length - ALERTS_TOLD)} more alerts.`);
  if (longest.length > drawn.length) {
    notes.push(
      `The ${drawn.length} longest of ${formatCount(longest.length)} queues are drawn; the table has all.`,
    );
  }
  const chart = {
    ...plan,
    alerts: alerts.map(({ queue, startSeconds, endSeconds, threshold }) => ({
      label: queue,
      startSeconds,
      endSeconds: endSeconds ?? record.durationSeconds,
      threshold,
    })),
    empty: series.length === 0 ? (sentence ?? null) : null,
    notes: series.length === 0 ? [] : notes,
  };
  return [chart];
}
