import { describe, expect, test } from 'vitest';
import { SUBJECTS } from '../../../../loadgen/coordination/nats/messages.js';
import { readHostFacts } from '../../../../loadgen/host-facts.js';
import { announce, coordinate, lendMachine, VERSION } from '../../../support/lent-machines.js';
import { startNatsServer } from '../../../support/nats-server.js';

const names = (hosts: { name: string }[]): string[] => hosts.map(({ name }) => name);

describe('the machines of a run', () => {
  test('are all that have answered, with their facts and their clocks', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'a', { labels: ['eu'] });
    await lendMachine(server, 'b');
    const { coordinator, told } = await coordinate(server);
    const hosts = await coordinator.hosts();
    expect(names(hosts).sort()).toEqual(['a', 'b']);
    const a = hosts.find(({ name }) => name === 'a');
    expect(a).toMatchObject({ labels: ['eu'], facts: { cores: readHostFacts().cores } });
    expect(a?.environment.c2m).toBe(VERSION);
    // It is this machine, so the clock is the same.
    expect(Math.abs(a?.clock?.offsetMs ?? Number.NaN)).toBeLessThanOrEqual(a?.clock?.uncertaintyMs as number);
    expect(told.at(-1)).toMatch(/^clients are simulated on (a|b) \(\d+ cores, clock known to ±[\d.]+ ms\), /);
    expect(await coordinator.hosts()).toBe(hosts);
  });

  test('are those that hold most, where a scenario wants only so many', async () => {
    const server = await startNatsServer();
    const facts = readHostFacts();
    for (const [id, cores] of [
      ['small', 1],
      ['large', 64],
      ['middle', 8],
    ] as const)
      await announce(server, { id, name: id, facts: { ...facts, cores } });
    const { coordinator } = await coordinate(server, { hosts: 2 });
    expect(names(await coordinator.hosts())).toEqual(['large', 'middle']);
  });

  test('have all of the labels that a scenario names', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'a', { labels: ['eu', 'large'] });
    await lendMachine(server, 'b', { labels: ['eu'] });
    const { coordinator } = await coordinate(server, { labels: ['eu', 'large'] });
    expect(names(await coordinator.hosts())).toEqual(['a']);
  });

  test('are waited for until there are enough', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'a');
    const { coordinator, told } = await coordinate(server, { atLeast: 2, waitMs: 20_000 });
    const hosts = coordinator.hosts();
    await expect.poll(() => told).toContain('waiting for machines: 1 of at least 2 machines is there (a)');
    await lendMachine(server, 'b');
    expect(names(await hosts).sort()).toEqual(['a', 'b']);
  });

  test('are waited for no longer when that is interrupted', async () => {
    const server = await startNatsServer();
    const { coordinator, told, abort } = await coordinate(server, { waitMs: 60_000 });
    const hosts = coordinator.hosts();
    await expect.poll(() => told).toContain('waiting for machines: 0 of at least 1 machines are there');
    abort.abort();
    await expect(hosts).rejects.toThrow('interrupted while waiting for machines');
  });
});

describe('a run that gets too few machines', () => {
  test('says what to do where nobody is there', async () => {
    const server = await startNatsServer();
    const { coordinator } = await coordinate(server, { waitMs: 300 });
    await expect(coordinator.hosts()).rejects.toMatchObject({
      code: 'C2M_RUN',
      message: expect.stringMatching(
        /^no machine has answered at nats:\/\/127.0.0.1:\d+ within 0.3 s; start `c2m agent --nats nats:/,
      ),
    });
  });

  test('says of each that answered why it was not taken', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'old', { version: '9.9.9', labels: ['eu'] });
    await lendMachine(server, 'elsewhere');
    await lendMachine(server, 'wireless', { labels: ['eu'] });
    await announce(server, {
      id: 'rented',
      name: 'rented',
      labels: ['eu'],
      busy: { run: 'abc', words: 'chat of ada@there' },
    });
    await announce(server, { id: 'free', name: 'free', labels: ['eu'] });
    const wanted = { labels: ['eu'], atLeast: 2 };
    const { coordinator } = await coordinate(server, wanted, { transport: 'packets' });
    const error = await coordinator.hosts().catch((thrown: Error) => thrown.message);
    expect(String(error).split('\n')).toEqual([
      expect.stringMatching(
        /^1 of the 2 machines that are needed \(agents.atLeast\) were to be had at nats:/,
      ),
      '  elsewhere lacks the label eu; start its agent with --label eu, or correct agents.labels',
      '  free could be had',
      '  old runs c2m 9.9.9, and this is 0.0.0; install the same version on both',
      '  rented is busy with chat of ada@there',
      '  wireless cannot carry packets: it has no TUN devices',
    ]);
  });

  test('tells of an answer that no version of c2m gives nothing, and takes the others', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'a');
    const { coordinator } = await coordinate(server, { waitMs: 2000 });
    coordinator.connection.subscribe(SUBJECTS.find, {
      callback: (_error, message) => {
        message.respond('{');
        message.respond(JSON.stringify({ id: 'c2m.>', name: 'x', version: VERSION }));
        message.respond(JSON.stringify({ id: 'half', name: 'x', version: VERSION, labels: [] }));
      },
    });
    expect(names(await coordinator.hosts())).toEqual(['a']);
  });

  test('does not get one that answers no more', async () => {
    const server = await startNatsServer();
    const { id, name } = { id: 'gone', name: 'gone' };
    const { coordinator } = await coordinate(server);
    const { announcement } = await lendMachine(server, 'a');
    coordinator.connection.subscribe(SUBJECTS.find, {
      callback: (_error, message) => {
        message.respond(JSON.stringify({ ...announcement, id, name }));
      },
    });
    expect(names(await coordinator.hosts())).toEqual(['a']);
  });
});

describe('two runs at once', () => {
  test('never share a machine', async () => {
    const server = await startNatsServer();
    for (const name of ['a', 'b', 'c']) await lendMachine(server, name);
    const both = [await coordinate(server), await coordinate(server)];
    const taken = await Promise.allSettled(both.map(({ coordinator }) => coordinator.hosts()));
    const ids = taken.flatMap((each) => (each.status === 'fulfilled' ? each.value.map(({ id }) => id) : []));
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(3);
  });

  test('that both need all of them: one gets them, and the other hears whose they are', async () => {
    const server = await startNatsServer();
    for (const name of ['a', 'b', 'c']) await lendMachine(server, name);
    const wanted = { atLeast: 3, waitMs: 500 };
    const both = await Promise.all(['one', 'other'].map((name) => coordinate(server, wanted, { name })));
    const outcomes = await Promise.allSettled(both.map(({ coordinator }) => coordinator.hosts()));
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const { reason } = outcomes[1 - winner] as PromiseRejectedResult;
    const whose = winner === 0 ? 'one' : 'other';
    for (const name of ['a', 'b', 'c'])
      expect(String(reason)).toMatch(
        new RegExp(`  ${name} (is busy with|is taken by run \\w+ of) ${whose} of \\S+@`),
      );
  });

  test('that both need all of them, and have patience: each gets them, one after the other', async () => {
    const server = await startNatsServer();
    for (const name of ['a', 'b', 'c']) await lendMachine(server, name);
    const both = await Promise.all([1, 2].map(() => coordinate(server, { atLeast: 3, waitMs: 30_000 })));
    const ends = await Promise.all(
      both.map(async ({ coordinator }) => {
        const hosts = await coordinator.hosts();
        await coordinator.close();
        return hosts.length;
      }),
    );
    expect(ends).toEqual([3, 3]);
  });
});

describe('machines that were taken', () => {
  test('are free for the next as soon as the run lets go of them', async () => {
    const server = await startNatsServer();
    const { machine } = await lendMachine(server, 'a');
    for (const round of [1, 2, 3]) {
      const { coordinator } = await coordinate(server);
      expect(names(await coordinator.hosts()), `round ${round}`).toEqual(['a']);
      expect(machine.announcement.busy?.words).toMatch(/^test of /);
      await coordinator.close();
      expect(machine.announcement.busy).toBeNull();
    }
  });

  test('stay taken while nothing is started on them, however long that takes', async () => {
    const server = await startNatsServer();
    const { machine } = await lendMachine(server, 'a');
    const { coordinator } = await coordinate(server);
    await coordinator.hosts();
    const from = performance.now();
    await expect.poll(() => performance.now() - from, { interval: 500 }).toBeGreaterThan(6000);
    expect(machine.announcement.busy).not.toBeNull();
  });

  test('are started no more by a run that has let go of them', async () => {
    const server = await startNatsServer();
    await lendMachine(server, 'a');
    const { coordinator } = await coordinate(server);
    await coordinator.hosts();
    // Interrupted while machines that it does not need are being released.
    const starting = coordinator.start([]);
    await Promise.all([expect(starting).rejects.toThrow('were let go of'), coordinator.close()]);
  });

  test('are let go of within seconds when NATS is gone', async () => {
    const server = await startNatsServer();
    const { machine } = await lendMachine(server, 'a');
    const { coordinator } = await coordinate(server);
    await coordinator.hosts();
    await server.kill();
    const from = performance.now();
    await coordinator.close();
    expect(performance.now() - from).toBeLessThan(7000);
    // The machine hears nothing more of the run, and is free by itself.
    await expect.poll(() => machine.announcement.busy).toBeNull();
  });
});
