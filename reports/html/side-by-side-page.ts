import type { Column } from '../../record/side-by-side.js';
import { sideBySideTable } from '../side-by-side-text.js';
import { escapeHtml } from './markup.js';
import { stillPage } from './still-page.js';

const OWN_STYLE = `
main h1 { font-size: 24px; line-height: 1.25; overflow-wrap: anywhere; }
main a { color: var(--accent); }
.beside td, .beside th { vertical-align: top; }
@media screen and (max-width: 560px) { main h1 { font-size: 20px; } }
@media print { main h1 { font-size: 16px; } .beside th, .beside td { overflow-wrap: anywhere; } }
@media screen and (min-width: 561px) { .beside td, .beside th { min-width: 9em; } }
@media screen and (max-width: 560px) { .beside tbody td:not(.figure) { display: flex; flex-wrap: nowrap; gap: 16px; text-align: right; } .beside tbody td::before { flex: none; } }
`;

/** Sets of runs of the same load beside one another, without a script. */
export function sideBySidePage(title: string, columns: readonly Column[]): string {
  const [head = [], ...rows] = sideBySideTable(columns);
  const [, ...names] = head;
  const heading = names.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('');
  const isRepeated = columns.some(({ runs }) => runs.length > 1);
  const sentence = isRepeated
    ? 'Median, and the lowest and the highest of the runs; they were made by turns, each with a fresh server.'
    : 'One run of each, with a fresh server.';
  const links = columns.map(({ reports = [] }) =>
    reports.map((path, index) => `<a href="${escapeHtml(encodeURI(path))}">${index + 1}</a>`).join(' '),
  );
  const body = rows.map(([label = '', ...cells]) => rowOf(label, names, cells.map(escapeHtml))).join('\n');
  const main = `<section class="panel" id="figures">
<h1>${escapeHtml(title)}</h1>
<p class="quiet">${sentence}</p>
<div class="scroll beside" tabindex="0" role="group" aria-label="Figures"><table><thead><tr><td></td>${heading}</tr></thead><tbody>${body}
${rowOf('reports', names, links)}</tbody></table></div>
</section>`;
  return stillPage({ title, kind: 'side by side', style: OWN_STYLE, main });
}

/** @param cells HTML, each below its name on a phone */
function rowOf(label: string, names: readonly string[], cells: readonly string[]): string {
  const shown = cells.map((cell, index) => `<td data-head="${escapeHtml(names[index] ?? '')}">${cell}</td>`);
  return `<tr><th scope="row">${escapeHtml(label)}</th>${shown.join('')}</tr>`;
}
