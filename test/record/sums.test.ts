import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { contradictions } from '../../record/sums.js';
import { twoHosts, withHosts } from '../fixtures/agents.js';
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

/** The same over two hosts, with an agent that was lost while 40 messages were under way. */
function withLoss(change: (record: RunRecord) => void = () => undefined): RunRecord {
  return record((made) => {
    withHosts(made, twoHosts());
    const { messages, latency } = made;
    latency.receipt.count = messages.receipted ?? 0;
    latency.accepted.count = 100;
    latency.delivered.count = 100;
    made.phases = [{ name: 'all', startSeconds: 0, endSeconds: 1, latency: structuredClone(latency) }];
    change(made);
  });
}

describe('the counts of a record with a loss', () => {
  test('hold with what is unknown, and with what fell due that nobody knows the sending of', () => {
    expect(contradictions(withLoss())).toEqual([]);
    expect(
      contradictions(
        withLoss(({ messages }) => {
          messages.due = messages.sent + 7;
        }),
      ),
    ).toEqual([]);
  });

  test.each<[string, (record: RunRecord) => void]>([
    [
      'messages.sent is 27000, and delivered + lost + unknown is 27001',
      ({ messages }) => {
        messages.unknown = 41;
      },
    ],
    [
      'messages.sent is 27000, and delivered + lost + refused + unknown is 26999',
      ({ messages }) => {
        messages.unknown = 39;
      },
    ],
    [
      'messages.due is 26999, and sent + unsent is 27000',
      ({ messages }) => {
        messages.due = 26_999;
      },
    ],
    [
      'connections.unknown is 999, and clients of those that were lost is 1000',
      ({ connections }) => {
        connections.unknown = 999;
      },
    ],
    [
      'messages.delivered is 26960, and that of all agents is 26961',
      ({ hosts }) => {
        for (const agent of hosts[0]?.agents.slice(0, 1) ?? []) agent.delivered += 1;
      },
    ],
    [
      'generator.agents is 5, and the number of them on all hosts is 6',
      ({ generator }) => {
        generator.agents = 5;
      },
    ],
  ])('%s is told', (words, change) => {
    expect(contradictions(withLoss(change))).toContain(words);
  });
});

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
