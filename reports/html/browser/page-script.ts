/// <reference lib="dom" />
import type { ReportData } from '../chart-plan.js';
import { type DrawnChart, drawChart } from './chart.js';
import { onThemeChange, readColours } from './theme.js';

/** Draws every chart of the page from the JSON that stands in it. */
function drawReport(): void {
  const report = JSON.parse(document.querySelector('#report-data')?.textContent ?? '') as ReportData;
  let colours = readColours();
  const drawn: DrawnChart[] = [];
  for (const plan of report.charts) {
    const figure = document.querySelector(`#chart-${plan.id}`);
    if (figure && plan.empty === null) drawn.push(drawChart(figure, plan, report, () => colours));
  }
  onThemeChange((isPrinting) => {
    colours = readColours();
    for (const chart of drawn) chart.restyle(isPrinting);
  });
}

drawReport();
