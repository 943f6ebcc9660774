import type { ChartPlan } from './chart-plan.js';
import { escapeHtml } from './markup.js';

/** The frame that the page's script draws a chart into; words alone where there is nothing to draw. */
export function chartFigure(plan: ChartPlan): string {
  const head = `<figcaption><h2>${escapeHtml(plan.title)}</h2><p>${escapeHtml(plan.subtitle)}</p></figcaption>`;
  const notes =
    plan.notes.length > 0
      ? `<ul class="chart-notes">${plan.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`
      : '';
  const body =
    plan.empty === null
      ? `${choices(plan)}<div class="plot" role="img" aria-label="${escapeHtml(spoken(plan))}"></div><ul class="legend"></ul>`
      : `<p class="empty">${escapeHtml(plan.empty)}</p>`;
  return `<figure class="chart panel${plan.isHalf ? ' half' : ''}" id="chart-${plan.id}">${head}${body}${notes}</figure>`;
}

function choices(plan: ChartPlan): string {
  if (plan.variants.length < 2) return '';
  const buttons = plan.variants.map(
    ({ label }, index) => `<button type="button" aria-pressed="${index === 0}">${escapeHtml(label)}</button>`,
  );
  return `<div class="choices" role="group" aria-label="${escapeHtml(plan.title)}: which">${buttons.join('')}</div>`;
}

/** What a screen reader says in place of the picture. */
function spoken(plan: ChartPlan): string {
  const names = plan.variants[0]?.series.map(({ label }) => label).join(', ') ?? '';
  return `Chart: ${plan.title}, ${plan.subtitle}. Lines: ${names}.`;
}
