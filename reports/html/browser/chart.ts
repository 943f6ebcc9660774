/// <reference lib="dom" />
import type UPlot from 'uplot';
import { formatMoment } from '../../format.js';
import type { ChartPlan, ChartSeries, ReportData } from '../chart-plan.js';
import { makeLegend, makeTooltip } from './legend.js';
import {
  drawActions,
  drawAlertSpans,
  drawHomes,
  drawPhases,
  drawThresholds,
  PHASE_STRIP_HEIGHT,
} from './marks.js';
import {
  BYTE_STEPS,
  COUNT_STEPS,
  linearRange,
  logRange,
  logSplits,
  namedPercentiles,
  percentileSplits,
  percentileText,
  TIME_STEPS,
  tickText,
} from './scales.js';
import type { Colours } from './theme.js';

// The library's own script stands before this one in the page and leaves this global.
declare const uPlot: typeof UPlot;

const FONT_FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
const AXIS_FONT = `12px ${FONT_FAMILY}`;
const DASHES = { solid: [], dashed: [7, 4], dotted: [2, 3] };
/** What fits between the margins of a printed page, and three times on it, CSS pixels. */
const PRINT_SIZE = { full: { width: 660, height: 200 }, half: { width: 318, height: 180 } };

/** A chart in the page. */
export interface DrawnChart {
  /** Draws again with the colours of now; on paper in the width of the paper. */
  restyle(isPrinting: boolean): void;
  /** Its plan, or the report around it, holds other figures than before, and the same lines. What is zoomed in stays so. */
  grow(): void;
  /** What the reader has chosen, for the chart that takes its place. */
  readonly choice: ChartChoice;
  /** Takes it away with all that listens for it; the figure stays. */
  destroy(): void;
}

/** By their labels: which variant the reader has asked for, if any, and which lines are not shown. */
export interface ChartChoice {
  variant: string | undefined;
  hidden: ReadonlySet<string>;
}

/**
 * Draws `plan` into its figure. `colours` is asked at every drawing, so that a change of theme needs no new chart.
 * @param before what the reader had chosen of the chart in whose place this one is
 */
export function drawChart(
  figure: Element,
  plan: ChartPlan,
  report: ReportData,
  colours: () => Colours,
  before: ChartChoice = { variant: undefined, hidden: new Set() },
): DrawnChart {
  const place = figure.querySelector<HTMLElement>('.plot');
  const list = figure.querySelector('.legend');
  if (!place || !list) throw new Error(`the figure of chart ${plan.id} is incomplete`);
  let chosen = Math.max(
    0,
    plan.variants.findIndex(({ label }) => label === before.variant),
  );
  let asked = before.variant;
  let drawn = draw(before.hidden);

  const buttons = [...figure.querySelectorAll<HTMLButtonElement>('.choices button')];
  const press = (): void => {
    for (const [index, button] of buttons.entries())
      button.setAttribute('aria-pressed', String(index === chosen));
  };
  press();
  for (const [index, button] of buttons.entries()) {
    button.addEventListener('click', () => {
      chosen = index;
      asked = plan.variants[index]?.label;
      press();
      drawn.plot.destroy();
      drawn = draw(new Set());
    });
  }
  let isOnPaper = false;
  const resizes = new ResizeObserver(() => {
    if (!isOnPaper && place.clientWidth > 0 && place.clientWidth !== drawn.plot.width)
      drawn.plot.setSize(sizeOf(place, plan));
  });
  resizes.observe(place);

  function draw(hidden: ReadonlySet<string>): DrawnLines {
    const lines = plan.variants[chosen]?.series ?? [];
    list?.replaceChildren();
    return drawLines(place as HTMLElement, list as Element, plan, lines, report, colours, hidden);
  }

  return {
    restyle(isPrinting) {
      isOnPaper = isPrinting;
      drawn.plot.setSize(isPrinting ? PRINT_SIZE[plan.isHalf ? 'half' : 'full'] : sizeOf(place, plan));
      drawn.plot.redraw(false, true);
    },
    grow: () => drawn.grow(),
    get choice() {
      const hidden = drawn.plot.series.filter(({ show }) => show === false).map(({ label }) => String(label));
      return { variant: asked, hidden: new Set(hidden) };
    },
    destroy() {
      resizes.disconnect();
      drawn.plot.destroy();
    },
  };
}

/** The lines of one variant of a chart. */
interface DrawnLines {
  plot: UPlot;
  grow(): void;
}

function drawLines(
  place: HTMLElement,
  list: Element,
  plan: ChartPlan,
  lines: ChartSeries[],
  report: ReportData,
  colours: () => Colours,
  hidden: ReadonlySet<string>,
): DrawnLines {
  const isOverTime = plan.x === 'seconds';
  const labelFont = `${11 * devicePixelRatio}px ${FONT_FAMILY}`;
  // The library fires it while it is still building the chart, before there is a legend to update.
  let onCursor = (): void => undefined;
  const options: UPlot.Options = {
    ...sizeOf(place, plan),
    padding: [isOverTime ? PHASE_STRIP_HEIGHT + 2 : 10, 24, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      // On the samples and not between them, so that the line stands where the values were read.
      move: (self, left, top) => [
        left < 0 ? left : self.valToPos(plan.xs[self.posToIdx(left)] ?? 0, 'x'),
        top,
      ],
      drag: { x: isOverTime, y: false },
      points: { size: 8, width: 2 },
      ...(isOverTime ? { sync: { key: 'c2m' } } : {}),
    },
    scales: { x: { time: false, range: xRange(plan, report) }, y: yScale(plan) },
    axes: axesOf(plan, colours),
    series: [{}, ...lines.map((series) => lineOptions(series, colours, !hidden.has(series.label)))],
    hooks: {
      drawClear: [
        (self) => {
          if (isOverTime) drawPhases(self, report.phases, colours(), labelFont);
          drawAlertSpans(self, plan.alerts, colours());
        },
      ],
      setCursor: [() => onCursor()],
      draw: [
        (self) => {
          if (isOverTime) {
            drawActions(self, report.marks, colours(), labelFont);
            drawHomes(self, report.homeMarks, colours());
          }
          drawThresholds(self, plan.alerts, colours(), labelFont);
        },
      ],
    },
  };
  const data = (): UPlot.AlignedData =>
    [plan.xs, ...lines.map((series) => series.values)] as UPlot.AlignedData;
  const plot = new uPlot(options, data(), place);
  let drawnEnd = endOf(plan, report);
  const toggle = (index: number, show: boolean): void => plot.setSeries(index, { show });
  const updateLegend = makeLegend(list, plan, lines, hidden, toggle);
  const updateTooltip = makeTooltip(plot, plan, lines, (x) => phaseAt(report, x));
  onCursor = () => {
    const { left, idx } = plot.cursor;
    updateLegend((left ?? -1) >= 0 ? (idx ?? null) : null);
    updateTooltip();
  };
  return {
    plot,
    grow() {
      const { min = 0, max = drawnEnd } = plot.scales.x ?? {};
      const isZoomed = (min ?? 0) > 0 || (max ?? drawnEnd) < drawnEnd;
      drawnEnd = endOf(plan, report);
      plot.batch(() => {
        plot.setData(data(), !isZoomed);
        if (isZoomed) plot.setScale('x', { min: min ?? 0, max: max ?? drawnEnd });
      });
      onCursor();
    },
  };
}

function sizeOf(place: HTMLElement, plan: ChartPlan): { width: number; height: number } {
  const isNarrow = innerWidth < 640;
  return { width: place.clientWidth, height: isNarrow ? 250 : plan.isHalf ? 240 : 320 };
}

/** The whole run, also where the first and last second have no sample; what the reader zooms to is left alone. */
function xRange(plan: ChartPlan, report: ReportData): UPlot.Range.Function {
  return (_plot, low, high) => [
    low === null || low <= (plan.xs[0] ?? 0) ? 0 : low,
    high === null || high >= (plan.xs.at(-1) ?? 1) ? endOf(plan, report) : high,
  ];
}

function endOf(plan: ChartPlan, report: ReportData): number {
  return Math.max(plan.x === 'seconds' ? report.durationSeconds : (plan.xs.at(-1) ?? 1), 1);
}

function yScale(plan: ChartPlan): UPlot.Scale {
  return plan.scale === 'log' ? { distr: 3, range: logRange } : { range: linearRange(plan.unit) };
}

function axesOf(plan: ChartPlan, colours: () => Colours): UPlot.Axis[] {
  const common: UPlot.Axis = {
    font: AXIS_FONT,
    stroke: () => colours().quiet,
    grid: { stroke: () => colours().grid, width: 1 },
    ticks: { stroke: () => colours().grid, width: 1, size: 5 },
  };
  const x: UPlot.Axis =
    plan.x === 'seconds'
      ? { size: 34, space: 56, incrs: TIME_STEPS, values: (_plot, splits) => splits.map(formatMoment) }
      : {
          size: 34,
          space: 48,
          splits: percentileSplits,
          values: (_plot, splits) => splits.map((split) => (split === null ? '' : percentileText(split))),
          filter: (plot, splits) => namedPercentiles(splits, (split) => plot.valToPos(split, 'x')),
        };
  const y: UPlot.Axis = {
    size: 66,
    space: 36,
    values: (_plot, splits) => splits.map((split) => (split === null ? '' : tickText(split, plan.unit))),
  };
  if (plan.scale === 'log') {
    y.splits = logSplits;
    y.filter = (_plot, splits) => splits;
  } else if (plan.unit === 'bytes') y.incrs = BYTE_STEPS;
  else if (plan.unit === 'count' || plan.unit === 'perSecond') y.incrs = COUNT_STEPS;
  return [
    { ...common, ...x },
    { ...common, ...y },
  ];
}

function lineOptions(series: ChartSeries, colours: () => Colours, show: boolean): UPlot.Series {
  const colour = (): string => colours().series[series.colour - 1] ?? '#888';
  return {
    label: series.label,
    show,
    stroke: colour,
    width: series.dash === 'dotted' ? 1.5 : 2,
    dash: DASHES[series.dash],
    ...(series.isFilled ? { fill: () => `${colour()}1f` } : {}),
    points: {
      size: 5,
      // A value with no neighbour has no line; without a point it would not be seen at all.
      show: false,
      filter: () => lonePoints(series.values),
    },
  };
}

function lonePoints(values: (number | null)[]): number[] | null {
  const lone: number[] = [];
  values.forEach((value, index) => {
    const isAlone = (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;
    if (value !== null && isAlone) lone.push(index);
  });
  return lone.length > 0 ? lone : null;
}

function phaseAt(report: ReportData, x: number): string | null {
  const phase = report.phases.find(({ startSeconds, endSeconds }) => x > startSeconds && x <= endSeconds);
  return phase?.name ?? null;
}
