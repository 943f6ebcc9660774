import type { RunRecord } from '../../record/run.js';

/** A record of a folder, as a list of them knows it. */
export interface ListedRun {
  /** What links name it by. */
  id: string;
  /** Where it is below the folder. */
  path: string;
  /** The folder around it, below the folder; empty: none. */
  set: string;
  /** Undefined: its run.json cannot be read, and `damage` says why. */
  facts: RunFacts | undefined;
  /** What is wrong with its files, in words; null: nothing that can be told without reading all of them. */
  damage: string | null;
}

export interface RunFacts {
  scenario: string;
  startedAt: string;
  verdict: RunRecord['verdict'];
  /** The figure at a path of the catalogue; null: it has none. */
  figure(path: string): number | null;
}

/** Runs that are kept in one folder. */
export interface ListedSet {
  id: string;
  path: string;
  runs: readonly ListedRun[];
}

/** Those sets that are more than one run, in the order of their newest. */
export function setsOf(runs: readonly ListedRun[], idOf: (path: string) => string): ListedSet[] {
  const sets = new Map<string, ListedRun[]>();
  for (const run of runs) {
    if (run.set !== '') sets.set(run.set, [...(sets.get(run.set) ?? []), run]);
  }
  return [...sets]
    .filter(([, members]) => members.length > 1)
    .map(([path, members]) => ({ id: idOf(path), path, runs: members }))
    .sort((one, other) => newestOf(other).localeCompare(newestOf(one)));
}

function newestOf({ runs }: ListedSet): string {
  return runs.reduce(
    (newest, { facts }) => (facts && facts.startedAt > newest ? facts.startedAt : newest),
    '',
  );
}

/** Those in which every word of the search is found: in the path, the scenario or the verdict. */
export function foundBy(runs: readonly ListedRun[], search: string): ListedRun[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter(({ path, facts, damage }) => {
    const text = [path, facts?.scenario, facts?.verdict, facts?.startedAt, damage === null ? '' : 'damaged']
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
