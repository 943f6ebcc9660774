import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { embedScript } from './markup.js';

const require = createRequire(import.meta.url);

const CHART_MODULES = [
  'format.js',
  'html/browser/theme.js',
  'html/browser/marks.js',
  'html/browser/scales.js',
  'html/browser/legend.js',
  'html/browser/chart.js',
  'html/browser/report-charts.js',
  'html/browser/scroll-regions.js',
];

/** The modules of the script of a report, each after those that it imports. */
export const REPORT_MODULES = [...CHART_MODULES, 'html/browser/page-script.js'];

/** The same of a page that goes on while its run does. */
export const LIVE_MODULES = [
  ...CHART_MODULES,
  'live/chart-growth.js',
  'live/browser/kept-state.js',
  'live/browser/parts.js',
  'live/browser/controls.js',
  'live/browser/live-script.js',
];

/**
 * The script of a page as one module. A file opened from disk may not import others, so the compiled modules are put one
 * behind the other; that needs no bundler because they import only each other and no two share a name.
 */
export async function browserScript(modules: readonly string[]): Promise<string> {
  const sources = await Promise.all(
    modules.map((module) => readFile(require.resolve(`#dist/reports/${module}`), 'utf8')),
  );
  return embedScript(sources.map(asPartOfOne).join('\n'));
}

/**
 * uPlot as a script that leaves one global, and its style sheet. Its licence asks that its text goes wherever the code
 * goes, and a report is passed on alone.
 */
export async function chartLibrary(): Promise<{ script: string; style: string }> {
  const [script, style, licence] = await Promise.all([
    readFile(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    readFile(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    readFile(require.resolve('uplot/LICENSE'), 'utf8'),
  ]);
  const notice = `/*! uPlot\n\n${licence.replaceAll('*/', '* /').trim()}\n*/\n`;
  return { script: embedScript(notice + script), style };
}

function asPartOfOne(source: string): string {
  return source
    .replace(/^import\s[^;]*?from\s+['"][^'"]+['"];\n/gm, '')
    .replace(/^export \{\};\n/gm, '')
    .replace(/^export (?=(?:async )?(?:function|const|let|class)\b)/gm, '')
    .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
    .replace(/^\/\/\/ <reference.*$/gm, '');
}
