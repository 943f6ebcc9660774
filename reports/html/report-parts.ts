import { hasLoadSources } from '../agents/agent-hosts.js';
import { cameNearLimit } from '../first-break/first-break.js';
import { formatCount } from '../format.js';
import type { ReportedRun } from '../reported-run.js';
import { runTitle } from '../run-name.js';
import { shownVerdict } from '../shown-verdict.js';
import { agentsSection } from './agents-section.js';
import type { ReportData } from './chart-plan.js';
import { chartFigure } from './chart-section.js';
import { escapeHtml } from './markup.js';
import { phaseSection } from './phase-section.js';
import { recoverySection } from './recovery-section.js';
import { scalingSection } from './scaling-section.js';
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

/** The charts of a report, by their names; of some a run has none. */
export const CHART_NAMES = [
  'connections',
  'failures',
  'messages',
  'latency',
  'distribution',
  'queues',
  'server-metrics',
  'cpu',
  'memory',
  'generator-lag',
  'event-loop-lag',
  'node-connections',
  'node-homes',
  'node-cpu',
] as const;

type ChartPart = `chart-${(typeof CHART_NAMES)[number]}`;

/** The pieces of a report, each of which follows from the run alone. */
export const PART_NAMES = [
  'nav',
  'verdict',
  'tiles',
  'scaling',
  'recovery',
  'latencies',
  'phases',
  'queue-table',
  'media',
  'agents',
  'ledger',
  'failure-table',
  'environment',
  'scenario',
  'footer',
  ...CHART_NAMES.map((name): ChartPart => `chart-${name}`),
] as const;

export type PartName = (typeof PART_NAMES)[number];

/** HTML by name; empty where the run has nothing of the kind. */
export type ReportParts = Record<PartName, string>;

/** @param data the charts of the same run */
export function reportParts(run: ReportedRun, data: ReportData): ReportParts {
  const { record, samples, firstBreak } = run;
  const figures = new Map(data.charts.map((plan) => [plan.id, chartFigure(plan)]));
  const charts = Object.fromEntries(
    CHART_NAMES.map((name) => [`chart-${name}`, figures.get(name) ?? '']),
  ) as Record<ChartPart, string>;
  return {
    ...charts,
    nav: navigation(figures.has('queues'), hasLoadSources(record)),
    verdict: verdictSection(run),
    tiles: tileSection(record),
    scaling: scalingSection(record, samples),
    recovery: recoverySection(firstBreak.recoveries),
    latencies: latencySection(record),
    phases: phaseSection(record),
    'queue-table': queueSection(record, cameNearLimit(firstBreak)),
    media: mediaSection(record),
    agents: agentsSection(record),
    ledger: ledgerSection(record),
    'failure-table': failureSection(record),
    environment: environmentSection(run),
    scenario: scenarioSection(record),
    footer: `<footer>Made by c2m ${escapeHtml(record.environment.c2m)} from the record ${escapeHtml(run.name)} of run ${escapeHtml(record.id)}.</footer>`,
  };
}

/** What the window and its tab are called. */
export function reportTitle(run: ReportedRun): string {
  const { title, subtitle } = runTitle(run.name, run.record);
  const names = [title, subtitle].filter(Boolean).join(', ');
  return `${shownVerdict(run).word}: ${names}, ${formatCount(run.record.connections.peak)} connections`;
}

function navigation(hasQueues: boolean, hasAgents: boolean): string {
  const links = [
    ['chart-connections', 'Connections'],
    ['chart-messages', 'Messages'],
    ['latency', 'Latency'],
    ...(hasQueues ? [['chart-queues', 'Queues']] : []),
    ['chart-cpu', 'Resources'],
    ...(hasAgents ? [['agents', 'Agents']] : []),
    ['ledger', 'Ledger'],
    ['environment', 'Environment'],
    ['scenario', 'Scenario'],
  ];
  return `<nav aria-label="Sections">
    ${links.map(([id, words]) => `<a href="#${id}">${words}</a>`).join('')}
  </nav>`;
}

/**
 * The body of a report: where each of its pieces stands.
 * @param kind what it is, beside the name of the lab
 * @param above HTML before all else in the column
 */
export function reportBody(place: (name: PartName) => string, kind: string, above = ''): string {
  const chart = (name: (typeof CHART_NAMES)[number]): string => place(`chart-${name}`);
  return `<header class="top">
  <p class="mark"><b>c2m</b> ${kind}</p>
  ${place('nav')}
  <button type="button" id="theme" aria-label="Switch between light and dark">
    <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.4"/><path d="M8 1.5a6.5 6.5 0 0 1 0 13z" fill="currentColor"/></svg>
  </button>
</header>
<main>
${above}${place('verdict')}
${place('tiles')}
${place('scaling')}
<noscript><p class="panel">The charts need JavaScript; every other figure is here without it.</p></noscript>
<p class="hint">Drag across a chart to zoom all of them in; double-click to zoom out. Click a name to hide its line.</p>
${chart('connections')}
${chart('failures')}
${place('recovery')}
${chart('messages')}
${place('latencies')}
${place('phases')}
${chart('latency')}
${chart('distribution')}
${chart('queues')}
${place('queue-table')}
${chart('server-metrics')}
${place('media')}
<div class="pair">${(['cpu', 'memory', 'generator-lag', 'event-loop-lag', 'node-connections', 'node-homes', 'node-cpu'] as const).map(chart).join('')}</div>
${place('agents')}
${place('ledger')}
${place('failure-table')}
${place('environment')}
${place('scenario')}
</main>
${place('footer')}`;
}
