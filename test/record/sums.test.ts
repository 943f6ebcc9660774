import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { contradictions } from '../../record/sums.js';
import { recordFixture } from '../fixtures/record.js';

/** The fixture's phases hold no latencies of their own; here the whole run is one phase. */
function record(change: (record: RunRecord) => void = () => undefined): RunRecord {
  const { record: made } = recordFixture();
  const { messages, latency } = made;
  messages.redelivered = 0;
  latency.receipt.count = messages.receipted ?? 0;
  latency.waiting.count = 0;
  made.phases = [{ name: 'all', startSeconds: 0, endSeconds: 1, latency: structuredClone(latency) }];
  change(made);
  return made;
}

describe('the counts of a record', () => {
  test('that is right contradict nothing', () => {
    expect(contradictions(record())).toEqual([]);
  });

  test.each<[string, (record: RunRecord) => void]>([
    [
      'messages.due is',
      ({ messages }) => {
        messages.unsent += 1;
      },
    ],
    [
      'messages.sent is',
      ({ messages }) => {
        messages.lost += 1;
      },
    ],
    [
      'messages.sent is',
      ({ messages }) => {
        messages.delivered -= 1;
      },
    ],
    [
      'messages.accepted is',
      ({ messages }) => {
        messages.impliedAccepted = 1;
      },
    ],
    [
      'messages.receipted is',
      ({ messages }) => {
        messages.receipted = (messages.receipted ?? 0) + 1;
      },
    ],
    [
      'messages.acceptedNotDelivered is',
      ({ messages }) => {
        messages.acceptedNotDelivered = 1;
      },
    ],
    [
      'connections.peak is',
      ({ connections }) => {
        connections.peak = connections.target + 1;
      },
    ],
    [
      'connections.failures is',
      ({ connections }) => {
        connections.failed += 1;
      },
    ],
    [
      'latency.delivered.count is',
      ({ latency }) => {
        latency.delivered.count += 1;
      },
    ],
    [
      'its percentiles are not in order',
      ({ latency }) => {
        latency.connect.p50 = 1e9;
      },
    ],
  ])('%s told where it does not hold', (words, change) => {
    expect(contradictions(record(change)).join('; ')).toContain(words);
  });
});
