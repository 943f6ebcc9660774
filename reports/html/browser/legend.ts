/// <reference lib="dom" />
import type UPlot from 'uplot';
import type { ChartPlan, ChartSeries } from '../chart-plan.js';
import { positionText, valueText } from './scales.js';

/** Colour and dash of a line, for the legend and the tooltip; the style sheet draws it. */
function swatch(series: ChartSeries): HTMLElement {
  const mark = document.createElement('i');
  mark.className = `swatch ${series.dash}`;
  mark.style.setProperty('--colour', `var(--series-${series.colour})`);
  return mark;
}

function words(className: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * The legend under a chart: at rest each line's highest value, under the cursor its value there.
 * A click hides a line and shows it again.
 * @returns what to call when the cursor is at another index, or at none
 */
export function makeLegend(
  list: Element,
  plan: ChartPlan,
  lines: ChartSeries[],
  hidden: ReadonlySet<string>,
  toggle: (index: number, isShown: boolean) => void,
): (index: number | null) => void {
  const values = lines.map((series, position) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.setAttribute('aria-pressed', String(!hidden.has(series.label)));
    const value = words('value', '');
    button.append(swatch(series), words('label', series.label), value);
    button.addEventListener('click', () => {
      const isShown = button.getAttribute('aria-pressed') !== 'true';
      button.setAttribute('aria-pressed', String(isShown));
      toggle(position + 1, isShown);
    });
    const item = document.createElement('li');
    item.append(button);
    list.append(item);
    return value;
  });
  const update = (index: number | null): void => {
    lines.forEach((series, position) => {
      const element = values[position];
      if (!element) return;
      const text =
        index === null
          ? `max ${valueText(highestOf(series), plan.unit)}`
          : valueText(series.values[index], plan.unit);
      element.textContent = text;
      element.classList.toggle('is-rest', index === null);
    });
  };
  update(null);
  return update;
}

function highestOf({ values }: ChartSeries): number {
  return Math.max(...values.filter((value) => value !== null));
}

/**
 * The box beside the cursor with every value at that place.
 * @returns what to call when the cursor has moved
 */
export function makeTooltip(
  plot: UPlot,
  plan: ChartPlan,
  lines: ChartSeries[],
  phaseAt: (x: number) => string | null,
): () => void {
  const box = document.createElement('div');
  box.className = 'tooltip';
  box.hidden = true;
  plot.over.append(box);
  let isHovered = false;
  plot.over.addEventListener('mouseenter', () => {
    isHovered = true;
  });
  plot.over.addEventListener('mouseleave', () => {
    isHovered = false;
    box.hidden = true;
  });
  return () => {
    const { idx, left } = plot.cursor;
    const x = idx === null || idx === undefined ? undefined : plan.xs[idx];
    if (!isHovered || x === undefined || left === undefined || left < 0) {
      box.hidden = true;
      return;
    }
    const phase = plan.x === 'seconds' ? phaseAt(x) : null;
    const head = words('head', phase ? `${positionText(plan, x)} · ${phase}` : positionText(plan, x));
    const rows = lines.flatMap((series, position) => {
      if (!plot.series[position + 1]?.show) return [];
      const row = document.createElement('div');
      row.append(
        swatch(series),
        words('label', series.label),
        words('value', valueText(series.values[idx ?? 0], plan.unit)),
      );
      return [row];
    });
    box.replaceChildren(head, ...rows);
    box.hidden = false;
    const isRight = left > plot.over.clientWidth / 2;
    box.style.left = isRight ? 'auto' : `${left + 14}px`;
    box.style.right = isRight ? `${plot.over.clientWidth - left + 14}px` : 'auto';
  };
}
