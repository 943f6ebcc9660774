import { expect, test } from 'vitest';
import { problemsOf } from '../../reports/run-cases.js';
import { recordFixture } from '../fixtures/record.js';

const passed = () => {
  const { record } = recordFixture();
  return {
    ...record,
    verdict: 'passed' as const,
    gates: record.gates.map((gate) => ({ ...gate, passed: true })),
  };
};

test('a run that has passed has no problems', () => {
  expect(problemsOf({ record: passed(), damage: [] })).toEqual([]);
});

test('each gate that does not hold is a line, with what was measured', () => {
  const record = passed();
  const gate = { expression: 'messages.lost == 0', value: 3, passed: false };
  const failed = { ...record, verdict: 'failed' as const, gates: [...record.gates, gate] };
  expect(problemsOf({ record: failed, damage: [] })).toEqual(['messages.lost == 0 did not hold: 3']);
});

test('a run whose target died has failed, though every gate held', () => {
  const record = passed();
  const target = { ...record.target, died: 'exit 1' };
  const problems = problemsOf({ record: { ...record, verdict: 'failed', target }, damage: [] });
  expect(problems).toEqual(['The target died: exit 1.']);
});

test('a record that is damaged proves nothing', () => {
  const damage = [{ file: 'timeline.ndjson' as const, what: 'is missing' }];
  expect(problemsOf({ record: passed(), damage })).toEqual([
    'The record is damaged: timeline.ndjson is missing.',
  ]);
});
