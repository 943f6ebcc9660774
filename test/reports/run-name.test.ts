import { expect, test } from 'vitest';
import { runName, runTitle } from '../../reports/run-name.js';
import { terminalSummary } from '../../reports/terminal.js';
import { recordFixture } from '../fixtures/record.js';
import { reportedRun } from '../fixtures/reported-run.js';

const { record } = recordFixture();

test('a run is named by its folder, wherever that lies', () => {
  expect(runName('runs/before-the-fix/')).toBe('before-the-fix');
  expect(runName('.')).not.toBe('.');
});

test('a report is headed by a name that somebody chose, and else by that of the scenario', () => {
  expect(runTitle('before-the-fix', record)).toEqual({
    title: 'before-the-fix',
    subtitle: 'offline-backlog',
  });
  expect(runTitle('20260314-092653-offline-backlog', record)).toEqual({
    title: 'offline-backlog',
    subtitle: '',
  });
  const summary = terminalSummary(
    reportedRun(record, [], { name: 'before-the-fix' }),
    'runs/before-the-fix',
    false,
  );
  expect(summary).toContain('PASSED   before-the-fix (offline-backlog, 4,997 connections, 31.1 s)');
});

test('one of a set is named with its set', () => {
  expect(runName('runs/before/003')).toBe('before/003');
});
