import { readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path/posix';
import { placeOf } from './site-links.js';

const STYLE = readFileSync(new URL('style.css', import.meta.url), 'utf8');

/**
 * A page of the site, whole.
 * @param file the page's path in the repository
 * @param sections of the menu, each with its pages and their titles
 */
export function layout({ file, title, content, sections }) {
  const here = placeOf(file);
  const to = (target) => relative(dirname(here), placeOf(target)) || './';
  const order = sections.flatMap(({ pages }) => pages);
  const at = order.findIndex((page) => page.file === file);
  const step = (page, words, rel) =>
    page
      ? `<a rel="${rel}" href="${to(page.file)}"><small>${words}</small>${page.title}</a>`
      : '<span></span>';
  const menu = sections
    .map(
      (section) =>
        `<p>${section.title}</p><ul aria-label="${section.title}">${section.pages
          .map(
            (page) =>
              `<li><a href="${to(page.file)}"${page.file === file ? ' aria-current="page"' : ''}>${page.title}</a></li>`,
          )
          .join('')}</ul>`,
    )
    .join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · c2m</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header><a href="${to('docs/README.md')}">c2m</a> <span>connections, two million</span></header>
<div class="columns">
<nav aria-label="Pages"><details open><summary>Pages</summary>${menu}</details></nav>
<main id="content">
${content}
<footer>${step(order[at - 1], 'Before', 'prev')}${step(at < 0 ? order[0] : order[at + 1], 'Next', 'next')}</footer>
</main>
</div>
<script>if (matchMedia('(max-width: 60rem)').matches) document.querySelector('nav details').open = false;</script>
</body>
</html>
`;
}
