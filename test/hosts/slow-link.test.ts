import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostsLab, type LabOutcome, recordIn } from './lab.js';
import { agentsOn } from './losses.js';
import { describeHosts } from './rights.js';
import { until } from './until.js';

const SCENARIO = {
  messages: { size: '2KiB' },
  phases: [{ name: 'talk', duration: '4s', rate: '80/s' }],
  agents: { hosts: 2 },
};

/** The host whose agent was the latest, by the figures of the record. */
function latest(outcome: LabOutcome): string {
  const lag = (name: string): number => agentsOn(recordIn(outcome), name)[0]?.lagP99Ms ?? Number.NaN;
  return lag('slow') > lag('fast') ? 'slow' : 'fast';
}

describeHosts('a machine that is slower than the others', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ fast: {}, slow: {} });
  });
  afterAll(() => lab?.close());

  const expectRight = async (outcome: LabOutcome): Promise<void> => {
    const record = recordIn(outcome);
    expect(record).toMatchObject({ verdict: 'passed', connections: { peak: 100 }, messages: { lost: 0 } });
    expect(record.hosts.map(({ name }) => name).sort()).toEqual(['fast', 'slow']);
    for (const agent of record.hosts.flatMap(({ agents }) => agents))
      expect(agent).toMatchObject({ clients: 50, lost: null, delivered: agent.sent });
    const slowest = new RegExp(`agent \\d on ${latest(outcome)} was the slowest`);
    expect(outcome.stdout).toMatch(slowest);
    expect(await readFile(join(outcome.folder, 'junit.xml'), 'utf8')).toMatch(slowest);
  };

  test('an agent that stands still for two seconds is not lost; its lag is told, and that it was the slowest', async () => {
    const run = await lab.startRun(SCENARIO);
    await run.command.said(/\d s +talk/);
    const pid = lab.machine('slow').agent();
    process.kill(pid, 'SIGSTOP');
    await until(Date.now() + 2000);
    process.kill(pid, 'SIGCONT');
    const outcome = await run.outcome;

    await expectRight(outcome);
    expect(latest(outcome)).toBe('slow');
    expect(agentsOn(recordIn(outcome), 'slow')[0]?.lagMaxMs).toBeGreaterThan(1500);
  });

  test('behind a link of a megabit the run is right, and the wait for the link is in its latencies', async () => {
    lab.machine('slow').host.slow('1mbit');
    const outcome = await lab.run(SCENARIO);

    await expectRight(outcome);
    // Two kibibytes take sixteen milliseconds there, both ways, and seven tenths of the time it is busy.
    expect(recordIn(outcome).latency.delivered.p90).toBeGreaterThan(16);
  });
});
