/// <reference lib="dom" />
import { drawCharts } from '../../html/browser/report-charts.js';
import { watchScrollRegions } from '../../html/browser/scroll-regions.js';
import type { ReportData } from '../../html/chart-plan.js';
import type { LiveData } from '../live-page.js';
import type { PageChange } from '../page-change.js';
import { startControls } from './controls.js';
import { LiveParts } from './parts.js';

/** Follows the run until it is over. */
function followRun(): void {
  const report = dataOf<ReportData>('report-data');
  const parts = new LiveParts(report, drawCharts(report));
  watchScrollRegions();
  const controls = startControls();
  // The browser connects again by itself, and says then which change was its last.
  const changes = new EventSource(`changes?after=${dataOf<LiveData>('live-data').version}`);
  changes.addEventListener('open', () => controls.tellLink(''));
  changes.addEventListener('error', () => {
    const isGivenUp = changes.readyState === EventSource.CLOSED;
    controls.tellLink(
      isGivenUp
        ? 'This page is told nothing any more: c2m refused it. Open the address that the terminal shows.'
        : 'c2m does not answer. If it goes on, so does this page; if it was killed, this is as far as it came.',
    );
  });
  changes.addEventListener('change', ({ data }) => parts.take(JSON.parse(data) as PageChange));
  changes.addEventListener('over', ({ data }) => {
    changes.close();
    const { heading, words } = JSON.parse(data) as { heading: string; words: string };
    controls.end(heading, words);
  });
}

function dataOf<Data>(id: string): Data {
  return JSON.parse(document.getElementById(id)?.textContent ?? '') as Data;
}

followRun();
