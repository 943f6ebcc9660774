import { readSeries } from '../../scenarios/prometheus-series.js';

/** The figures of a page in the text format of Prometheus, by the series as it is written there. */
export function linesOf(page: string): Map<string, number> {
  const figures = new Map<string, number>();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const series = readSeries(line);
    if (!series) throw new Error(`no line of a page: ${line}`);
    figures.set(line.slice(0, series.end).trim(), Number(line.slice(series.end).trim()));
  }
  return figures;
}

/** Names of the metrics of a page, those of histograms without what is behind them. */
export function familiesOf(page: string): Set<string> {
  return new Set([...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string));
}
