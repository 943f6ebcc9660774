import type { Unit } from '../../record/metrics.js';
import { isTold } from '../../record/promises.js';
import { LATENCY_KINDS, type LatencyKind, type RunRecord } from '../../record/run.js';
import type { IntervalLatency, TimelineSample } from '../../record/timeline.js';
import { hostCpu } from '../first-break/near-limits.js';
import { loadPhases } from '../load-phases.js';
import { noServerSentence } from '../statement.js';
import type { ChartPlan, ChartSeries, ChartVariant } from './chart-plan.js';

type Reading = (sample: TimelineSample) => number | null | undefined;
type Style = Partial<Pick<ChartSeries, 'dash' | 'isFilled'>>;

/** The charts over time that need no more than the timeline. */
export function connectionsChart(samples: TimelineSample[]): ChartPlan {
  return timeChart(samples, 'connections', 'Connections', 'clients, at the end of each second', 'count', [
    line(samples, 'open', 1, (sample) => sample.connections.open, { isFilled: true }),
    line(samples, 'opening', 2, (sample) => sample.connections.opening, { dash: 'dashed' }),
    line(samples, 'away', 3, (sample) => sample.connections.away, { dash: 'dashed' }),
  ]);
}

const NO_FAILURE =
  'No connect failed, no connection was dropped, and no message was refused, delivered twice or out of order.';

/** On an axis of its own: three failures beside five thousand connections would lie on the ground. */
export function failuresChart(record: RunRecord, samples: TimelineSample[]): ChartPlan {
  const series = [
    line(samples, 'connects failed', 4, ({ connections }) => connections.failed),
    line(samples, 'connections dropped', 2, ({ connections }) => connections.dropped, { dash: 'dashed' }),
    line(samples, 'messages refused', 5, ({ messages }) => messages.refused),
    line(samples, 'delivered twice', 6, ({ messages }) => messages.duplicated, { dash: 'dotted' }),
    // Some protocols have no order, and number what they deliver all the same.
    ...(isTold(record, 'messages.outOfOrder')
      ? [line(samples, 'out of order', 8, ({ messages }) => messages.outOfOrder, { dash: 'dotted' })]
      : []),
  ].filter(({ values }) => values.some((value) => value));
  const plan = timeChart(samples, 'failures', 'Failures', 'in each second', 'count', series);
  return series.length === 0 ? { ...plan, empty: NO_FAILURE } : plan;
}

export function messagesChart(record: RunRecord, samples: TimelineSample[]): ChartPlan {
  const rate = (count: (messages: TimelineSample['messages']) => number): Reading => {
    return (sample) => (sample.seconds > 0 ? count(sample.messages) / sample.seconds : null);
  };
  const series = [
    line(
      samples,
      'due',
      7,
      rate(({ due }) => due),
      { dash: 'dotted' },
    ),
    line(
      samples,
      'sent',
      1,
      rate(({ sent }) => sent),
    ),
    line(
      samples,
      'accepted',
      2,
      rate(({ accepted }) => accepted),
      { dash: 'dashed' },
    ),
    line(
      samples,
      'delivered',
      3,
      rate(({ delivered }) => delivered),
    ),
    line(
      samples,
      'receipted',
      5,
      rate(({ receipted }) => receipted),
      { dash: 'dashed' },
    ),
  ];
  // What the protocol cannot tell is no line at zero.
  const told = series.filter(({ label }) => isTold(record, `messages.${label}`));
  const plan = timeChart(samples, 'messages', 'Messages', 'messages a second', 'perSecond', told);
  const isSilent = series.every(({ values }) => values.every((value) => !value));
  return isSilent ? { ...plan, empty: silenceWords(record) } : plan;
}

function silenceWords(record: RunRecord): string {
  if (record.connections.peak === 0) return 'No message was sent: nobody logged in.';
  const rates = loadPhases(record).flatMap(({ messageRate, messageRateTo }) => [
    messageRate,
    messageRateTo ?? messageRate,
  ]);
  const isHolding = rates.length > 0 && rates.every((rate) => rate === 0);
  return isHolding ? 'No message was sent: the scenario only held connections.' : 'No message was sent.';
}

export function latencyChart(samples: TimelineSample[]): ChartPlan {
  const variants = LATENCY_KINDS.filter((kind) =>
    samples.some((sample) => sample.latency[kind] !== null),
  ).map((kind) => latencyVariant(samples, kind));
  // The latency that decides whether people are content comes first; the others are one click away.
  variants.sort((one, other) => Number(other.label === 'delivered') - Number(one.label === 'delivered'));
  return {
    ...timeChart(
      samples,
      'latency',
      'Latency over time',
      'percentiles of each second, logarithmic',
      'ms',
      [],
    ),
    scale: 'log',
    variants,
    empty: variants.length === 0 ? 'No latency was recorded.' : null,
  };
}

export function resourceCharts(record: RunRecord, samples: TimelineSample[]): ChartPlan[] {
  const half = (plan: ChartPlan): ChartPlan => ({ ...plan, isHalf: true });
  const serverNotes = samples.some((sample) => sample.server) ? [] : [noServerSentence(record)];
  const cpu = timeChart(samples, 'cpu', 'CPU', 'cores in use', 'cores', [
    line(samples, 'server', 1, (sample) => sample.server?.cpu, { isFilled: true }),
    line(samples, 'agents', 2, (sample) => sample.generator.cpu, { dash: 'dashed' }),
    // Whoever used it: a host that is full is seen to be, also where server and agents use little of it.
    hostLine(record, samples),
  ]);
  // What TCP takes is told to root only; the whole slab stands in for it, and would dwarf it where both are known.
  const knowsTcpSlab = samples.some((sample) => sample.kernel.tcpSlabBytes !== null);
  const memory = timeChart(samples, 'memory', 'Memory', 'bytes held', 'bytes', [
    line(samples, 'server, private', 1, (sample) => sample.server?.privateBytes),
    line(samples, 'agents, private', 2, (sample) => sample.generator.privateBytes, { dash: 'dashed' }),
    knowsTcpSlab
      ? line(samples, 'kernel, TCP sockets', 3, (sample) => sample.kernel.tcpSlabBytes)
      : line(samples, 'kernel, all slabs', 7, (sample) => sample.kernel.slabBytes, { dash: 'dotted' }),
    line(samples, 'socket buffers', 5, (sample) => sample.kernel.socketBufferBytes, { dash: 'dashed' }),
  ]);
  const lag = timeChart(
    samples,
    'generator-lag',
    'Generator lag',
    'how late messages left after they were due',
    'ms',
    [
      line(samples, 'p99', 1, (sample) => sample.generator.lagP99Ms),
      line(samples, 'max', 4, (sample) => sample.generator.lagMaxMs, { dash: 'dotted' }),
    ],
  );
  const loop = timeChart(samples, 'event-loop-lag', 'Event-loop lag', 'how late timers fired', 'ms', [
    line(samples, 'server', 1, (sample) => sample.server?.eventLoopLagMs),
    line(samples, 'agents', 2, (sample) => sample.generator.eventLoopLagMs, { dash: 'dashed' }),
  ]);
  return [
    half({ ...cpu, notes: serverNotes }),
    half({ ...memory, notes: serverNotes }),
    half({ ...lag, empty: lag.empty && 'No message fell due, so none could be late.' }),
    half({ ...loop, notes: serverNotes }),
  ];
}

/** A chart over the run's seconds; series that were never recorded are left out. */
export function timeChart(
  samples: TimelineSample[],
  id: string,
  title: string,
  subtitle: string,
  unit: Unit,
  series: ChartSeries[],
): ChartPlan {
  const recorded = series.filter(({ values }) => values.some((value) => value !== null));
  return {
    id,
    title,
    subtitle,
    x: 'seconds',
    xs: samples.map((sample) => rounded(sample.t)),
    unit,
    scale: 'linear',
    isHalf: false,
    variants: [{ label: title, series: recorded }],
    alerts: [],
    empty: recorded.length === 0 ? 'Nothing was recorded.' : null,
    notes: [],
  };
}

/** One line of a chart over time. */
export function line(
  samples: TimelineSample[],
  label: string,
  colour: number,
  read: Reading,
  style: Style = {},
): ChartSeries {
  const values = samples.map((sample) => {
    const value = read(sample);
    return value === null || value === undefined ? null : rounded(value);
  });
  return { label, values, colour, dash: style.dash ?? 'solid', isFilled: style.isFilled ?? false };
}

/** Cores of the host of the coordinator that were in use, second by second. */
function hostLine(record: RunRecord, samples: readonly TimelineSample[]): ChartSeries {
  const values = samples.map(({ t, kernel }, index) => {
    const before = samples[index - 1];
    if (!before || before.kernel.busySeconds <= 0 || t <= before.t) return null;
    const used = (kernel.busySeconds - before.kernel.busySeconds) / (t - before.t);
    return rounded(Math.max(0, Math.min(record.environment.cores, used)));
  });
  return {
    label: hostCpu(record).replace('CPU of ', ''),
    values,
    colour: 7,
    dash: 'dotted',
    isFilled: false,
  };
}

/** Five significant digits are more than a pixel can show, and keep the page small. */
export function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(5));
}

function latencyVariant(samples: TimelineSample[], kind: LatencyKind): ChartVariant {
  const percentile = (name: keyof IntervalLatency): Reading => {
    // A logarithmic axis has no zero; a microsecond is what the histograms tell apart.
    return (sample) => (sample.latency[kind] ? Math.max(0.001, sample.latency[kind][name]) : null);
  };
  return {
    label: kind,
    series: [
      line(samples, 'p50', 3, percentile('p50')),
      line(samples, 'p90', 2, percentile('p90'), { dash: 'dashed' }),
      line(samples, 'p99', 1, percentile('p99')),
      line(samples, 'max', 4, percentile('max'), { dash: 'dotted' }),
    ],
  };
}
