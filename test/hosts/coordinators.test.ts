import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../record/run.js';
import { c2mHere } from '../cli/c2m.js';
import { HostsLab, readRecord, recordIn } from './lab.js';
import { NOTICED_WITHIN_MS } from './losses.js';
import { describeHosts } from './rights.js';

const talk = (duration: string) => [{ name: 'talk', duration, rate: '60/s' }];
const clientsFrom = (firstUser: number) => ({ count: 100, connectRate: '1000/s', firstUser });

describeHosts('coordinators', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {}, two: {} });
  });
  afterAll(() => lab?.close());

  test('one that is killed: its agents stop within five seconds, and it leaves a record of what it had', async () => {
    const run = await lab.startRun({ phases: talk('30s'), agents: { hosts: 2 } });
    await expect
      .poll(async () => (await readRecord(run.folder))?.messages.delivered ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(100);
    const machines = [lab.machine('one'), lab.machine('two')];

    run.command.kill('SIGKILL');
    await expect
      .poll(() => machines.flatMap((machine) => machine.agents()), { timeout: NOTICED_WITHIN_MS })
      .toEqual([]);
    await expect.poll(() => lab.server.connectionsTo(4000)).toBe(0);
    await lab.whenFree('one', 'two');

    const { folder } = await run.outcome;
    const report = await c2mHere('report', folder, '--json');
    expect(report.stderr).toBe('');
    const record = JSON.parse(report.stdout) as RunRecord;
    expect(record.verdict).toBe('partial');
    expect(record.messages.delivered).toBeGreaterThan(100);
  });

  test('of two that want the same machines, which are free again, one gets them, and the other is told who has them', async () => {
    const first = await lab.startRun({ name: 'first', phases: talk('10s'), agents: { hosts: 2 } });
    await first.command.said(/clients are simulated on/);
    const second = await lab.run({ name: 'second', agents: { atLeast: 1, wait: '1s' } });

    expect(second.status).toBe(1);
    expect(second.record).toBeUndefined();
    expect(second.stderr).toMatch(/\b(one|two)\b.*first/);
    expect(recordIn(await first.outcome)).toMatchObject({ verdict: 'passed', connections: { peak: 100 } });
  });

  test('both run where there are machines enough', async () => {
    const runs = await Promise.all([
      lab.startRun({ name: 'first', agents: { hosts: 1 }, clients: clientsFrom(1) }),
      lab.startRun({ name: 'second', agents: { hosts: 1 }, clients: clientsFrom(1001) }),
    ]);
    const outcomes = await Promise.all(runs.map(({ outcome }) => outcome));

    for (const outcome of outcomes) {
      expect(outcome.stderr).toBe('');
      expect(recordIn(outcome)).toMatchObject({
        verdict: 'passed',
        connections: { peak: 100 },
        messages: { leftOver: 0 },
      });
    }
    const machines = outcomes.map((outcome) =>
      recordIn(outcome)
        .hosts.map(({ name }) => name)
        .join(),
    );
    expect(machines.sort()).toEqual(['one', 'two']);
  });
});
