/// <reference lib="dom" />
import type UPlot from 'uplot';
import { formatCount } from '../../format.js';
import type { ChartAlert, ReportData } from '../chart-plan.js';
import type { Colours } from './theme.js';

/** Room above the plot for the names of the phases, CSS pixels. */
export const PHASE_STRIP_HEIGHT = 22;
/** The same within the plot, for the numbers of the actions. */
const ACTION_STRIP_HEIGHT = 16;

/** Shades every other phase and writes their names into the strip above the plot. */
export function drawPhases(plot: UPlot, phases: ReportData['phases'], colours: Colours, font: string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const strip = PHASE_STRIP_HEIGHT * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - strip, bbox.width, bbox.height + strip);
  ctx.clip();
  ctx.font = font;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  phases.forEach((phase, index) => {
    const from = Math.max(bbox.left, plot.valToPos(phase.startSeconds, 'x', true));
    const to = Math.min(bbox.left + bbox.width, plot.valToPos(phase.endSeconds, 'x', true));
    if (to <= from) return;
    if (index % 2 === 0) {
      ctx.fillStyle = colours.phase;
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    }
    ctx.fillStyle = colours.phaseStrip;
    ctx.fillRect(from + ratio / 2, bbox.top - strip, to - from - ratio, strip - 4 * ratio);
    ctx.fillStyle = colours.text;
    const name = shortened(ctx, phase.name, to - from - 8 * ratio);
    ctx.fillText(name, from + 5 * ratio, bbox.top - strip / 2 - 1.5 * ratio);
  });
  ctx.restore();
}

/** Of CSS pixels. */
const TICK_HEIGHT = 7;

/** A dotted line for each action, with the number under which the words below the first chart tell of it. */
export function drawActions(plot: UPlot, marks: ReportData['marks'], colours: Colours, font: string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = colours.text;
  ctx.fillStyle = colours.text;
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  ctx.font = font;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'top';
  let namedTo = Number.NEGATIVE_INFINITY;
  marks.forEach(({ atSeconds }, index) => {
    const x = plot.valToPos(atSeconds, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const number = String(index + 1);
    // Numbers on top of each other say nothing.
    if (x < namedTo) return;
    ctx.fillText(number, x + 3 * ratio, bbox.top + 2 * ratio);
    namedTo = x + 6 * ratio + ctx.measureText(number).width;
  });
  ctx.restore();
}

/** A tick at the foot for each time that homes of a cluster went to another node. */
export function drawHomes(plot: UPlot, marks: ReportData['homeMarks'], colours: Colours): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const foot = bbox.top + bbox.height;
  ctx.save();
  ctx.strokeStyle = colours.text;
  ctx.lineWidth = 1.5 * ratio;
  for (const { atSeconds } of marks) {
    const x = plot.valToPos(atSeconds, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, foot);
    ctx.lineTo(x, foot - TICK_HEIGHT * ratio);
    ctx.stroke();
  }
  ctx.restore();
}

/** Hatches the time of each alert: a pattern, so that it shows without colour too. */
export function drawAlertSpans(plot: UPlot, alerts: ChartAlert[], colours: Colours): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  for (const alert of alerts) {
    const from = plot.valToPos(alert.startSeconds, 'x', true);
    // Wide enough to be seen, however short the alert.
    const width = Math.max(plot.valToPos(alert.endSeconds, 'x', true) - from, 3 * ratio);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.beginPath();
    ctx.rect(from, bbox.top, width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colours.alertFill;
    ctx.fillRect(from, bbox.top, width, bbox.height);
    ctx.strokeStyle = colours.alertFill;
    ctx.lineWidth = ratio;
    for (let x = from - bbox.height; x < from + width; x += 9 * ratio) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** A dashed line with words at each threshold that a queue grew past. */
export function drawThresholds(plot: UPlot, alerts: ChartAlert[], colours: Colours, font: string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const queuesAt = new Map<number, Set<string>>();
  for (const { threshold, label } of alerts) {
    queuesAt.set(threshold, (queuesAt.get(threshold) ?? new Set()).add(label));
  }
  ctx.save();
  ctx.fillStyle = colours.alert;
  ctx.lineJoin = 'round';
  ctx.font = font;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  const lineHeight = 15 * ratio;
  const taken: number[] = [];
  for (const [threshold, queues] of queuesAt) {
    const y = plot.valToPos(threshold, 'y', true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = colours.alert;
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const [first, ...others] = queues;
    const names = others.length > 1 ? `${first} and ${others.length} others` : [...queues].join(', ');
    const words = shortened(
      ctx,
      `⚠ threshold of ${names}: ${formatCount(threshold)}`,
      bbox.width - 16 * ratio,
    );
    // Above its line; below it where the numbers of the actions are.
    const above = y - 4 * ratio;
    const foot =
      above - lineHeight < bbox.top + ACTION_STRIP_HEIGHT * ratio
        ? Math.max(y + 4 * ratio, bbox.top + ACTION_STRIP_HEIGHT * ratio) + lineHeight
        : above;
    // Thresholds close together: the list below the chart has all of them.
    if (taken.some((other) => Math.abs(other - foot) < lineHeight)) continue;
    taken.push(foot);
    // A halo keeps the words legible where lines cross them.
    ctx.setLineDash([]);
    ctx.strokeStyle = colours.panel;
    ctx.lineWidth = 4 * ratio;
    ctx.strokeText(words, bbox.left + 8 * ratio, foot);
    ctx.fillText(words, bbox.left + 8 * ratio, foot);
  }
  ctx.restore();
}

function shortened(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  for (let length = text.length - 1; length >= 2; length -= 1) {
    const candidate = `${text.slice(0, length)}…`;
    if (ctx.measureText(candidate).width <= width) return candidate;
  }
  return '';
}
