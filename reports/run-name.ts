import { basename, resolve } from 'node:path';
import type { RunRecord } from '../record/run.js';

/** `runs/20260314-092653-quickstart`, as `c2m run` names a folder when nobody else does. */
const UNNAMED = /^\d{8}-\d{6}-/;

/** The name of the record's folder: what a person knows a run by, where its id says nothing to anybody. */
export function runName(folder: string): string {
  return basename(resolve(folder));
}

/** What to head a report with: the folder's name where somebody has chosen it, and the scenario's. */
export function runTitle(name: string, record: RunRecord): { title: string; subtitle: string } {
  return UNNAMED.test(name) || name === record.name || name === ''
    ? { title: record.name, subtitle: '' }
    : { title: name, subtitle: record.name };
}
