import { hasLoadSources } from '../agents/agent-hosts.js';
import { cameNearLimit } from '../first-break/first-break.js';
import { formatCount } from '../format.js';
import type { ReportedRun } from '../reported-run.js';
import { runTitle } from '../run-name.js';
import { shownVerdict } from '../shown-verdict.js';
import { agentsSection } from './agents-section.js';
import { browserScript, chartLibrary } from './browser-script.js';
import { chartFigure } from './chart-section.js';
import { reportData } from './charts.js';
import { embedJson, escapeHtml } from './markup.js';
import { phaseSection } from './phase-section.js';
import { recoverySection } from './recovery-section.js';
import { scalingSection } from './scaling-section.js';
import { STYLE } from './style.js';
import {
  environmentSection,
  failureSection,
  latencySection,
  ledgerSection,
  mediaSection,
  queueSection,
  scenarioSection,
} from './table-sections.js';
import { tileSection, verdictSection } from './verdict-section.js';

/**
 * The report as one HTML file: style, script, charts and data are all in it, so that it opens from a mail or a CI
 * artifact with no network. Words and tables are plain HTML; only the charts need the script.
 */
export async function htmlReport(run: ReportedRun): Promise<string> {
  const { record, samples, firstBreak } = run;
  const [library, script] = await Promise.all([chartLibrary(), browserScript()]);
  const data = reportData(run);
  const figures = new Map(data.charts.map((plan) => [plan.id, chartFigure(plan)]));
  const chart = (id: string): string => figures.get(id) ?? '';
  const heading = runTitle(run.name, record);
  const title = `${shownVerdict(record, run.damage).word}: ${[heading.title, heading.subtitle].filter(Boolean).join(', ')}, ${formatCount(record.connections.peak)} connections`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="c2m ${escapeHtml(record.environment.c2m)}">
<title>${escapeHtml(title)} · c2m</title>
<link rel="icon" href="data:,">
<style>${library.style}${STYLE}</style>
</head>
<body>
<header class="top">
  <p class="mark"><b>c2m</b> run report</p>
  <nav aria-label="Sections">
    <a href="#chart-connections">Connections</a><a href="#chart-messages">Messages</a><a href="#latency">Latency</a>${figures.has('queues') ? '<a href="#chart-queues">Queues</a>' : ''}<a href="#chart-cpu">Resources</a>${hasLoadSources(record) ? '<a href="#agents">Agents</a>' : ''}<a href="#ledger">Ledger</a><a href="#environment">Environment</a><a href="#scenario">Scenario</a>
  </nav>
  <button type="button" id="theme" aria-label="Switch between light and dark">
    <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.4"/><path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/></svg>
  </button>
</header>
<main>
${verdictSection(run)}
${tileSection(record)}
${scalingSection(record, samples)}
<noscript><p class="panel">The charts need JavaScript; every other figure is here without it.</p></noscript>
<p class="hint">Drag across a chart to zoom all of them in; double-click to zoom out. Click a name to hide its line.</p>
${chart('connections')}
${chart('failures')}
${recoverySection(firstBreak.recoveries)}
${chart('messages')}
${latencySection(record)}
${phaseSection(record)}
${chart('latency')}
${chart('distribution')}
${chart('queues')}
${queueSection(record, cameNearLimit(firstBreak))}
${chart('server-metrics')}
${mediaSection(record)}
<div class="pair">${chart('cpu')}${chart('memory')}${chart('generator-lag')}${chart('event-loop-lag')}</div>
${agentsSection(record)}
${ledgerSection(record)}
${failureSection(record)}
${environmentSection(run)}
${scenarioSection(record)}
</main>
<footer>Made by c2m ${escapeHtml(record.environment.c2m)} from the record ${escapeHtml(run.name)} of run ${escapeHtml(record.id)}.</footer>
<script type="application/json" id="report-data">${embedJson(data)}</script>
<script>${library.script}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}
