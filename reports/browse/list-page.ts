import type { RunRecord } from '../../record/run.js';
import { formatCount, formatFigure, formatSeconds, NOT_MEASURED, plural } from '../format.js';
import { escapeHtml, icon } from '../html/markup.js';
import { stillPage } from '../html/still-page.js';
import { VERDICT_WORDS } from '../statement.js';
import { BROWSE_STYLE } from './browse-style.js';
import { addressOf, type ListQuery, SORTS, type SortKey, sorted } from './list-query.js';
import { foundBy, type ListedRun, type ListedSet } from './listed-run.js';

/** On a page; each has two boxes to tick. */
export const RUNS_SHOWN = 100;
const SETS_SHOWN = 20;

/** A folder of records at a moment. */
export interface Listing {
  /** For people. */
  folder: string;
  runs: readonly ListedRun[];
  sets: readonly ListedSet[];
  /** Paths of figures that any of them has. */
  metrics: readonly string[];
  /** Of so many records, this many have been read until now. */
  progress: { read: number; found: number };
  /** What of the folder is left out, in words; null: nothing. */
  leftOut: string | null;
}

const COLUMNS: readonly [SortKey, string][] = [
  ['run', 'run'],
  ['scenario', 'scenario'],
  ['started', 'started, UTC'],
  ['verdict', 'verdict'],
  ['durationSeconds', 'took'],
  ['connections.peak', 'peak'],
  ['messages.delivered', 'delivered'],
  ['latency.delivered.p99', 'delivered p99'],
  ['messages.lost', 'lost'],
];
const FIRST_FIGURE = 4;

/** The runs of a folder: to search, to sort, to open, to compare. It has no script. */
export function listPage(listing: Listing, query: ListQuery): string {
  const { folder, runs, sets, metrics, progress, leftOut } = listing;
  const found = sorted(foundBy(runs, query.search), query);
  const pages = Math.max(1, Math.ceil(found.length / RUNS_SHOWN));
  const page = Math.min(query.page, pages);
  const shown = found.slice((page - 1) * RUNS_SHOWN, page * RUNS_SHOWN);
  const ids = new Set(found.map(({ id }) => id));
  const foundSets = sets.filter((set) => set.runs.some(({ id }) => ids.has(id)));
  const isReading = progress.read < progress.found;
  const hint = isReading
    ? `<p class="quiet" role="status">${formatCount(progress.read)} of ${formatCount(progress.found)} records are read; <a href="${escapeHtml(addressOf(query, { page }))}">load again</a> for more.</p>`
    : '';
  const main = `<section class="panel" id="search">
<h1>Runs in ${escapeHtml(folder)}</h1>
<p class="quiet">${plural(runs.length, 'record')}${query.search === '' ? '' : `, ${formatCount(found.length)} found`}${leftOut === null ? '' : `. ${escapeHtml(leftOut)}`}</p>
${hint}${searchForm(query)}
</section>
<form class="chosen" action="compare" method="get">
<input type="hidden" name="q" value="${escapeHtml(query.search)}">
${setSection(foundSets)}
<section class="panel" id="runs">
<h2>Runs</h2>
${shown.length === 0 ? `<p class="empty">${runs.length === 0 ? 'There is no record below this folder; c2m run --out writes one.' : 'No record has all these words.'}</p>` : runTable(shown, query)}
${pageLinks(query, page, pages)}
<div class="doing">
<button class="button" type="submit">Compare those ticked</button>
<div><label for="metric">Figure</label><input id="metric" name="metric" list="metrics" value="latency.delivered.p99" autocomplete="off"></div>
<button class="button" type="submit" formaction="trend">Draw its trend</button>
</div>
<p class="quiet">A trend is drawn over the runs that are ticked, or over all that are found. A comparison sets those ticked as current against those ticked as base.</p>
${metricList(metrics)}
</section>
</form>`;
  return stillPage({ title: `Runs in ${folder}`, kind: 'runs', style: BROWSE_STYLE, main });
}

/** Phases and queues of thousands of runs have as many names; any path may be typed. */
const MOST_SUGGESTED = 1500;

/** Suggestions for a field that takes the path of a figure. */
export function metricList(metrics: readonly string[]): string {
  return `<datalist id="metrics">${metrics
    .slice(0, MOST_SUGGESTED)
    .map((path) => `<option value="${escapeHtml(path)}"></option>`)
    .join('')}</datalist>`;
}

function searchForm({ search, sort, isDescending }: ListQuery): string {
  const options = Object.entries(SORTS).map(
    ([key, words]) => `<option value="${key}"${key === sort ? ' selected' : ''}>${words}</option>`,
  );
  const order = (value: string, words: string, isChosen: boolean): string =>
    `<option value="${value}"${isChosen ? ' selected' : ''}>${words}</option>`;
  return `<form class="ask" action="./" method="get" role="search">
<div><label for="q">Search name, scenario, verdict</label><input type="search" id="q" name="q" value="${escapeHtml(search)}" maxlength="200"></div>
<div><label for="sort">Sort by</label><select id="sort" name="sort">${options.join('')}</select></div>
<div><label for="order">Order</label><select id="order" name="order">${order('down', 'highest or newest first', isDescending)}${order('up', 'lowest or oldest first', !isDescending)}</select></div>
<button class="button" type="submit">Show</button>
</form>`;
}

function runTable(runs: readonly ListedRun[], query: ListQuery): string {
  const head = COLUMNS.map(([key, words], column) => {
    const isSorted = key === query.sort;
    const change = { sort: key, isDescending: isSorted ? !query.isDescending : key !== 'run' };
    const sortState = isSorted ? ` aria-sort="${query.isDescending ? 'descending' : 'ascending'}"` : '';
    const arrow = isSorted ? `<span aria-hidden="true"> ${query.isDescending ? '↓' : '↑'}</span>` : '';
    return `<th scope="col"${column >= FIRST_FIGURE ? ' class="figure"' : ''}${sortState}><a href="${escapeHtml(addressOf(query, change))}">${words}</a>${arrow}</th>`;
  });
  return `<div class="scroll"><table class="runs"><thead><tr>${head.join('')}<th scope="col" class="tick">base</th><th scope="col" class="tick">current</th></tr></thead>
<tbody>${runs.map(runRow).join('\n')}</tbody></table></div>`;
}

function runRow({ id, path, facts, damage }: ListedRun): string {
  const name = escapeHtml(path);
  const wrong = damage === null ? '' : `<small>${icon('doubtful')} ${escapeHtml(damage)}</small>`;
  if (!facts) {
    return `<tr><th scope="row">${name}${wrong}</th><td colspan="${COLUMNS.length + 1}" data-head="">damaged</td></tr>`;
  }
  const figure = (
    path: Parameters<typeof facts.figure>[0],
    unit: Parameters<typeof formatFigure>[1],
  ): string => formatFigure(facts.figure(path), unit);
  const seconds = facts.figure('durationSeconds');
  const cells: string[] = [
    escapeHtml(facts.scenario),
    `<span class="started">${escapeHtml(facts.startedAt.slice(0, 19).replace('T', ' '))}</span>`,
    verdictMark(facts.verdict),
    seconds === null ? NOT_MEASURED : formatSeconds(seconds),
    figure('connections.peak', 'count'),
    figure('messages.delivered', 'count'),
    figure('latency.delivered.p99', 'ms'),
    figure('messages.lost', 'count'),
  ];
  const shown = cells.map(
    (cell, index) =>
      `<td${index + 1 >= FIRST_FIGURE ? ' class="figure"' : ''} data-head="${COLUMNS[index + 1]?.[1] ?? ''}">${cell}</td>`,
  );
  return `<tr><th scope="row"><a href="report/${id}">${name}</a>${wrong}</th>${shown.join('')}${ticks(id, path)}</tr>`;
}

function ticks(id: string, path: string): string {
  return (['base', 'current'] as const)
    .map(
      (side) =>
        `<td class="tick" data-head="${side}"><input type="checkbox" name="${side}" value="${id}" aria-label="${escapeHtml(path)} as ${side}"></td>`,
    )
    .join('');
}

const KINDS = { passed: 'good', failed: 'bad', invalid: 'doubtful', partial: 'doubtful' } as const;

export function verdictMark(verdict: RunRecord['verdict']): string {
  return `<span class="verdict-cell">${icon(KINDS[verdict])} ${VERDICT_WORDS[verdict].toLowerCase()}</span>`;
}

function setSection(sets: readonly ListedSet[]): string {
  if (sets.length === 0) return '';
  const rows = sets.slice(0, SETS_SHOWN).map(({ id, path, runs }) => {
    const verdicts = [...new Set(runs.map(({ facts }) => facts?.verdict ?? 'damaged'))].join(', ');
    return `<tr><th scope="row"><a href="${escapeHtml(`./?${new URLSearchParams({ q: `${path}/` })}`)}">${escapeHtml(path)}</a></th><td class="figure" data-head="runs">${formatCount(runs.length)}</td><td data-head="verdicts">${escapeHtml(verdicts)}</td>${ticks(id, path)}</tr>`;
  });
  const more =
    sets.length > SETS_SHOWN
      ? `<p class="quiet">and ${formatCount(sets.length - SETS_SHOWN)} more: search for them</p>`
      : '';
  return `<section class="panel" id="sets"><h2>Sets of runs</h2>
<div class="scroll"><table class="runs"><thead><tr><th scope="col">set</th><th scope="col" class="figure">runs</th><th scope="col">verdicts</th><th scope="col" class="tick">base</th><th scope="col" class="tick">current</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>${more}</section>`;
}

function pageLinks(query: ListQuery, page: number, pages: number): string {
  if (pages === 1) return '';
  const link = (to: number, words: string): string =>
    to < 1 || to > pages
      ? ''
      : `<a class="button" href="${escapeHtml(addressOf(query, { page: to }))}">${words}</a>`;
  return `<nav class="pages" aria-label="Pages">${link(page - 1, 'before')}<span>page ${page} of ${pages}</span>${link(page + 1, 'after')}</nav>`;
}
