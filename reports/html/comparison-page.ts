import type { Histogram } from 'hdr-histogram-js';
import type { ComparedFigure, SetComparison } from '../../record/comparison/compare-sets.js';
import type { JudgedFigure } from '../../record/comparison/judge-sets.js';
import { LATENCY_MEANINGS } from '../../record/metrics.js';
import { printableData } from '../../record/printable.js';
import { LATENCY_KINDS } from '../../record/run.js';
import {
  changeWords,
  conclusion,
  methodWords,
  sampleWords,
  setWords,
  verdictWords,
} from '../comparison-text.js';
import type { Distributions } from '../distributions.js';
import { formatMilliseconds } from '../format.js';
import { escapeHtml } from './markup.js';
import { stillPage } from './still-page.js';

type Row = JudgedFigure<ComparedFigure>;

const STRIP = { width: 260, height: 34, margin: 8 };
const CURVE = { width: 640, height: 280, left: 84, right: 12, top: 14, bottom: 36 };
const PERCENTILES = [0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99];
const TICKS = [0, 50, 90, 99, 99.9, 99.99];

const OWN_STYLE = `
main h1 { font-size: 24px; line-height: 1.25; overflow-wrap: anywhere; }
#outcome > * + * { margin-top: 8px; }
#differences li + li { margin-top: 4px; }
h3 { margin: 0; font-size: 15px; line-height: 1.4; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 20px 28px; }
.curves figure { break-inside: avoid; }
.curves p { color: var(--quiet); font-size: 13.5px; }
.compared td, .compared th { vertical-align: middle; white-space: nowrap; }
.compared thead th, .compared tbody th, .compared td.change { white-space: normal; }
.compared td.change { min-width: 9em; }
.compared td.judged { font-weight: 600; white-space: normal; min-width: 8em; }
@media screen and (max-width: 560px) { .compared td, .compared th { white-space: normal; } }
.compared .worse, .compared .missing { color: var(--bad); }
.compared .better { color: var(--good); }
.compared .suspect { color: var(--doubtful, inherit); }
.strip, .curve { display: block; max-width: 100%; height: auto; overflow: visible; }
.compared .strip { min-width: 150px; }
.strip line, .curve .grid { stroke: currentColor; stroke-opacity: .15; }
.curve text { fill: var(--quiet); font-size: 15px; }
.base-mark { fill: var(--series-5, #8a6d3b); stroke: var(--series-5, #8a6d3b); }
.current-mark { fill: var(--series-1, #2266cc); stroke: var(--series-1, #2266cc); }
.curve path { fill: none; stroke-width: 2; }
.curve .base-mark { stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .5em 1.5em; margin-left: 0; }
@media screen and (max-width: 560px) { main h1 { font-size: 20px; } .curve text { font-size: 20px; } }
@media print {
  main h1 { font-size: 16px; }
  h3 { font-size: 12px; }
  .curves { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px 20px; }
  .curves p { font-size: 10.5px; }
  .curve text { font-size: 20px; }
}
`;

/**
 * Two sets of runs on one page, without a script: what was judged, every run of every figure as a mark, the distributions
 * of the latencies laid over each other, and what differs beside the code.
 * @param home where the way back leads, where it is one page of several
 */
export function comparisonPage(compared: SetComparison, distributions: Distributions, home?: string): string {
  const comparison = printableData(compared);
  const { base, current, faults, warnings, rows } = comparison;
  const words = conclusion(comparison);
  const list = (items: string[]): string =>
    items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${escapeHtml(item)}</li>`).join('')}</ul>`;
  const main = `<section class="panel" id="outcome">
<h1>${escapeHtml(words)}</h1>
<p class="legend"><span>${mark('base')} base: ${escapeHtml(setWords(base))}</span><span>${mark('current')} current: ${escapeHtml(setWords(current))}</span></p>
${list(faults.filter((fault) => !words.includes(fault)))}
<p>${escapeHtml(methodWords(comparison))}</p>
</section>
<section class="panel" id="figures">
<h2>Figures</h2>
<div class="scroll" tabindex="0" role="group" aria-label="Figures"><table class="compared">
<thead><tr><td></td><th scope="col">every run</th><th scope="col">base</th><th scope="col">current</th><th scope="col">change</th><th scope="col">judged</th></tr></thead>
<tbody>${rows.map(rowOf).join('\n')}</tbody>
</table></div>
</section>
<section class="panel" id="distributions">
<h2>Latencies of all runs</h2>
${curves(distributions)}
</section>
<section class="panel" id="differences">
<h2>What else differs</h2>
${list(warnings) || '<p>Nothing that the records tell of: scenario, machine and settings are the same.</p>'}
</section>`;
  return stillPage({
    title: words,
    kind: 'comparison',
    style: OWN_STYLE,
    main,
    ...(home !== undefined && { home }),
  });
}

const HEADS = ['base', 'current', 'change'];

function rowOf(row: Row): string {
  const { figure, base, current, verdict, isSuspect } = row;
  const kind = verdict === 'inconclusive' && isSuspect ? 'suspect' : (verdict ?? '');
  const cells = [sampleWords(base, figure), sampleWords(current, figure), changeWords(row)];
  return (
    `<tr><th scope="row">${escapeHtml(figure.label)}</th><td data-head="">${strip(figure)}</td>` +
    `${cells.map((cell, index) => `<td class="${HEADS[index]}" data-head="${HEADS[index]}">${escapeHtml(cell)}</td>`).join('')}` +
    `<td data-head="" class="judged ${kind}">${escapeHtml(verdictWords(row))}</td></tr>`
  );
}

/** One mark a run: those of the base above, the current ones below. */
function strip({ label, base, current }: ComparedFigure): string {
  const values = [...base, ...current].filter((value) => value !== null);
  if (values.length === 0) return '';
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const span = highest - lowest;
  const x = (value: number): string =>
    (span === 0
      ? STRIP.width / 2
      : STRIP.margin + ((value - lowest) / span) * (STRIP.width - 2 * STRIP.margin)
    ).toFixed(1);
  const marks = (side: 'base' | 'current', of: readonly (number | null)[], y: number): string =>
    of
      .filter((value) => value !== null)
      .map((value) => `<circle class="${side}-mark" cx="${x(value)}" cy="${y}" r="4" fill-opacity=".6"/>`)
      .join('');
  return (
    `<svg class="strip" viewBox="0 0 ${STRIP.width} ${STRIP.height}" width="${STRIP.width}" role="img" aria-label="${escapeHtml(label)}, every run">` +
    `<line x1="0" x2="${STRIP.width}" y1="10" y2="10"/><line x1="0" x2="${STRIP.width}" y1="24" y2="24"/>` +
    `${marks('base', base, 10)}${marks('current', current, 24)}</svg>`
  );
}

function mark(side: 'base' | 'current'): string {
  return `<svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true"><circle class="${side}-mark" cx="6" cy="6" r="5"/></svg>`;
}

function curves({ base, current }: Distributions): string {
  const kinds = LATENCY_KINDS.filter((kind) => base[kind] || current[kind]);
  if (kinds.length === 0) return '<p>The records hold no latencies.</p>';
  const figures = kinds.map(
    (kind) =>
      `<figure><h3>${kind}</h3><p>${LATENCY_MEANINGS[kind]}</p>${curve(base[kind], current[kind])}</figure>`,
  );
  return `<div class="curves">${figures.join('\n')}</div>`;
}

/** Percentiles to the right, each step ten times rarer; both sides over each other. */
function curve(base: Histogram | undefined, current: Histogram | undefined): string {
  const values = [base, current].flatMap((histogram) => (histogram ? pointsOf(histogram) : []));
  const all = values.map(([, ms]) => ms);
  const [low, high] = [Math.log10(Math.min(...all)), Math.log10(Math.max(...all))];
  const { width, height, left, right, top, bottom } = CURVE;
  const x = (percentile: number): number => {
    const place = -Math.log10(1 - percentile / 100) / -Math.log10(1 - (PERCENTILES.at(-1) as number) / 100);
    return left + place * (width - left - right);
  };
  const y = (ms: number): number =>
    height - bottom - ((Math.log10(ms) - low) / (high - low || 1)) * (height - top - bottom);
  const path = (histogram: Histogram | undefined, side: string): string => {
    if (!histogram) return '';
    const steps = pointsOf(histogram).map(([p, ms]) => `${x(p).toFixed(1)},${y(ms).toFixed(1)}`);
    return `<path class="${side}-mark" fill="none" d="M${steps.join('L')}"/>`;
  };
  const grid = TICKS.map(
    (tick) =>
      `<line class="grid" x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${top}" y2="${height - bottom}"/>` +
      `<text x="${x(tick).toFixed(1)}" y="${height - 12}" text-anchor="${tick === TICKS.at(-1) ? 'end' : 'middle'}">p${tick}</text>`,
  );
  const levels = [0, 0.5, 1].map((share) => 10 ** (low + share * (high - low)));
  const labels = levels.map(
    (ms) =>
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(ms).toFixed(1)}" y2="${y(ms).toFixed(1)}"/>` +
      `<text x="${left - 6}" y="${(y(ms) + 4).toFixed(1)}" text-anchor="end">${formatMilliseconds(ms)}</text>`,
  );
  return (
    `<svg class="curve" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="latency by percentile">` +
    `${grid.join('')}${labels.join('')}${path(base, 'base')}${path(current, 'current')}</svg>`
  );
}

/** Percentiles and milliseconds, never zero: the axis is logarithmic. */
function pointsOf(histogram: Histogram): [number, number][] {
  return PERCENTILES.map((percentile) => [
    percentile,
    Math.max(0.001, histogram.getValueAtPercentile(percentile) / 1000),
  ]);
}
