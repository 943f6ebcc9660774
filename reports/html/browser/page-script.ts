/// <reference lib="dom" />
import type { ReportData } from '../chart-plan.js';
import { drawCharts } from './report-charts.js';
import { watchScrollRegions } from './scroll-regions.js';

drawCharts(JSON.parse(document.querySelector('#report-data')?.textContent ?? '') as ReportData);
watchScrollRegions();
