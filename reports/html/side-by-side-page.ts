import type { Column } from '../../record/side-by-side.js';
import { sideBySideTable } from '../side-by-side-text.js';
import { escapeHtml } from './markup.js';
import { stillPage } from './still-page.js';

const OWN_STYLE = `
.beside { overflow-x: auto; }
.beside td, .beside th { vertical-align: top; min-width: 9em; }
.beside thead th { position: sticky; top: 0; }
`;

/** Sets of runs of the same load beside one another, without a script. */
export function sideBySidePage(title: string, columns: readonly Column[]): string {
  const [head = [], ...rows] = sideBySideTable(columns);
  const heading = head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('');
  const links = columns.map(({ reports = [] }) =>
    reports.map((path, index) => `<a href="${escapeHtml(encodeURI(path))}">${index + 1}</a>`).join(' '),
  );
  const body = rows
    .map(
      ([label = '', ...cells]) =>
        `<tr><th scope="row">${escapeHtml(label)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`,
    )
    .join('\n');
  const main = `<section class="panel" id="figures">
<h1>${escapeHtml(title)}</h1>
<p class="quiet">Median, and the lowest and the highest of the runs; they were made by turns, each with a fresh server.</p>
<div class="beside"><table><thead><tr>${heading}</tr></thead><tbody>${body}
<tr><th scope="row">reports</th>${links.map((cell) => `<td>${cell}</td>`).join('')}</tr></tbody></table></div>
</section>`;
  return stillPage({ title, kind: 'side by side', style: OWN_STYLE, main });
}
