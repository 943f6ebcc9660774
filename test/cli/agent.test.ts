import { describe, expect, it } from 'vitest';
import type { Announcement } from '../../loadgen/coordination/nats/messages.js';
import { monotonicMs } from '../../loadgen/monotonic-clock.js';
import { agentProcesses, isRunning } from '../support/agent-processes.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { addressOf, statsOf, testServer } from '../support/server.js';
import { planFor, TestCoordinator } from '../support/test-coordinator.js';
import { c2mHere, type RunningCommand, startC2m } from './c2m.js';

function urlOf(nats: NatsServer): string {
  return `nats://127.0.0.1:${nats.endpoint.port}`;
}

interface Lent {
  nats: NatsServer;
  agent: RunningCommand;
  coordinator: TestCoordinator;
  host: Announcement;
}

/** `c2m agent` in a process of its own, that a coordinator has taken. */
async function takenMachine(): Promise<Lent> {
  const nats = await startNatsServer();
  const agent = startC2m('agent', '--nats', urlOf(nats), '--name', 'laptop', '--label', 'eu');
  await agent.said(/lends laptop/);
  const coordinator = await TestCoordinator.connect(nats);
  const host = await coordinator.find();
  expect(await coordinator.take(host)).toEqual({ kind: 'done' });
  return { nats, agent, coordinator, host };
}

/** The same with an agent whose clients are connected, and talk for a minute. */
async function talkingMachine() {
  const lent = await takenMachine();
  const server = await testServer();
  const { coordinator, host, agent } = lent;
  coordinator.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
  await coordinator.said('ready');
  const [pid] = agentProcesses(agent.pid) as [number];
  coordinator.tell({ kind: 'connect', atMs: monotonicMs() });
  await coordinator.said('connected');
  const phase = {
    name: 'talk',
    durationMs: 60_000,
    messageRate: 200,
    away: 0,
    churnRate: 0,
    awayForMs: 0,
    cut: 0,
  };
  coordinator.tell({ kind: 'phase', phase, atMs: monotonicMs() });
  await expect.poll(async () => (await statsOf(server)).counters.sends).toBeGreaterThan(20);
  return { ...lent, server, pid };
}

describe('c2m agent', () => {
  it('says what it lends, whose run it has, and when that has ended', async () => {
    const { agent, coordinator, host } = await takenMachine();
    expect(host).toMatchObject({ name: 'laptop', labels: ['eu'], allow: [] });
    await coordinator.release(host);
    await agent.said(/run run1 has ended here: its coordinator let go of it/);
    agent.kill('SIGTERM');
    const { status, stdout } = await agent.ended;
    expect(status).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines.map((line) => line.replace(/^\S+Z /, ''))).toEqual([
      expect.stringMatching(
        /^lends laptop: \d+ cores, about [\d,]+ clients over sockets.*, (packets too|none over packets \(.*\)), load goes to itself$/,
      ),
      'taken by run run1 of ann@desk',
      'run run1 has ended here: its coordinator let go of it',
      'does not lend laptop any more',
    ]);
  });

  it('ends its agents at Ctrl-C, tells the coordinator why, and leaves', async () => {
    const { agent, coordinator, server, pid } = await talkingMachine();
    agent.kill('SIGINT');
    expect(await coordinator.ended()).toBe('its machine was taken back by its owner');
    expect((await agent.ended).status).toBe(0);
    expect(isRunning(pid)).toBe(false);
    await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
  });

  it('leaves at once at the second Ctrl-C', async () => {
    const { agent, coordinator, pid } = await talkingMachine();
    await coordinator.vanish();
    agent.kill('SIGINT');
    // Its agents are gone by then, and it waits for a coordinator that does not hear it.
    await expect.poll(() => isRunning(pid), { interval: 5 }).toBe(false);
    agent.kill('SIGINT');
    expect((await agent.ended).status).toBe(130);
  });

  it('takes its agents with it when it is killed', async () => {
    const { agent, server, pid } = await talkingMachine();
    agent.kill('SIGKILL');
    await expect.poll(() => isRunning(pid), { timeout: 3000 }).toBe(false);
    await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
  });

  it('stopped, leaves agents that end by themselves within 5 seconds, and is free once it goes on', async () => {
    const { agent, coordinator, nats, server, pid } = await talkingMachine();
    const sinceMs = monotonicMs();
    agent.kill('SIGSTOP');
    try {
      await expect.poll(() => isRunning(pid), { interval: 50 }).toBe(false);
      expect(monotonicMs() - sinceMs).toBeLessThan(5000);
      expect(monotonicMs() - sinceMs).toBeGreaterThan(2000);
      await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
    } finally {
      agent.kill('SIGCONT');
    }
    expect((await coordinator.said('error')).message).toBe('was not told to go on for 4 s');
    await coordinator.release(await coordinator.find());
    const next = await TestCoordinator.connect(nats, 'run2');
    expect(await next.take(await next.find())).toEqual({ kind: 'done' });
  });

  it('leaves at SIGTERM while NATS is gone, with a run and without', async () => {
    const { nats, agent, pid } = await talkingMachine();
    const idle = startC2m('agent', '--nats', urlOf(nats), '--name', 'idle');
    await idle.said(/lends idle/);
    await nats.kill();
    for (const each of [agent, idle]) await each.said(/lost the connection to NATS/);
    const fromMs = monotonicMs();
    for (const each of [agent, idle]) {
      each.kill('SIGTERM');
      expect(await each.ended).toMatchObject({ status: 0, stderr: '' });
    }
    expect(monotonicMs() - fromMs).toBeLessThan(8000);
    expect(isRunning(pid)).toBe(false);
  });

  it('says what to do when NATS does not let it in', async () => {
    const nats = await startNatsServer({ config: 'authorization { user: lab, password: s3cret }' });
    const { status, stderr } = await c2mHere('agent', '--nats', urlOf(nats), '--nats-user', 'lab');
    expect(status).toBe(1);
    expect(stderr).toMatch(/does not take this user and password; correct them/);
  });

  it.each<[string, string[], RegExp]>([
    ['where NATS is', [], /^--nats is missing: where are the machines met/],
    ['a label', ['--nats', 'nats://127.0.0.1', '--label', 'a b'], /^--label: "a b" must be letters/],
    ['a name', ['--nats', 'nats://127.0.0.1', '--name', ''], /^--name: "" must be 1 to 64 signs/],
    ['a host', ['--nats', 'nats://127.0.0.1', '--allow', '10/8'], /^--allow: "10\/8" is no host/],
  ])('asks for %s that it can use', async (_, options, words) => {
    const { status, stderr } = await c2mHere('agent', ...options);
    expect(status).toBe(2);
    expect(stderr).toMatch(words);
  });
});
