import type { Family, HistogramFamily, Labels, NumberFamily } from './family.js';

/** Which of the runs of its command one is, where that makes several. */
export interface RunPlace {
  /** On every series of it. There are few: a variant, a combination of a matrix, a number of workers. */
  group: Labels;
  /** Beside it on `c2m_run_info` alone: on every series, each run would leave series of its own behind. */
  about: Labels;
}

/** The only run of its command. */
export const LONE_RUN: RunPlace = { group: {}, about: {} };

/** @param families without these labels */
export function inGroup(families: readonly Family[], group: Labels): Family[] {
  if (Object.keys(group).length === 0) return [...families];
  return families.map((family) =>
    family.kind === 'histogram' ? labelledHistogram(family, group) : labelledNumbers(family, group),
  );
}

/** As attributes of the trace of a run. */
export function placeAttributes({ group, about }: RunPlace): Record<string, string> {
  const labels = Object.entries({ ...group, ...about });
  return Object.fromEntries(labels.map(([name, value]) => [`c2m.run.${name}`, value]));
}

function labelledNumbers(family: NumberFamily, group: Labels): NumberFamily {
  const points = family.points.map((point) => ({ ...point, labels: { ...point.labels, ...group } }));
  return { ...family, points };
}

function labelledHistogram(family: HistogramFamily, group: Labels): HistogramFamily {
  const points = family.points.map((point) => ({ ...point, labels: { ...point.labels, ...group } }));
  return { ...family, points };
}
