import { expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import { runAgainstTarget } from '../support/lab-run.js';

test('a gate with abortOnFail ends the run soon after it is broken, and what was measured is whole', async () => {
  const { record, folder } = await runAgainstTarget(
    { embedded: { store: 'memory' } },
    // How fast this machine is on that day decides nothing here.
    'generator: { lagLimit: 1m }\ngates: [{ gate: messages.due < 300, abortOnFail: true }, messages.lost == 0]',
    {},
    '[{ name: talk, duration: 2m, rate: 100/s..200/s }]',
  );
  expect(record).toMatchObject({
    verdict: 'failed',
    aborted: { gate: 'messages.due < 300' },
    gates: [
      { expression: 'messages.due < 300', passed: false },
      { expression: 'messages.lost == 0', value: 0, passed: true },
    ],
    notes: [
      expect.stringMatching(
        /^the run was ended at [\d.]+ s by its own gate, which was broken: messages\.due < 300$/,
      ),
    ],
  });
  expect(record.aborted?.value).toBeGreaterThanOrEqual(300);
  expect(record.durationSeconds).toBeLessThan(60);
  expect(record.messages.delivered).toBe(record.messages.sent);
  // The offered rate over time: what fell due in each second.
  const due = (await readTimeline(folder)).reduce((sum, { messages }) => sum + messages.due, 0);
  expect(due).toBe(record.messages.due);
});
