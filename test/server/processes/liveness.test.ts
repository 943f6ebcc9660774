import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { FrameType, PROTOCOL_VERSION, ReasonCode } from '../../../protocol/frame.js';
import { ServerState } from '../../../server/admin/server-state.js';
import { Topology } from '../../../server/bus/topology.js';
import { parseServerConfig } from '../../../server/config.js';
import { Liveness } from '../../../server/processes/liveness.js';
import type { WorkerReport } from '../../../server/processes/worker.js';
import { newCounters } from '../../../server/queues/counters.js';
import { TestClient } from '../../support/client.js';
import { testFolder } from '../../support/folder.js';
import { addressOf, crash, statsOf, testServer } from '../../support/server.js';

async function health(server: { adminUrl: string | null }): Promise<[number, string]> {
  const response = await fetch(`${server.adminUrl}/healthz`);
  return [response.status, await response.text()];
}

/** A user from 1 on that has this home. */
function userAt(home: number, topology: Topology, user = 1): number {
  return topology.homeOf(user) === home ? user : userAt(home, topology, user + 1);
}

describe('a process that hangs', () => {
  test('is killed and started again, and /healthz tells of it meanwhile', async () => {
    const server = await testServer({ workers: 2, homes: 1, limits: { hangTimeoutMs: 2000 } });
    await expect.poll(async () => (await statsOf(server)).workers.length).toBe(3);
    const home = (await statsOf(server)).workers[2];
    expect(await health(server)).toEqual([200, 'ok\n']);

    process.kill(home?.pid as number, 'SIGSTOP');

    await expect.poll(() => health(server)).toEqual([503, expect.stringContaining('has not answered for')]);
    await expect
      .poll(async () => (await statsOf(server)).restarts)
      .toEqual([expect.objectContaining({ worker: 2, reason: expect.stringContaining('had not answered') })]);
    await expect.poll(() => health(server)).toEqual([200, 'ok\n']);
    await TestClient.login(addressOf(server), 1);
  }, 60_000);

  test('that goes on in time is left alone', async () => {
    const said: string[] = [];
    let hung = false;
    const liveness = new Liveness(
      {
        pid: undefined,
        silent: () => said.push('silent'),
        recovered: () => said.push('recovered'),
        hangs: () => {
          hung = true;
        },
      },
      80,
    );
    await expect.poll(() => said).toContain('silent');
    liveness.heard();
    expect(said.at(-1)).toBe('recovered');
    expect(hung).toBe(false);
    liveness.close();
  });

  test('is told from one that works: that is given longer', async () => {
    // This process is at work, and never says so.
    const begun = performance.now();
    const seconds = await new Promise<number>((resolve) => {
      const nothing = () => undefined;
      new Liveness({ pid: process.pid, silent: nothing, recovered: nothing, hangs: resolve }, 40);
      const isAtWork = setInterval(() => {
        for (const until = performance.now() + 8; performance.now() < until; );
        if (performance.now() - begun > 2000) clearInterval(isAtWork);
      }, 2);
    });
    expect(seconds).toBeCloseTo((6 * 40) / 1000);
  });
});

test('counters do not fall between the death of a process and the first word of its successor', () => {
  const state = new ServerState('1', parseServerConfig({}), 'one', pino({ level: 'silent' }));
  const report = {
    stats: { worker: 0, pid: 1, connections: 2, privateBytes: 1, cpuSeconds: 3, eventLoopLagP99Ms: 0 },
    counters: { ...newCounters(), accepted: 5 },
    users: 1,
    store: { items: 4, diskBytes: 100, commits: 3, commitMs: 1 },
    queues: {},
  };
  state.take(report as unknown as WorkerReport);

  state.died(0, 'killed');

  expect(state.stats().counters.accepted).toBe(5);
  expect(state.stats().store.commits).toBe(3);
  state.take({
    ...report,
    stats: { ...report.stats, pid: 2 },
    counters: newCounters(),
  } as unknown as WorkerReport);
  expect(state.stats().counters.accepted).toBe(5);
});

test('counters do not fall when a process dies: its successor goes on from there', async () => {
  const server = await testServer({ supervised: true });
  const anna = await TestClient.login(addressOf(server), 1);
  for (let id = 1; id <= 20; id += 1) anna.send(2, id, 'for somebody who is away');
  for (let id = 1; id <= 20; id += 1) await anna.next(FrameType.Accepted);
  await expect.poll(async () => (await statsOf(server)).counters.accepted).toBe(20);
  const before = await statsOf(server);

  const after = await crash(server, 0);

  expect(after.counters.accepted).toBe(20);
  await expect.poll(async () => (await statsOf(server)).workers.length).toBe(1);
  const { counters, workers } = await statsOf(server);
  expect(counters).toMatchObject({ accepted: 20, logins: 1 });
  expect(workers[0]?.cpuSeconds).toBeGreaterThanOrEqual(before.workers[0]?.cpuSeconds as number);
});

test('one worker alone is started again where it is supervised, on the same address', async () => {
  const server = await testServer({ supervised: true });
  const anna = await TestClient.login(addressOf(server), 1);

  await crash(server, 0);

  await anna.closed;
  await TestClient.login(addressOf(server), 1);
});

test('a worker that dies closes nobody who had nothing to do with it', async () => {
  const [WORKERS, HOMES] = [2, 2];
  const topology = new Topology({ workers: WORKERS, homes: HOMES });
  const server = await testServer({ workers: WORKERS, homes: HOMES, portPerWorker: true });
  const [first, second] = server.addresses as [(typeof server.addresses)[0], (typeof server.addresses)[0]];
  const dying = await TestClient.login(first, userAt(WORKERS, topology));
  const staying = await TestClient.login(second, userAt(WORKERS + 1, topology));
  let isClosed = false;
  staying.closed.then(() => {
    isClosed = true;
  });

  await crash(server, 0);
  await dying.closed;
  await crash(server, WORKERS);
  await staying.settle();

  expect(isClosed).toBe(false);
});

describe('while a home does not answer', () => {
  const [WORKERS, HOMES] = [2, 2];
  const topology = new Topology({ workers: WORKERS, homes: HOMES });
  const STILL = WORKERS;
  const settings = { workers: WORKERS, homes: HOMES, portPerWorker: true };

  async function start(limits: object) {
    const server = await testServer({ ...settings, limits });
    await expect.poll(async () => (await statsOf(server)).workers.length).toBe(WORKERS + HOMES);
    const pid = (await statsOf(server)).workers.find(({ worker }) => worker === STILL)?.pid as number;
    return { server, pid };
  }

  test('no more logins wait for it than may, and the next is told Overloaded', async () => {
    const { server, pid } = await start({ loginsUnderWay: 3 });
    process.kill(pid, 'SIGSTOP');
    try {
      const waiting: TestClient[] = [];
      for (let user = 0, at = 0; at < 3; at += 1) {
        user = userAt(STILL, topology, user + 1);
        const client = await TestClient.connect(addressOf(server));
        client.say(
          { type: FrameType.Hello, version: PROTOCOL_VERSION },
          { type: FrameType.Login, user, token: '' },
        );
        waiting.push(client);
      }
      // One after the other on one worker: when this one is answered, the others have been read.
      await expect.poll(async () => (await statsOf(server)).counters.logins).toBe(3);
      const next = await TestClient.connect(addressOf(server));
      next.say(
        { type: FrameType.Hello, version: PROTOCOL_VERSION },
        { type: FrameType.Login, user: userAt(STILL + 1, topology), token: '' },
      );

      expect(await next.next(FrameType.Error)).toMatchObject({ code: ReasonCode.Overloaded });

      process.kill(pid, 'SIGCONT');
      for (const client of waiting) await client.next(FrameType.Welcome);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  test('and dies, those who have asked it for something are closed to ask again, and nobody else', async () => {
    const { server, pid } = await start({});
    const [asker, bystander] = [userAt(STILL + 1, topology), userAt(STILL + 1, topology, 1000)];
    const asking = await TestClient.login(addressOf(server), asker);
    const staying = await TestClient.login(addressOf(server), bystander);
    process.kill(pid, 'SIGSTOP');
    asking.send(userAt(STILL, topology), 1, 'to whom nobody answers for');
    await asking.settle();

    process.kill(pid, 'SIGKILL');

    expect(await asking.next(FrameType.Error)).toMatchObject({ code: ReasonCode.InternalError });
    await asking.closed;
    await staying.settle();
    const again = await TestClient.login(addressOf(server), asker);
    await expect
      .poll(async () => {
        again.send(userAt(STILL, topology), 1, 'to whom nobody answers for');
        return (await again.nextFrame()).type;
      })
      .toBe(FrameType.Accepted);
  });
});

test('a process is started again though its temporary folder was cleared away', async () => {
  const temporary = testFolder();
  vi.stubEnv('TMPDIR', temporary);
  const server = await testServer({ workers: 2 });
  vi.unstubAllEnvs();
  for (const name of readdirSync(temporary)) rmSync(join(temporary, name), { recursive: true });

  await crash(server, 0);

  // Both keep mailboxes: each must reach the other.
  const topology = new Topology({ workers: 2, homes: 0 });
  const [anna, bert] = [userAt(0, topology), userAt(1, topology)];
  for (const user of [anna, bert, anna, bert]) {
    const client = await TestClient.login(addressOf(server), user);
    for (const [id, to] of [anna, bert].entries()) client.send(to, Date.now() * 10 + id, 'hello');
    const accepted: number[] = [];
    // An answer from the other process may come behind those of a few turns here.
    while (accepted.length < 2) {
      const frame = await client.nextFrame('two ACCEPTED');
      if (frame.type === FrameType.Accepted) accepted.push(frame.id);
    }
    await client.cut();
  }
});
