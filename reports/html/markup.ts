import { printableLines } from '../../record/printable.js';

/**
 * Text as HTML that shows it: safe between tags and within quoted attributes. What one could not see, such as a change
 * of the writing direction, is shown as an escape.
 */
export function escapeHtml(text: string): string {
  return printableLines(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}

/**
 * A value as JSON that may stand within a script element: nothing in it can end the element or open a comment, and
 * the two line separators that are fine in JSON but not in old JavaScript are escaped.
 */
export function embedJson(value: unknown): string {
  return JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

/** Script source that may stand within a script element. In strings and regular expressions `\/` is `/`. */
export function embedScript(source: string): string {
  return source.replace(/<\/(script)/gi, '<\\/$1').replace(/<!--/g, '<\\!--');
}

export type Icon = 'good' | 'bad' | 'doubtful' | 'going';

/** A shape beside the word, so that a state never hangs on colour alone. */
export function icon(name: Icon): string {
  const paths: Record<Icon, string> = {
    good: '<path d="M4.5 8.4l2.4 2.4 4.6-5.2"/>',
    bad: '<path d="M5.3 5.3l5.4 5.4M10.7 5.3l-5.4 5.4"/>',
    doubtful: '<path d="M8 4.2v4.6M8 11.4v.2"/>',
    going: '<path d="M6.4 5v6l4.6-3z"/>',
  };
  return `<svg class="icon ${name}" viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="7.2"/>${paths[name]}</svg>`;
}

/** What a head says, without its tags, for a phone that shows it beside the cell. */
function textOf(html: string): string {
  return html.replace(/<[^>]*>/g, '');
}

/** A table; cells are HTML already. Columns from `figuresFrom` on are set flush right. */
export function table(
  head: string[],
  rows: string[][],
  figuresFrom = 1,
  figuresUntil = Number.POSITIVE_INFINITY,
): string {
  const classOf = (column: number): string =>
    column >= figuresFrom && column < figuresUntil ? ' class="figure"' : '';
  // A column whose cells speak for themselves has no head, which a screen reader would read as one without words.
  const headCells = head
    .map((cell, column) => (cell === '' ? '<td></td>' : `<th scope="col"${classOf(column)}>${cell}</th>`))
    .join('');
  const bodyRows = rows.map((cells) => {
    const [first = '', ...rest] = cells;
    return `<tr><th scope="row">${first}</th>${rest.map((cell, index) => `<td${classOf(index + 1)} data-head="${textOf(head[index + 1] ?? '')}">${cell}</td>`).join('')}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${headCells}</tr></thead><tbody>${bodyRows.join('')}</tbody></table></div>`;
}
