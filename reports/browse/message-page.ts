import { escapeHtml } from '../html/markup.js';
import { stillPage } from '../html/still-page.js';
import { BROWSE_STYLE } from './browse-style.js';

/** Words in place of a page that cannot be made, and the way back. @param home where that is */
export function messagePage(heading: string, words: string, home: string): string {
  const main = `<section class="panel"><h1>${escapeHtml(heading)}</h1><p>${escapeHtml(words)}</p><p><a href="${escapeHtml(home)}">All runs</a></p></section>`;
  return stillPage({ title: heading, kind: 'runs', style: BROWSE_STYLE, main, home });
}
