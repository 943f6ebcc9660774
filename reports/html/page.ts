import type { ReportedRun } from '../reported-run.js';
import { browserScript, chartLibrary, REPORT_MODULES } from './browser-script.js';
import { reportData } from './charts.js';
import { embedJson, escapeHtml } from './markup.js';
import { reportBody, reportParts, reportTitle } from './report-parts.js';
import { STYLE } from './style.js';

/**
 * The report as one HTML file: style, script, charts and data are all in it, so that it opens from a mail or a CI
 * artifact with no network. Words and tables are plain HTML; only the charts need the script.
 */
export async function htmlReport(run: ReportedRun): Promise<string> {
  const [library, script] = await Promise.all([chartLibrary(), browserScript(REPORT_MODULES)]);
  const data = reportData(run);
  const parts = reportParts(run, data);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="c2m ${escapeHtml(run.record.environment.c2m)}">
<title>${escapeHtml(reportTitle(run))} · c2m</title>
<link rel="icon" href="data:,">
<style>${library.style}${STYLE}</style>
</head>
<body>
${reportBody((name) => parts[name], 'run report')}
<script type="application/json" id="report-data">${embedJson(data)}</script>
<script>${library.script}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}
