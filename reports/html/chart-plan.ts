import type { Unit } from '../../record/metrics.js';

/**
 * One chart of the report, as data: made here from the record, drawn by the script in the page.
 * The page is a renderer and decides nothing about the figures.
 */
export interface ChartPlan {
  id: string;
  title: string;
  /** What is counted, in words: "clients", "messages a second". */
  subtitle: string;
  /** `seconds` of the run, or the position log10(1 / (1 - p)) of a percentile. */
  x: 'seconds' | 'percentile';
  xs: number[];
  unit: Unit;
  scale: 'linear' | 'log';
  /** Takes half a row on a wide screen. */
  isHalf: boolean;
  /** More than one: the reader chooses. */
  variants: ChartVariant[];
  alerts: ChartAlert[];
  /** Words instead of a chart where nothing was recorded. */
  empty: string | null;
  /** Words under the chart. */
  notes: string[];
}

export interface ChartVariant {
  label: string;
  series: ChartSeries[];
}

export interface ChartSeries {
  label: string;
  /** One for each of `xs`; null: not recorded. */
  values: (number | null)[];
  /** 1 to 8: a colour of the palette in style.ts. */
  colour: number;
  /** Lines differ by more than colour, for print and for eyes that confuse colours. */
  dash: 'solid' | 'dashed' | 'dotted';
  isFilled: boolean;
}

/** A time in which a queue stood above its threshold. */
export interface ChartAlert {
  label: string;
  startSeconds: number;
  endSeconds: number;
  threshold: number;
}

/** What the page holds as JSON for its script. */
export interface ReportData {
  durationSeconds: number;
  phases: { name: string; startSeconds: number; endSeconds: number }[];
  /** What was done at a time of its own: a line in every chart over time. */
  marks: { atSeconds: number; label: string }[];
  /** What a cluster did about it: a tick at the foot of every such chart. */
  homeMarks: { atSeconds: number; label: string }[];
  charts: ChartPlan[];
}
