import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAlive } from '../support/commands.js';
import { HostsLab, type LabRun, type Machine, recordIn } from './lab.js';
import { expectLoss, NOTICED_WITHIN_MS } from './losses.js';
import { describeHosts } from './rights.js';
import { until } from './until.js';

const STOPPED_MS = 8000;

describeHosts('processes of a machine that die or stand still', () => {
  let lab: HostsLab;
  let machine: Machine;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {}, two: {} });
    machine = lab.machine('two');
  });
  afterAll(() => lab?.close());

  const startTalking = async (): Promise<LabRun> => {
    const run = await lab.startRun({
      phases: [{ name: 'talk', duration: '20s', rate: '60/s' }],
      agents: { hosts: 2 },
    });
    await run.command.said(/\d s +talk/);
    return run;
  };

  const standStill = async (pid: number, sinceMs: number): Promise<void> => {
    await until(sinceMs + STOPPED_MS);
    if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  };

  test('an agent that is killed: what was under way in it is unknown, not lost', async () => {
    const run = await startTalking();
    // With the server out of reach for a moment, something is under way.
    lab.server.cut();
    await run.command.said(/in-flight +[1-9]\d/);
    const killedAtMs = Date.now();
    process.kill(machine.agent(), 'SIGKILL');
    lab.server.join();

    const outcome = await run.outcome;
    const record = recordIn(outcome);

    expect([record.verdict, outcome.status]).toEqual(['invalid', 1]);
    const [agent] = expectLoss(record, 'two', killedAtMs);
    expect(record.messages.unknown).toBeGreaterThan(0);
    expect(agent?.lost?.why).toContain('SIGKILL');
    await lab.whenFree('two');
  });

  test('an agent that stands still for eight seconds is lost before it goes on, and ended', async () => {
    const run = await startTalking();
    const pid = machine.agent();
    const stoppedAtMs = Date.now();
    process.kill(pid, 'SIGSTOP');

    const [outcome] = await Promise.all([run.outcome, standStill(pid, stoppedAtMs)]);
    const record = recordIn(outcome);

    expect([record.verdict, outcome.status]).toEqual(['invalid', 1]);
    expectLoss(record, 'two', stoppedAtMs);
    await expect.poll(() => machine.agents()).toEqual([]);
    await lab.whenFree('two');
  });

  test('a `c2m agent` that stands still for eight seconds is lost; its agents stop, and it goes on to be free', async () => {
    const run = await startTalking();
    const { pid } = machine.daemon;
    const stoppedAtMs = Date.now();
    machine.daemon.kill('SIGSTOP');

    const isLoadOver = expect
      .poll(() => machine.connections(), { timeout: NOTICED_WITHIN_MS + 1000 })
      .toBe(0);
    const [outcome] = await Promise.all([run.outcome, standStill(pid, stoppedAtMs), isLoadOver]);
    const record = recordIn(outcome);

    expect([record.verdict, outcome.status]).toEqual(['invalid', 1]);
    expectLoss(record, 'two', stoppedAtMs);
    await lab.whenFree('two');
    expect(recordIn(await lab.run({ agents: { hosts: 2 } })).verdict).toBe('passed');
  });
});
