import { describe, expect, test } from 'vitest';
import type { AgentSample } from '../../../loadgen/agent-messages.js';
import { emptySample } from '../../../loadgen/recording/agent-sums.js';
import { TimelineRecorder } from '../../../loadgen/recording/timeline-recorder.js';
import type { TimelineSample } from '../../../record/timeline.js';

const START_MS = 10_000;

/** A recorder of two agents, and the lines that it has written. */
function recorderOf(agents = 2): { recorder: TimelineRecorder; lines: TimelineSample[] } {
  const lines: TimelineSample[] = [];
  const none = {
    connect: null,
    accepted: null,
    delivered: null,
    receipt: null,
    deliveredSinceSent: null,
    waiting: null,
  };
  const recorder = new TimelineRecorder(agents, START_MS, {
    merge: () => ({ latency: none, lagP99Ms: null, lagMaxMs: null }),
    phaseAt: () => 'talk',
    server: () => null,
    serverMetrics: () => undefined,
    kernel: () => ({}) as TimelineSample['kernel'],
    emit: (line) => lines.push(line),
  });
  return { recorder, lines };
}

/** What an agent tells of the seconds from `from` to `to`. */
function sample(from: number, to: number, change: Partial<AgentSample> = {}): AgentSample {
  return {
    ...emptySample(),
    fromMs: START_MS + from * 1000,
    toMs: START_MS + to * 1000,
    openPeak: change.open ?? 0,
    openLow: change.open ?? 0,
    cpuReadAtMs: START_MS + to * 1000,
    ...change,
  };
}

describe('a line of the timeline', () => {
  test('is a second of all agents together', () => {
    const { recorder, lines } = recorderOf();
    for (const second of [1, 2]) {
      recorder.take(0, sample(second - 1, second, { delivered: 100 }));
      recorder.take(1, sample(second - 1, second, { delivered: 50 }));
    }
    expect(lines.map(({ t, seconds, messages }) => [t, seconds, messages.delivered])).toEqual([
      [1, 1, 150],
      [2, 1, 150],
    ]);
  });

  test('is as long as the time that a stalled agent could not tell of, so that four seconds’ messages are a rate over four', () => {
    const { recorder, lines } = recorderOf();
    for (const second of [1, 2, 3, 4, 5]) recorder.take(1, sample(second - 1, second, { delivered: 100 }));
    recorder.take(0, sample(0, 4.3, { delivered: 430 }));
    recorder.take(0, sample(4.3, 5, { delivered: 70 }));
    for (const agent of [0, 1]) recorder.take(agent, sample(5, 6, { delivered: 100 }));
    expect(lines.map(({ t, seconds, messages }) => [t, seconds, messages.delivered / seconds])).toEqual([
      [5, 5, 200],
      [6, 1, 200],
    ]);
  });

  test('waits for no agent that has ended', () => {
    const { recorder, lines } = recorderOf();
    recorder.take(0, sample(0, 1, { open: 5 }));
    recorder.take(1, sample(0, 1, { open: 7 }));
    recorder.ended(0);
    recorder.take(1, sample(1, 2, { open: 7 }));
    expect(lines.map(({ connections }) => connections.open)).toEqual([12, 7]);
  });

  test('at the end of the run holds the clients of all agents, however the agents end one after the other', () => {
    const { recorder, lines } = recorderOf();
    for (const agent of [0, 1]) recorder.take(agent, sample(0, 1, { open: 5, cpuSeconds: 0.5 }));
    for (const agent of [0, 1]) recorder.take(agent, sample(1, 1.5, { open: 5, cpuSeconds: 1 }));
    for (const agent of [0, 1]) recorder.ended(agent);
    expect(lines.map(({ t, connections, generator }) => [t, connections.open, generator.cpu])).toEqual([
      [1, 10, 1],
      [1.5, 10, 2],
    ]);
  });

  test('that is short at the end of the run has its rates over what it is', () => {
    const { recorder, lines } = recorderOf(1);
    recorder.take(0, sample(0, 1, { delivered: 1000 }));
    recorder.take(0, sample(1, 1.094, { delivered: 94 }));
    recorder.ended(0);
    expect(lines.map(({ seconds, messages }) => Math.round(messages.delivered / seconds))).toEqual([
      1000, 1000,
    ]);
  });
});

describe('the CPU of the agents', () => {
  test('is told from the first second on', () => {
    const { recorder, lines } = recorderOf();
    recorder.take(0, sample(0, 1, { cpuSeconds: 0.5 }));
    recorder.take(1, sample(0, 1, { cpuSeconds: 0.25 }));
    expect(lines[0]?.generator.cpu).toBeCloseTo(0.75, 9);
  });

  test('is over the time in which it was used, not over the line: a short last one does not have six cores of two', () => {
    const { recorder, lines } = recorderOf(1);
    recorder.take(0, sample(0, 1, { cpuSeconds: 0.5 }));
    // The agent was late with the second: half of the CPU until here was read with the line before.
    recorder.take(0, sample(1, 1.094, { cpuSeconds: 1, cpuReadAtMs: START_MS + 2000 }));
    recorder.ended(0);
    expect(lines[1]?.generator.cpu).toBeCloseTo(0.5, 9);
  });
});

describe('the peak of connections', () => {
  test('is that of any moment, not of the end of a second', () => {
    const { recorder, lines } = recorderOf(1);
    recorder.take(0, sample(0, 1, { open: 500, openPeak: 500, openLow: 0 }));
    recorder.take(0, sample(1, 2, { open: 480, openPeak: 520, openLow: 470 }));
    expect(lines.map(({ connections }) => connections.peak)).toEqual([500, 520]);
    expect(recorder.counts.peak).toBe(520);
  });

  test('of several agents is what is certain: one had its most while the others had no fewer than their fewest', () => {
    const { recorder } = recorderOf();
    // Each had 500 at some time in the second, but perhaps never together.
    recorder.take(0, sample(0, 1, { open: 100, openPeak: 500, openLow: 90 }));
    recorder.take(1, sample(0, 1, { open: 400, openPeak: 500, openLow: 350 }));
    expect(recorder.counts.peak).toBe(850);
  });

  test('is never below the number at the end of a second', () => {
    const { recorder } = recorderOf();
    recorder.take(0, sample(0, 1, { open: 500, openPeak: 500, openLow: 0 }));
    recorder.take(1, sample(0, 1, { open: 500, openPeak: 500, openLow: 0 }));
    expect(recorder.counts.peak).toBe(1000);
  });
});
