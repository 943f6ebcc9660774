import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import { contradictions } from '../../record/sums.js';
import { HostsLab, type LabOutcome, recordIn } from './lab.js';
import { describeHosts } from './rights.js';
import { until } from './until.js';

const SCENARIO = {
  phases: [{ name: 'talk', duration: '6s', rate: '80/s' }],
  agents: { hosts: 2 },
};

/** Every message is accounted for once, and every second of every agent is in the timeline once. */
async function expectWhole(outcome: LabOutcome): Promise<void> {
  const record = recordIn(outcome);
  expect(record.verdict).toBe('passed');
  expect(record.hosts.flatMap(({ agents }) => agents.map(({ lost }) => lost))).toEqual([null, null]);
  const { messages, connections } = record;
  expect(messages.due).toBeGreaterThan(400);
  expect(messages).toMatchObject({
    sent: messages.due,
    delivered: messages.due,
    lost: 0,
    unknown: 0,
    unsent: 0,
  });
  expect(connections).toMatchObject({ peak: 100, dropped: 0, unknown: 0 });
  expect(contradictions(record)).toEqual([]);
  const lines = await readTimeline(outcome.folder);
  expect(lines.reduce((sum, line) => sum + line.messages.sent, 0)).toBe(messages.sent);
  expect(lines.reduce((sum, line) => sum + line.messages.delivered, 0)).toBe(messages.delivered);
  expect(record.latency.delivered.count).toBe(messages.delivered);
}

describeHosts('a short break loses nothing, and samples are merged once each', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {}, two: {} });
  });
  afterAll(() => lab?.close());

  test('the link of a machine is cut for a second and a half', async () => {
    const run = await lab.startRun(SCENARIO);
    await run.command.said(/\d s +talk/);
    const { host } = lab.machine('two');
    host.cut();
    await until(Date.now() + 1500);
    host.join();
    const outcome = await run.outcome;
    await expectWhole(outcome);
    // What was on its way meanwhile waited, so the break is in the figures.
    expect(recordIn(outcome).latency.delivered.max).toBeGreaterThan(1000);
  });

  test('nats-server is killed and started again in the middle of the run', async () => {
    const run = await lab.startRun(SCENARIO);
    await run.command.said(/\d s +talk/);
    await lab.killNats();
    await lab.startNats();
    await expectWhole(await run.outcome);
    await lab.whenFree('one', 'two');
  });
});
