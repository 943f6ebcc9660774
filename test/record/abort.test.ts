import { describe, expect, test } from 'vitest';
import { abortProblem, abortWords, watchGates } from '../../record/abort.js';
import { type Gate, parseGate } from '../../record/gate.js';
import { rejudge } from '../../record/rejudge.js';
import type { Measurement } from '../../record/run.js';
import { judge } from '../../record/verdict.js';
import { explainVerdict } from '../../reports/statement.js';
import { recordFixture } from '../fixtures/record.js';

function measurementAt(durationSeconds: number, change: (measured: Measurement) => void = () => undefined) {
  const { gates: _, verdict, ...figures } = recordFixture().record;
  const measured: Measurement = { ...structuredClone(figures), durationSeconds, isPartial: true };
  change(measured);
  return measured;
}

function aborting(expression: string, forMs = 0): Gate {
  return { ...parseGate(expression), abort: { forMs } };
}

const latencyOf = (ms: number) => (measured: Measurement) => {
  measured.latency.delivered.p99 = ms;
};

describe('a gate that may end a run', () => {
  test('does as soon as it is broken for good', () => {
    const watch = watchGates([parseGate('messages.lost == 0'), aborting('messages.duplicated == 0')]);
    expect(watch?.(measurementAt(3))).toBeUndefined();
    const duplicated = measurementAt(4, ({ messages }) => {
      messages.duplicated = 2;
    });
    expect(watch?.(duplicated)).toEqual({
      gate: 'messages.duplicated == 0',
      value: 2,
      atSeconds: 4,
      brokenSinceSeconds: 4,
    });
  });

  test('does once it has been broken for so long without a break, and not before', () => {
    const watch = watchGates([aborting('latency.delivered.p99 < 100ms', 3000)]);
    const looks = [200, 200, 50, 200, 200, 200, 200].map((ms, index) =>
      watch?.(measurementAt(index + 1, latencyOf(ms))),
    );
    expect(looks.slice(0, 6)).toEqual(Array(6).fill(undefined));
    expect(looks[6]).toMatchObject({ value: 200, atSeconds: 7, brokenSinceSeconds: 4 });
  });

  test('does not by what is not known yet, or by the lag of the generator alone', () => {
    const watch = watchGates([aborting('latency.delivered.p99 < 100ms')]);
    const unknown = measurementAt(1, (measured) => {
      measured.latency.delivered.p99 = null;
    });
    expect(watch?.(unknown)).toBeUndefined();
    const late = measurementAt(2, (measured) => {
      measured.latency.delivered.p99 = 120;
      measured.latency.deliveredSinceSent.p99 = 20;
      measured.generator.lagMs.p99 = 110;
    });
    expect(watch?.(late)).toBeUndefined();
  });

  test('counted up to a figure is not broken before it comes there', () => {
    const watch = watchGates([aborting('messages.refused == 5')]);
    const refused = (count: number) =>
      measurementAt(count, ({ messages }) => {
        messages.refused = count;
      });
    expect(watch?.(refused(3))).toBeUndefined();
    expect(watch?.(refused(5))).toBeUndefined();
    expect(watch?.(refused(6))).toMatchObject({ value: 6 });
  });

  test('is none where no gate says so', () => {
    expect(watchGates([parseGate('messages.lost == 0')])).toBeUndefined();
  });
});

describe('ending a run by a gate is refused', () => {
  test.each([
    ['messages.lost == 0', undefined, 'abortOnFail', 'known when the run is over'],
    ['connections.peak >= 100', 5000, 'abortOnFail', 'can still come true'],
    ['messages.delivered > 0', undefined, 'abortOnFail', 'can still come true'],
    ['latency.delivered.p99 < 1s', undefined, 'for', 'can recover'],
    ['connections.connectsPerSecond > 100', undefined, 'for', 'can recover'],
  ])('%s', (expression, forMs, key, words) => {
    expect(abortProblem(parseGate(expression), forMs)).toEqual({
      key,
      message: expect.stringContaining(words),
    });
  });

  test.each([
    ['messages.duplicated == 0', undefined],
    ['connections.failed < 10', undefined],
    ['refusals.MailboxFull <= 100', undefined],
    ['backlog.queues.mailboxes.max < 1000', undefined],
    ['latency.delivered.p99 < 1s', 10_000],
    ['phases.talk.latency.accepted.max < 1s', undefined],
  ])('but not by %s', (expression, forMs) => {
    expect(abortProblem(parseGate(expression), forMs)).toBeUndefined();
  });
});

describe('the record of a run that a gate ended', () => {
  const aborted = {
    gate: 'latency.delivered.p99 < 100ms',
    value: 200,
    atSeconds: 12,
    brokenSinceSeconds: 10,
  };
  const gates = ['connections.peak >= 10', aborted.gate].map(parseGate);
  // As it ended, the figure went back.
  const measured = { ...measurementAt(12.5, latencyOf(90)), aborted, notes: [abortWords(aborted)] };

  test('has failed, by that gate and with the figure of then', () => {
    const record = judge(measured, gates);
    expect(record).toMatchObject({ verdict: 'failed', aborted });
    expect(record.gates).toEqual([
      expect.objectContaining({ expression: 'connections.peak >= 10', passed: true }),
      { expression: aborted.gate, value: 200, passed: false, note: 'it ended the run at 12 s' },
    ]);
    expect(explainVerdict(record)).toBe(
      'The run was ended after 12 s, as its gate latency.delivered.p99 < 100ms was broken (200 ms), and had been so for 2 s.',
    );
    expect(record.notes).toEqual([
      'the run was ended at 12 s by its own gate, which had been broken for 2 s: latency.delivered.p99 < 100ms',
    ]);
  });

  test('is judged again to the same', () => {
    const record = judge(measured, gates);
    expect(rejudge(record)).toEqual(record);
  });
});
