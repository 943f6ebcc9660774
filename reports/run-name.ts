import { basename, dirname, join, resolve } from 'node:path';
import type { RunRecord } from '../record/run.js';

/** `runs/20260314-092653-quickstart`, as `c2m run` names a folder when nobody else does. */
const UNNAMED = /^\d{8}-\d{6}-/;

/** One of a set: `001`. */
const NUMBER = /^\d{3,}$/;

/**
 * The name of the record's folder: what a person knows a run by, where its id says nothing to anybody. Of one in a set, that
 * of the set as well: `before/001`.
 */
export function runName(folder: string): string {
  const path = resolve(folder);
  const name = basename(path);
  return NUMBER.test(name) ? join(basename(dirname(path)), name) : name;
}

/** What to head a report with: the folder's name where somebody has chosen it, and the scenario's. */
export function runTitle(name: string, record: RunRecord): { title: string; subtitle: string } {
  return UNNAMED.test(name) || name === record.name || name === ''
    ? { title: record.name, subtitle: '' }
    : { title: name, subtitle: record.name };
}
