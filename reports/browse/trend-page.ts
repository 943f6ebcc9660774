import { metricAt, unitAt } from '../../record/metrics.js';
import { formatFigure, plural } from '../format.js';
import { escapeHtml } from '../html/markup.js';
import { stillPage } from '../html/still-page.js';
import { BROWSE_STYLE } from './browse-style.js';
import { metricList, verdictMark } from './list-page.js';
import type { ListedRun, RunFacts } from './listed-run.js';

/** More cannot be told apart, and the address of the page says which. */
export const MOST_DRAWN = 500;
/** Of the palette; more scenarios share colours, and the table names each. */
const COLOURS = 8;

export interface Trend {
  /** Path of a figure. */
  metric: string;
  /** Of the search that found the runs; empty: they were ticked, or are all. */
  search: string;
  runs: readonly ListedRun[];
  /** For the field to choose another. */
  metrics: readonly string[];
  /** That were ticked, to be asked for again. */
  ticked: readonly { side: string; id: string }[];
}

interface Point {
  run: ListedRun;
  facts: RunFacts;
  value: number;
  colour: number;
}

/** One figure over runs, from the oldest to the newest. It has no script. */
export function trendPage({ metric, search, runs, metrics, ticked }: Trend): string {
  const unit = unitAt(metric);
  const known = metricAt(metric);
  const points = pointsOf(runs, metric);
  const drawn = points.slice(-MOST_DRAWN);
  const label = known?.label ?? metric;
  const better = { higher: ' Lower is better.', lower: ' Higher is better.', neither: '' }[
    known?.worse ?? 'neither'
  ];
  const left = [
    ...(points.length < runs.length
      ? [`${plural(runs.length - points.length, 'run')} without this figure`]
      : []),
    ...(drawn.length < points.length ? [`${plural(points.length - drawn.length, 'older run')}`] : []),
  ].join(' and ');
  const hidden = ticked
    .map(({ side, id }) => `<input type="hidden" name="${side}" value="${escapeHtml(id)}">`)
    .join('');
  const main = `<section class="panel" id="trend">
<h1>${escapeHtml(label)}</h1>
<p class="quiet"><code>${escapeHtml(metric)}</code>. ${escapeHtml(known ? `${known.meaning}${better}` : 'The catalogue has no such figure.')}</p>
<p class="quiet">${escapeHtml(`Over ${plural(drawn.length, 'run')}${search === '' ? '' : ` found by “${search}”`}, oldest first${left === '' ? '' : `; left out: ${left}`}.`)}</p>
${drawn.length === 0 ? '<p class="empty">None of these runs has this figure.</p>' : chart(drawn, unit, label)}
<form class="ask" action="trend" method="get"><input type="hidden" name="q" value="${escapeHtml(search)}">${hidden}
<div><label for="metric">Another figure</label><input id="metric" name="metric" list="metrics" value="${escapeHtml(metric)}" autocomplete="off"></div>
<button class="button" type="submit">Draw</button></form>
${metricList(metrics)}
</section>
${drawn.length === 0 ? '' : table(drawn, unit, label)}`;
  return stillPage({
    title: `${label}, ${plural(drawn.length, 'run')}`,
    kind: 'trend',
    style: BROWSE_STYLE,
    main,
    home: './',
  });
}

function pointsOf(runs: readonly ListedRun[], metric: string): Point[] {
  const scenarios = [...new Set(runs.flatMap(({ facts }) => facts?.scenario ?? []))].sort();
  return runs
    .flatMap((run) => {
      const value = run.facts?.figure(metric) ?? null;
      if (!run.facts || value === null) return [];
      const colour = (scenarios.indexOf(run.facts.scenario) % COLOURS) + 1;
      return [{ run, facts: run.facts, value, colour }];
    })
    .sort((one, other) => one.facts.startedAt.localeCompare(other.facts.startedAt));
}

/** Places are shares of its width and height, so that its words have the same size on a phone and on a wide screen. */
function chart(points: readonly Point[], unit: ReturnType<typeof unitAt>, label: string): string {
  const values = points.map(({ value }) => value);
  const [low, high] = rangeOf(values);
  const x = (index: number): number => (points.length === 1 ? 56 : 14 + (84 * index) / (points.length - 1));
  const y = (value: number): number => 94 - (88 * (value - low)) / (high - low);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = low + share * (high - low);
    const at = y(value).toFixed(2);
    return `<line class="grid" x1="13%" x2="100%" y1="${at}%" y2="${at}%"/><text x="12%" y="${at}%" dy="4" text-anchor="end">${escapeHtml(formatFigure(value, unit))}</text>`;
  });
  const lastOf = new Map<string, number>();
  const lines = points.map(({ facts, value, colour }, index) => {
    const before = lastOf.get(facts.scenario);
    lastOf.set(facts.scenario, index);
    if (before === undefined) return '';
    const from = points[before] as Point;
    return `<line class="line c${colour}" x1="${x(before).toFixed(2)}%" y1="${y(from.value).toFixed(2)}%" x2="${x(index).toFixed(2)}%" y2="${y(value).toFixed(2)}%"/>`;
  });
  const dots = points.map(
    ({ run, facts, value, colour }, index) =>
      `<circle class="c${colour}" cx="${x(index).toFixed(2)}%" cy="${y(value).toFixed(2)}%" r="5"><title>${escapeHtml(`${run.path}: ${formatFigure(value, unit)}, ${facts.startedAt}`)}</title></circle>`,
  );
  const ends =
    points.length === 1
      ? ''
      : ` From ${formatFigure(values[0], unit)} to ${formatFigure(values.at(-1), unit)}.`;
  const spoken = `${label} over ${plural(points.length, 'run')}.${ends} The table below has each.`;
  return `<svg class="trend" role="img" aria-label="${escapeHtml(spoken)}">${grid.join('')}${lines.join('')}${dots.join('')}</svg>${key(points)}`;
}

/** From zero where that does not flatten what there is to see. */
function rangeOf(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) return low === 0 ? [0, 1] : [Math.min(0, 2 * low), Math.max(0, 2 * high)];
  const from = low >= 0 && low < high / 2 ? 0 : low - (high - low) * 0.1;
  return [from, high + (high - low) * 0.06];
}

function key(points: readonly Point[]): string {
  const colours = new Map(points.map(({ facts, colour }) => [facts.scenario, colour]));
  const items = [...colours].map(
    ([scenario, colour]) => `<li><span class="dot c${colour}"></span>${escapeHtml(scenario)}</li>`,
  );
  return `<ul class="key" aria-label="Scenarios">${items.join('')}</ul>`;
}

function table(points: readonly Point[], unit: ReturnType<typeof unitAt>, label: string): string {
  const rows = [...points]
    .reverse()
    .map(
      ({ run, facts, value }) =>
        `<tr><th scope="row"><a href="report/${run.id}">${escapeHtml(run.path)}</a></th><td data-head="scenario">${escapeHtml(facts.scenario)}</td><td class="started" data-head="started, UTC">${escapeHtml(facts.startedAt.slice(0, 19).replace('T', ' '))}</td><td data-head="verdict">${verdictMark(facts.verdict)}</td><td class="figure" data-head="${escapeHtml(label)}">${escapeHtml(formatFigure(value, unit))}</td></tr>`,
    );
  return `<section class="panel" id="values"><h2>Newest first</h2><div class="scroll"><table class="runs"><thead><tr><th scope="col">run</th><th scope="col">scenario</th><th scope="col">started, UTC</th><th scope="col">verdict</th><th scope="col" class="figure">${escapeHtml(label)}</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div></section>`;
}
