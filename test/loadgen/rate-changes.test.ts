import { describe, expect, test } from 'vitest';
import type { RunHandle } from '../../loadgen/run.js';
import { readTimeline } from '../../record/folder.js';
import type { Phase } from '../../scenarios/scenario.js';
import { testRun, testScenario } from '../support/run.js';
import { addressOf, testServer } from '../support/server.js';

function phase(name: string, durationMs: number, messageRate: number): Phase {
  return { name, durationMs, messageRate, away: 0, churnRate: 0, awayForMs: 0, cut: 0 };
}

/** A run of two agents, whose messages fall due at even times. */
async function twoAgents(phases: Phase[]): Promise<RunHandle & { folder: string }> {
  const server = await testServer();
  const scenario = testScenario((each) => {
    each.generator.agents = 2;
    each.phases = phases;
  });
  return testRun(scenario, addressOf(server), server.adminUrl);
}

/** Resolves in the midst of a phase. */
function inPhase(run: RunHandle, name: string): Promise<void> {
  return new Promise((resolve) => {
    run.on('sample', (sample) => {
      if (sample.phase === name) resolve();
    });
  });
}

describe('the rate of a run that goes on', () => {
  test('is another from the moment that is told to the end of the phase, and all agents take it for the same', async () => {
    const run = await twoAgents([phase('talk', 4000, 100), phase('after', 1500, 100)]);
    await inPhase(run, 'talk');
    const words = run.changeRate(1000, 'ann@box');
    const { messages, phases, rateChanges = [], marks, notes } = await run.measurement;

    const [change] = rateChanges;
    expect(rateChanges).toEqual([
      { atSeconds: expect.any(Number), phase: 'talk', perSecond: 1000, by: 'ann@box' },
    ]);
    const [talk, after] = [phases[1], phases[2]];
    const before = (change?.atSeconds ?? 0) - (talk?.startSeconds ?? 0);
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(4);
    // Of each stretch the last message may fall on its end.
    const due = before * 100 + (4 - before) * 1000 + 150;
    expect(Math.abs((messages.due ?? 0) - due)).toBeLessThanOrEqual(3);
    expect(messages).toMatchObject({ lost: 0, unsent: 0, delivered: messages.sent });
    expect(after?.latency?.delivered.count).toBeLessThanOrEqual(151);

    expect(words).toBe(
      `1,000/s from ${change?.atSeconds} s of the run on, until phase talk ends at ${talk?.endSeconds} s`,
    );
    expect(marks).toEqual([{ atSeconds: change?.atSeconds, label: 'rate 1,000/s' }]);
    expect(notes.join()).toContain(`1,000/s in phase talk from ${change?.atSeconds} s on (ann@box)`);
    expect(notes.join()).toContain('comparable with no other');
  });

  test('may be nothing at all, and something again', async () => {
    const run = await twoAgents([phase('talk', 6000, 200)]);
    await inPhase(run, 'talk');
    run.changeRate(0, 'ann');
    const silent = new Promise<void>((resolve) => {
      run.on('sample', ({ messages }) => {
        if (messages.due === 0 && messages.delivered === 0) resolve();
      });
    });
    await silent;
    run.changeRate(50, 'ann');
    const { rateChanges = [], phases } = await run.measurement;
    const [from = 0, to = 0] = rateChanges.map(({ atSeconds }) => atSeconds);
    const samples = (await readTimeline(run.folder)).filter((sample) => sample.phase === 'talk');
    const inside = samples.filter(({ t, seconds }) => t - seconds >= from && t <= to);
    expect(inside.length).toBeGreaterThan(0);
    expect(inside.map(({ messages }) => messages.due)).toEqual(inside.map(() => 0));
    const end = phases[1]?.endSeconds ?? 0;
    const due = samples.filter(({ t, seconds }) => t - seconds >= to && t <= end);
    for (const { messages, seconds } of due)
      expect(Math.abs(messages.due - 50 * seconds)).toBeLessThanOrEqual(2);
  });

  test('cannot be changed before there is one, nor after, nor when the run is to end', async () => {
    const run = await twoAgents([phase('talk', 2000, 100)]);
    expect(() => run.changeRate(5, 'ann')).toThrow('the rate cannot be changed now');
    const refusals: string[] = [];
    run.on('phase', ({ name }) => {
      try {
        run.changeRate(5, 'ann');
      } catch (error) {
        refusals.push(`${name}: ${(error as Error).message}`);
      }
      // The last moment of a phase, of which the agents would hear too late.
      if (name === 'talk') run.interrupt('that was enough');
    });
    await inPhase(run, 'connect');
    const { rateChanges, isPartial, notes } = await run.measurement;
    expect(refusals[0]).toContain('connect: the rate cannot be changed now: no phase is under way');
    expect(refusals.at(-1)).toContain('drain: the rate cannot be changed now: the run is ending');
    // That in the midst of `talk` was taken.
    expect(rateChanges).toHaveLength(1);
    expect(isPartial).toBe(true);
    expect(notes).toContain('that was enough');
  });

  test('is that of the scenario where nobody changes it, and the record has no word of it', async () => {
    const run = await twoAgents([phase('talk', 500, 100)]);
    const measurement = await run.measurement;
    expect(measurement).not.toHaveProperty('rateChanges');
    expect([measurement.marks, measurement.notes]).toEqual([[], []]);
  });
});
