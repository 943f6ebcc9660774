import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostsLab, recordIn } from './lab.js';
import { expectLoss, NOTICED_WITHIN_MS } from './losses.js';
import { describeHosts } from './rights.js';
import { until } from './until.js';

const CUT_MS = 10_000;
const talk = (duration: string) => [{ name: 'talk', duration, rate: '60/s' }];

describeHosts('a machine whose link is cut for ten seconds', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {}, two: {}, three: {} });
  });
  afterAll(() => lab?.close());

  test('is named, its clients are unknown, the run is invalid; it stops its load, and is ready again', async () => {
    const machine = lab.machine('two');
    const run = await lab.startRun({ phases: talk('20s'), agents: { hosts: 3 } });
    await run.command.said(/\d s +talk/);
    expect(machine.connections()).toBeGreaterThan(20);

    const cutAtMs = machine.host.cut();
    await expect.poll(() => machine.agents(), { timeout: NOTICED_WITHIN_MS }).toEqual([]);
    await expect.poll(() => machine.connections()).toBe(0);
    const outcome = await run.outcome;
    const record = recordIn(outcome);
    await until(cutAtMs + CUT_MS);
    machine.host.join();

    expect([record.verdict, outcome.status]).toEqual(['invalid', 1]);
    const [agent] = expectLoss(record, 'two', cutAtMs);
    expect(outcome.stdout).toMatch(/\btwo\b/);
    expect(agent?.lost?.why).toMatch(/heard|silent|cut/);
    await lab.whenFree('two');
  });

  test('is tolerated where the scenario says so: the run goes on and says what remained', async () => {
    const machine = lab.machine('three');
    const run = await lab.startRun({ phases: talk('10s'), agents: { hosts: 3, lost: 'tolerate' } });
    await run.command.said(/\d s +talk/);

    const cutAtMs = machine.host.cut();
    await until(cutAtMs + CUT_MS);
    machine.host.join();
    const record = recordIn(await run.outcome);

    // Also on the machine that was cut off in the test before, which has its part again.
    expect(record.connections.peak).toBe(100);
    expectLoss(record, 'three', cutAtMs);
    expect(record.phases.find(({ name }) => name === 'talk')).toMatchObject({ name: 'talk' });
    expect(record.durationSeconds).toBeGreaterThan(11);
    expect(record.verdict).toBe('passed');
    expect(record.notes.join('\n')).toMatch(/three/);
    await lab.whenFree('three');
  });
});
