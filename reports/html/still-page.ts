import { escapeHtml } from './markup.js';
import { STYLE } from './style.js';

/** A page without a script. */
export interface StillPage {
  title: string;
  /** What it is, beside the name of the lab. */
  kind: string;
  style: string;
  /** HTML. */
  main: string;
  /** Where the name of the lab leads to, where it is one page of several. */
  home?: string;
}

export function stillPage(page: StillPage): string {
  const lab =
    page.home === undefined ? '<b>c2m</b>' : `<a href="${escapeHtml(page.home)}"><b>c2m</b> all runs</a> ·`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)} · c2m</title>
<link rel="icon" href="data:,">
<style>${STYLE}${page.style}</style>
</head>
<body>
<header class="top"><p class="mark">${lab} ${escapeHtml(page.kind)}</p></header>
<main>
${page.main}
</main>
</body>
</html>
`;
}
