import { escapeHtml } from './markup.js';
import { STYLE } from './style.js';

/** A page without a script. @param kind what it is, beside the name of the lab; @param main HTML */
export function stillPage(page: { title: string; kind: string; style: string; main: string }): string {
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
<header class="top"><p class="mark"><b>c2m</b> ${escapeHtml(page.kind)}</p></header>
<main>
${page.main}
</main>
</body>
</html>
`;
}
