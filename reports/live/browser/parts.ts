/// <reference lib="dom" />

import type { ReportCharts } from '../../html/browser/report-charts.js';
import type { ReportData } from '../../html/chart-plan.js';
import { growChart } from '../chart-growth.js';
import type { PageChange } from '../page-change.js';
import { keepState } from './kept-state.js';

const CHART = /^chart-/;

/** The page as it was made, which takes changes. */
export class LiveParts {
  readonly #report: ReportData;
  readonly #charts: ReportCharts;
  /** What waits for the reader to let go of the words that it replaces. */
  readonly #waiting = new Map<string, string>();

  constructor(report: ReportData, charts: ReportCharts) {
    this.#report = report;
    this.#charts = charts;
  }

  take({ title, parts, around, charts, gone, isWhole }: PageChange): void {
    document.title = `${title} · c2m`;
    Object.assign(this.#report, around);
    const redrawn = new Set(charts.flatMap((change) => ('plan' in change ? [change.id] : [])));
    const kept = new Set(charts.map(({ id }) => id));
    const removed = isWhole ? this.#report.charts.map(({ id }) => id).filter((id) => !kept.has(id)) : gone;
    for (const id of removed) this.#remove(id);
    for (const [name, html] of Object.entries(parts)) {
      if (!CHART.test(name)) this.#waiting.set(name, html);
      else if (redrawn.has(name.replace(CHART, '')) || html === '') replace(name, html);
      else replaceWords(name, html);
    }
    for (const [name, html] of this.#waiting) {
      if (isMarked(name)) continue;
      replace(name, html);
      this.#waiting.delete(name);
    }
    for (const change of charts) {
      if ('plan' in change) {
        this.#replace(change.plan);
        continue;
      }
      const plan = this.#report.charts.find(({ id }) => id === change.id);
      if (plan) growChart(plan, change.growth);
      this.#charts.grow(change.id);
    }
    // Phases, marks and the end of the axis are of all charts; those that have grown were drawn with them.
    const grown = new Set(charts.map(({ id }) => id));
    for (const { id } of this.#report.charts) if (!grown.has(id)) this.#charts.grow(id);
  }

  #replace(plan: ReportData['charts'][number]): void {
    const { charts } = this.#report;
    const index = charts.findIndex(({ id }) => id === plan.id);
    if (index < 0) charts.push(plan);
    else charts[index] = plan;
    this.#charts.draw(plan);
  }

  #remove(id: string): void {
    this.#report.charts = this.#report.charts.filter((plan) => plan.id !== id);
    this.#charts.remove(id);
  }
}

function placeOf(name: string): Element | null {
  return document.querySelector(`[data-part="${name}"]`);
}

/** Whether the reader is marking words in there, which would be lost. */
function isMarked(name: string): boolean {
  const [place, selection] = [placeOf(name), getSelection()];
  if (!place || !selection || selection.isCollapsed) return false;
  return selection.containsNode(place, true);
}

function replace(name: string, html: string): void {
  const place = placeOf(name);
  if (!place) return;
  const giveBack = keepState(place);
  place.innerHTML = html;
  giveBack();
}

/** The words around a chart that stays: the picture, its legend and its buttons are as they were. */
function replaceWords(name: string, html: string): void {
  const place = placeOf(name);
  if (!place) return;
  const made = document.createElement('template');
  made.innerHTML = html;
  for (const part of ['figcaption', '.chart-notes']) {
    const [old, fresh] = [place.querySelector(part), made.content.querySelector(part)];
    if (old && fresh) old.replaceWith(fresh);
    else if (old) old.remove();
    else if (fresh) place.querySelector('figure')?.append(fresh);
  }
}
