import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../../../lab/cluster/free-ports.js';
import {
  type Announcement,
  type HostRequest,
  SUBJECTS,
} from '../../../../loadgen/coordination/nats/messages.js';
import { monotonicMs } from '../../../../loadgen/monotonic-clock.js';
import { startLineServer } from '../../../fixtures/line-server.js';
import { agentProcesses } from '../../../support/agent-processes.js';
import { endpointAt } from '../../../support/commands.js';
import { lendMachine } from '../../../support/lent-machine.js';
import { type NatsServer, startNatsServer } from '../../../support/nats-server.js';
import { addressOf, statsOf, testServer } from '../../../support/server.js';
import { planFor, TestCoordinator } from '../../../support/test-coordinator.js';

const TALK = {
  name: 'talk',
  durationMs: 1000,
  messageRate: 200,
  away: 0,
  churnRate: 0,
  awayForMs: 0,
  cut: 0,
};
const LONG_TALK = { ...TALK, durationMs: 60_000 };

interface Taken {
  nats: NatsServer;
  coordinator: TestCoordinator;
  host: Announcement;
  lines: string[];
}

/** A machine that a coordinator has taken. */
async function takenMachine(options: Parameters<typeof lendMachine>[1] = {}): Promise<Taken> {
  const nats = await startNatsServer();
  const { lines } = await lendMachine(nats, options);
  const coordinator = await TestCoordinator.connect(nats);
  const host = await coordinator.find();
  expect(await coordinator.take(host)).toEqual({ kind: 'done' });
  return { nats, coordinator, host, lines };
}

/** The same with an agent whose 40 clients are connected to a server and write to each other. */
async function talkingMachine() {
  const [taken, server] = [await takenMachine(), await testServer()];
  const { coordinator, host } = taken;
  coordinator.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
  await coordinator.said('ready');
  const [pid] = agentProcesses() as [number];
  coordinator.tell({ kind: 'connect', atMs: monotonicMs() });
  await coordinator.said('connected');
  coordinator.tell({ kind: 'phase', phase: LONG_TALK, atMs: monotonicMs() });
  await expect.poll(async () => (await statsOf(server)).counters.sends).toBeGreaterThan(20);
  return { ...taken, server, pid };
}

describe('a machine that is lent', () => {
  it('tells whoever looks for machines what it is and whom it is free for', async () => {
    const nats = await startNatsServer();
    await lendMachine(nats, { labels: ['eu'], allow: ['10.0.0.0/8'] });
    const host = await (await TestCoordinator.connect(nats)).find();
    expect(host).toMatchObject({
      name: 'laptop',
      labels: ['eu'],
      version: '1.2.3',
      allow: ['10.0.0.0/8'],
      packets: 'packets need root',
      busy: null,
      environment: { c2m: '1.2.3', node: process.version },
    });
    expect(host.id).toMatch(/^laptop-[0-9a-f]{8}$/);
    expect(host.facts.cores).toBeGreaterThan(0);
  });

  it('tells its time', async () => {
    const nats = await startNatsServer();
    const { machine } = await lendMachine(nats);
    const coordinator = await TestCoordinator.connect(nats);
    const before = monotonicMs();
    const answer = await coordinator.ask(machine.announcement.id, { kind: 'clock' });
    expect(answer.kind === 'clock' && answer.atMs).toBeGreaterThanOrEqual(before);
    expect(answer.kind === 'clock' && answer.atMs).toBeLessThanOrEqual(monotonicMs());
  });

  it('runs a plan to its end, and is free again once it is let go of', async () => {
    const { coordinator, host, lines } = await takenMachine();
    const server = await testServer();
    expect((await coordinator.find()).busy).toEqual({ run: 'run1', words: 'ann@desk' });
    coordinator.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
    await coordinator.said('ready');
    coordinator.tell({ kind: 'connect', atMs: monotonicMs() + 100 });
    expect(await coordinator.said('connected')).toMatchObject({ logins: 40 });
    coordinator.tell({ kind: 'phase', phase: TALK, atMs: monotonicMs() + 100 });
    await expect.poll(async () => (await statsOf(server)).counters.sends).toBeGreaterThan(190);
    coordinator.tell({ kind: 'drain' });
    await coordinator.said('drained');
    coordinator.tell({ kind: 'finish' });
    const { totals } = await coordinator.said('final');
    expect(totals).toMatchObject({ lost: 0, duplicated: 0, delivered: totals.sent });
    expect(totals.sent).toBeGreaterThan(190);
    coordinator.send({ kind: 'part', agent: 0 });
    expect(await coordinator.ended()).toBe('exit 0');
    expect(coordinator.heard.at(-1)).toEqual({ kind: 'ended', agent: 0, how: 'exit 0' });
    expect(await coordinator.release(host)).toEqual({ kind: 'done' });
    expect((await coordinator.find()).busy).toBeNull();
    expect(lines).toEqual([
      'taken by run run1 of ann@desk',
      'run run1 has ended here: its coordinator let go of it',
    ]);
  });

  it('ends what still runs when it is let go of', async () => {
    const { coordinator, host, server } = await talkingMachine();
    await coordinator.release(host);
    expect(agentProcesses()).toEqual([]);
    await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
  });

  it('is free again, and says so, where what was changed for packets cannot be put back', async () => {
    const network = {
      describe: () => [],
      admit: () => [],
      inside: <Result>(make: () => Result) => make(),
      release: () => {
        throw new Error('ip route del: No such process');
      },
      close: () => undefined,
    };
    const { coordinator, host, lines } = await takenMachine({ network });
    expect(await coordinator.release(host)).toEqual({ kind: 'done' });
    expect(lines).toContain(
      'not everything could be put back that was changed for packets: ip route del: No such process',
    );
    expect((await coordinator.find()).busy).toBeNull();
  });

  it('takes one run after the other', async () => {
    const { coordinator, host, nats } = await takenMachine();
    await coordinator.release(host);
    const next = await TestCoordinator.connect(nats, 'run2');
    expect(await next.take(host)).toEqual({ kind: 'done' });
  });
});

describe('a machine refuses', () => {
  it('another version of c2m, and names both', async () => {
    const nats = await startNatsServer();
    const { machine, lines } = await lendMachine(nats);
    const coordinator = await TestCoordinator.connect(nats);
    const request: HostRequest = { kind: 'take', run: 'r', version: '2.0.0', coordinator: 'ann@desk' };
    const why = 'runs c2m 1.2.3, and the coordinator 2.0.0; install the same on both';
    expect(await coordinator.ask(machine.announcement.id, request)).toEqual({ kind: 'refused', why });
    expect(lines).toEqual([`refused run r of ann@desk: ${why}`]);
  });

  it('a second run, and says whose the first one is', async () => {
    const { nats, host } = await takenMachine();
    const second = await TestCoordinator.connect(nats, 'run2');
    const answer = await second.take(host, 'bob@desk');
    expect(answer).toMatchObject({ kind: 'refused', why: /^is taken by run run1 of ann@desk; wait/ });
    // Who has it is not who says so.
    expect(await second.release(host)).toEqual({ kind: 'done' });
    expect((await second.find()).busy).toEqual({ run: 'run1', words: 'ann@desk' });
  });

  it('nobody who asks again because the answer was lost', async () => {
    const { coordinator, host } = await takenMachine();
    const { run } = coordinator;
    const request: HostRequest = { kind: 'take', run, version: host.version, coordinator: 'ann@desk' };
    expect(await coordinator.ask(host.id, request)).toEqual({ kind: 'done' });
  });

  it('load to a host that its owner did not allow', async () => {
    const { coordinator, host } = await takenMachine({ allow: ['192.0.2.0/25'] });
    const endpoint = { protocol: 'tcp', host: '192.0.2.200', port: 4000 } as const;
    coordinator.send({ kind: 'plan', plan: planFor(host, endpoint) });
    expect(await coordinator.ended()).toBe(
      'laptop sends no load to 192.0.2.200; whoever owns it can allow that: c2m agent --allow 192.0.2.200',
    );
    expect(agentProcesses()).toEqual([]);
  });

  it('code that a scenario brings along', async () => {
    const { coordinator, host } = await takenMachine();
    const driver = { name: 'own', settings: { file: resolve('test/fixtures/busy-driver.js') } };
    coordinator.send({ kind: 'plan', plan: { ...planFor(host, endpointAt(4000)), driver } });
    expect(await coordinator.ended()).toMatch(/^laptop runs no driver of a scenario's own; .*--trust$/);
    expect(agentProcesses()).toEqual([]);
  });

  it('more clients than its open files hold', async () => {
    const { coordinator, host } = await takenMachine();
    const plan = planFor(host, endpointAt(4000), ({ clients }) => {
      clients.count = 1_000_000;
    });
    coordinator.send({ kind: 'plan', plan });
    expect(await coordinator.ended()).toMatch(/^laptop holds [\d,]+ clients an agent \(.*take more machines/);
  });

  it('packets that it cannot send', async () => {
    const { coordinator, host } = await takenMachine();
    coordinator.send({ kind: 'plan', plan: { ...planFor(host, endpointAt(4000)), transport: 'packets' } });
    expect(await coordinator.ended()).toMatch(/^laptop cannot send packets \(packets need root\)/);
  });

  it('to let a plan in by another way', async () => {
    const { coordinator, host, lines } = await takenMachine();
    const server = await testServer();
    const plan = planFor(host, addressOf(server));
    coordinator.send({ kind: 'plan', plan });
    await coordinator.said('ready');
    coordinator.tell({ kind: 'plan', plan: { ...plan, endpoints: [endpointAt(1)] } });
    expect(await coordinator.ended()).toBe('its coordinator says what this version does not know');
    await expect.poll(() => lines.at(-1)).toMatch(/^run run1 has ended here: its coordinator says what/);
  });

  it('two plans for one agent', async () => {
    const { coordinator, host } = await takenMachine();
    const plan = planFor(host, addressOf(await testServer()));
    coordinator.send({ kind: 'plan', plan });
    coordinator.send({ kind: 'plan', plan });
    expect(await coordinator.ended()).toBe('its coordinator has sent a second plan for agent 0');
  });
});

describe('an agent that asks first', () => {
  it('says when nothing listens at the target', async () => {
    const { coordinator, host } = await takenMachine();
    const endpoint = endpointAt(await freePort());
    coordinator.send({ kind: 'plan', plan: { ...planFor(host, endpoint), asksFirst: true } });
    expect((await coordinator.said('error')).message).toMatch(/^nothing listens at tcp:.*ECONNREFUSED/);
  });

  it('says when the target speaks something else', async () => {
    const { coordinator, host, nats } = await takenMachine();
    coordinator.send({ kind: 'plan', plan: { ...planFor(host, nats.endpoint), asksFirst: true } });
    expect((await coordinator.said('error')).message).toMatch(/NATS/);
  });

  it('is ready when the target is what it should be, and leaves nobody there', async () => {
    const { coordinator, host } = await takenMachine();
    const server = await testServer();
    coordinator.send({ kind: 'plan', plan: { ...planFor(host, addressOf(server)), asksFirst: true } });
    expect(await coordinator.said('ready')).toEqual({ kind: 'ready' });
    expect((await statsOf(server)).counters.logins).toBe(2);
    await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
  });
});

describe('when something is gone', () => {
  it('a coordinator that vanishes leaves no load behind, and the machine is free for the next', async () => {
    const { coordinator, host, nats, server, lines } = await talkingMachine();
    await coordinator.vanish();
    const sinceMs = monotonicMs();
    await expect.poll(() => agentProcesses(), { interval: 50 }).toEqual([]);
    expect(monotonicMs() - sinceMs).toBeLessThan(5000);
    await expect.poll(async () => (await statsOf(server)).connections).toBe(0);
    await expect
      .poll(() => lines.at(-1))
      .toBe('run run1 has ended here: its coordinator was not heard for 4 s');
    const next = await TestCoordinator.connect(nats, 'run2');
    expect(await next.take(host)).toEqual({ kind: 'done' });
    next.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
    await next.said('ready');
  });

  it('an agent that is killed is told as that, and the others go on', async () => {
    const { coordinator, host, server, pid } = await talkingMachine();
    coordinator.send({
      kind: 'plan',
      plan: {
        ...planFor(host, addressOf(server)),
        agent: 1,
        firstUser: 1001,
        population: { firstUser: 1, count: 2000 },
      },
    });
    await coordinator.said('ready', 1);
    process.kill(pid, 'SIGKILL');
    expect(await coordinator.ended()).toBe('SIGKILL');
    coordinator.tell({ kind: 'connect', atMs: monotonicMs() }, 1);
    expect(await coordinator.said('connected', 1)).toMatchObject({ logins: 40 });
  });

  it('an agent that is stopped is noticed within 5 seconds, and ended', async () => {
    const { coordinator, pid } = await talkingMachine();
    process.kill(pid, 'SIGSTOP');
    const sinceMs = monotonicMs();
    expect(await coordinator.ended()).toBe('does not beat for 4 s');
    expect(monotonicMs() - sinceMs).toBeLessThan(5000);
    expect(agentProcesses()).toEqual([]);
  });

  it('an agent that is only busy stays', async () => {
    const { coordinator, host } = await takenMachine({ isTrusting: true });
    const server = await startLineServer();
    try {
      const driver = {
        name: 'own',
        settings: { file: resolve('test/fixtures/busy-driver.js'), settings: {} },
      };
      coordinator.send({ kind: 'plan', plan: { ...planFor(host, server.tcp), driver } });
      await coordinator.said('ready');
      coordinator.tell({ kind: 'connect', atMs: monotonicMs() });
      const samples = () =>
        coordinator.heard.flatMap((each) =>
          each.kind === 'agent' && each.message.kind === 'sample' ? [each.message.sample] : [],
        );
      const stall = () => samples().find(({ fromMs, toMs }) => toMs - fromMs > 7000);
      await expect.poll(stall, { timeout: 20_000, interval: 50 }).toBeDefined();
      coordinator.tell({ kind: 'finish' });
      await coordinator.said('final');
    } finally {
      await server.close();
    }
  });

  it('a NATS server that is started again within 4 seconds interrupts nothing', async () => {
    const { coordinator, nats } = await talkingMachine();
    const samples = () =>
      coordinator.heard.flatMap((each) =>
        each.kind === 'agent' && each.message.kind === 'sample' ? [each.message.sample] : [],
      );
    await expect.poll(() => samples().length).toBeGreaterThan(0);
    await nats.kill();
    await nats.start();
    const { length } = samples();
    await expect.poll(() => samples().length).toBeGreaterThan(length + 2);
    coordinator.tell({ kind: 'finish' });
    await coordinator.said('final');
    const all = samples();
    expect(all.slice(1).map(({ fromMs }) => fromMs)).toEqual(all.slice(0, -1).map(({ toMs }) => toMs));
  });

  it('a NATS server that stays away ends the load, and the machine is free when it is there again', async () => {
    const { nats, host, server } = await talkingMachine();
    await nats.kill();
    const sinceMs = monotonicMs();
    await expect.poll(() => agentProcesses(), { interval: 50 }).toEqual([]);
    expect(monotonicMs() - sinceMs).toBeLessThan(5000);
    await nats.start();
    const next = await TestCoordinator.connect(nats, 'run2');
    await expect.poll(() => next.find().catch(() => undefined)).toBeDefined();
    expect(await next.take(host)).toEqual({ kind: 'done' });
    next.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
    await next.said('ready');
  });
});

describe('whatever comes over NATS', () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc.constantFrom('[[[[', '{"__proto__":{"kind":"find"}}', 'null', '1e999', '['.repeat(100_000)),
  );
  /** Something near to what is said there. */
  const near = fc
    .record(
      {
        kind: fc.constantFrom(
          'find',
          'clock',
          'take',
          'release',
          'plan',
          'agent',
          'part',
          'kill',
          'constructor',
        ),
        run: fc.constantFrom('run1', 'a.b', '>', '*', '__proto__', 7),
        version: fc.oneof(fc.string(), fc.constant('1.2.3')),
        coordinator: fc.oneof(fc.string({ maxLength: 500 }), fc.constant(null)),
        number: fc.constantFrom(0, 1, 2, -1, 1e300, Number.NaN),
        heard: fc.constantFrom(0, 1, -1, 1e300, 'x'),
        message: fc.jsonValue(),
        agent: fc.constantFrom(0, -1, 1e300, '__proto__'),
        plan: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value));

  it('does not end a machine, which goes on to answer and can be taken', async () => {
    const nats = await startNatsServer();
    const { machine } = await lendMachine(nats);
    const { id } = machine.announcement;
    const stranger = await TestCoordinator.connect(nats, 'stranger');
    const subjects = [SUBJECTS.find, SUBJECTS.host(id), SUBJECTS.toHost('run1', id)];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...subjects),
        fc.oneof(text, near),
        fc.boolean(),
        async (to, what, asks) => {
          stranger.connection.publish(to, what, asks ? { reply: SUBJECTS.find } : {});
          expect((await stranger.ask(id, { kind: 'clock' })).kind).toBe('clock');
        },
      ),
      { numRuns: 300 },
    );
    const { busy } = await stranger.find();
    if (busy) await stranger.ask(id, { kind: 'release', run: busy.run });
    const coordinator = await TestCoordinator.connect(nats, 'run2');
    const server = await testServer();
    const host = await coordinator.find();
    expect(await coordinator.take(host)).toEqual({ kind: 'done' });
    coordinator.send({ kind: 'plan', plan: planFor(host, addressOf(server)) });
    await coordinator.said('ready');
  });

  it.each<[string, unknown]>([
    ['no JSON', 'hello'],
    ['a packet without a number', { heard: 0 }],
    ['a number that is none', { number: -1, heard: 0 }],
    ['nothing to be done', { number: 1, heard: 0 }],
    ['an unknown deed', { number: 1, heard: 0, message: { kind: 'shell', run: 'rm' } }],
  ])('ends a run whose channel carries %s', async (_, packet) => {
    const { coordinator, host } = await takenMachine();
    const said = typeof packet === 'string' ? packet : JSON.stringify(packet);
    coordinator.connection.publish(SUBJECTS.toHost(coordinator.run, host.id), said);
    await expect.poll(async () => (await coordinator.find()).busy).toBeNull();
  });
});

describe('what an agent says', () => {
  /** A machine with an agent that says this, to a coordinator that is there and confirms nothing. */
  async function saying(said: { bytes: number; times: number }): Promise<string[]> {
    const nats = await startNatsServer();
    const script = resolve('test/fixtures/talkative-agent.js');
    const { machine, lines } = await lendMachine(nats, { script });
    const { id } = machine.announcement;
    const coordinator = await TestCoordinator.connect(nats);
    await coordinator.ask(id, { kind: 'take', run: 'run1', version: '1.2.3', coordinator: 'ann@desk' });
    const plan = { ...planFor(machine.announcement, endpointAt(4000)), attachments: [JSON.stringify(said)] };
    const subject = SUBJECTS.toHost('run1', id);
    const publish = (packet: object) => coordinator.connection.publish(subject, JSON.stringify(packet));
    publish({ number: 1, heard: 0, message: { kind: 'plan', plan } });
    const beating = setInterval(() => publish({ number: 0, heard: 0 }), 500);
    try {
      await expect.poll(() => lines.at(-1), { timeout: 30_000 }).toMatch(/^run run1 has ended here/);
    } finally {
      clearInterval(beating);
    }
    return lines;
  }

  it('is kept for a coordinator that does not confirm it, up to a bound', async () => {
    const [, ended] = await saying({ bytes: 900_000, times: 30 });
    expect(ended).toBe(
      'run run1 has ended here: its coordinator does not take what its agents say (16777216 bytes wait)',
    );
    expect(agentProcesses()).toEqual([]);
  });

  it('and is more than a message of NATS holds ends the run, and not the machine', async () => {
    const [, ended] = await saying({ bytes: 2_000_000, times: 1 });
    expect(ended).toMatch(/^run run1 has ended here: NATS does not take what its agents say \(.*max_payload/);
  });
});

afterEach(() => {
  // Whatever a test did, no agent of it goes on.
  for (const pid of agentProcesses()) process.kill(pid, 'SIGKILL');
});
