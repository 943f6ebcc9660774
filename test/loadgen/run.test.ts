import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HistogramLogReader } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import type { AgentLink } from '../../loadgen/coordination/coordinator.js';
import { LocalAgents, thisHost } from '../../loadgen/coordination/local-agents.js';
import type { RunHandle } from '../../loadgen/run.js';
import type { ServerStats } from '../../protocol/stats.js';
import { RECORD_FILES, readTimeline } from '../../record/folder.js';
import { LATENCY_KINDS, runRecordSchema } from '../../record/run.js';
import { judge } from '../../record/verdict.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { agentProcesses } from '../support/agent-processes.js';
import { testRun, testScenario } from '../support/run.js';
import { addressOf, crash, testServer } from '../support/server.js';
import { rightLedger } from '../support/wrong-run.js';

async function unusedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** An agent whose counts of a second come 2.5 s late, as they do where this process is kept waiting. */
function tellsCountsLate(link: AgentLink): AgentLink {
  const listen = link.onMessage.bind(link);
  link.onMessage = (listener) => {
    let before: Promise<unknown> = Promise.resolve();
    listen((message) => {
      if (message.kind === 'connected' || message.kind === 'ready') listener(message);
      else {
        const due = message.kind === 'sample' ? sleep(2500) : undefined;
        before = Promise.all([before, due]).then(() => listener(message));
      }
    });
  };
  return link;
}

describe('the record of a run against the reference server', () => {
  test('holds the same counts in run.json, in the timeline and in the latency log', async () => {
    const server = await testServer();
    const run = await testRun(
      testScenario((scenario) => {
        scenario.generator.agents = 2;
        scenario.clients.heartbeatMs = 300;
        scenario.phases = [
          { name: 'talk', durationMs: 1000, messageRate: 300, away: 0, churnRate: 0, awayForMs: 0, cut: 0 },
          {
            name: 'away',
            durationMs: 1000,
            messageRate: 300,
            away: 0.3,
            churnRate: 5,
            awayForMs: 200,
            cut: 0.2,
          },
        ];
      }),
      addressOf(server),
      server.adminUrl,
    );
    const phases: string[] = [];
    run.on('phase', ({ name }) => phases.push(name));
    const measurement = await run.measurement;
    const timeline = await readTimeline(run.folder);

    expect(phases).toEqual(['connect', 'talk', 'away', 'drain']);
    expect(measurement.phases.map(({ name }) => name)).toEqual(phases);
    expect(measurement.notes).toEqual([]);
    expect(measurement.generator.agents).toBe(2);
    expect(runRecordSchema.safeParse(judge(measurement, [])).error).toBeUndefined();

    // 600 messages fell due; two agents round their shares down at most.
    const { messages, latency } = measurement;
    expect(messages.sent).toBeGreaterThanOrEqual(596);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, unsent: 0 });
    const sum = (count: 'sent' | 'accepted' | 'delivered' | 'receipted'): number =>
      timeline.reduce((total, sample) => total + sample.messages[count], 0);
    for (const count of ['sent', 'accepted', 'delivered', 'receipted'] as const) {
      expect(sum(count)).toBe(messages[count]);
    }
    expect(timeline.reduce((total, { seconds }) => total + seconds, 0)).toBeCloseTo(
      timeline.at(-1)?.t ?? 0,
      2,
    );
    expect(timeline.at(-1)?.messages.inFlight).toBe(0);

    const log = await readFile(join(run.folder, RECORD_FILES.latency), 'utf8');
    const reader = new HistogramLogReader(log);
    const counts: Record<string, number> = {};
    for (let each = reader.nextIntervalHistogram(); each; each = reader.nextIntervalHistogram()) {
      counts[each.tag] = (counts[each.tag] ?? 0) + each.totalCount;
    }
    for (const kind of LATENCY_KINDS) {
      expect(counts[kind]).toBe(latency[kind].count);
      const { min, p50, p90, p99, p999, max } = latency[kind];
      const ascending = [min, p50, p90, p99, p999, max] as number[];
      expect(ascending).toEqual([...ascending].sort((a, b) => a - b));
    }

    const { backlog } = measurement;
    expect(backlog.queues.map(({ name }) => name).sort()).toEqual([
      'bus-ingress',
      'fan-out',
      'logins',
      'mailbox-writes',
      'mailboxes',
      'outbound',
      'sends-under-way',
    ]);
    // What was sent to those who were away piled up, and was gone at the end.
    expect(backlog.queues.find(({ name }) => name === 'mailboxes')?.max).toBeGreaterThan(5);
    expect(Math.max(...timeline.map((sample) => sample.server?.connections ?? 0))).toBe(40);
    expect(Math.max(...timeline.map(({ kernel }) => kernel.socketsInUse))).toBeGreaterThanOrEqual(80);
  });

  test('takes off the latencies the time for which a user was away on purpose, and keeps the rest', async () => {
    const server = await testServer();
    const run = await testRun(
      testScenario((scenario) => {
        scenario.phases = [
          {
            name: 'churn',
            durationMs: 4000,
            messageRate: 200,
            away: 0,
            churnRate: 12,
            awayForMs: 2500,
            cut: 0,
          },
        ];
      }),
      addressOf(server),
    );
    const { messages, latency } = await run.measurement;
    expect(messages).toMatchObject({ sent: 800, delivered: 800, lost: 0 });
    // Most of the users were away at a time: what was sent to them waited up to 2.5 s.
    expect(messages.awayAdjusted).toBeGreaterThan(100);
    expect(latency.delivered.count).toBe(800);
    expect(latency.waiting.count).toBeGreaterThan(100);
    // A machine that is busy stands still for a second now and then; with the time away in them, one in ten would be longer than this.
    for (const kind of ['accepted', 'delivered', 'receipt', 'waiting'] as const)
      expect(latency[kind].p90, kind).toBeLessThan(1600);
  });

  test('is that of a whole run also where the counts of the agents come long after the word that all are logged in', async () => {
    const server = await testServer();
    const coordinator = new LocalAgents(thisHost('0.0.0'));
    const start = coordinator.start.bind(coordinator);
    coordinator.start = async (plans) => (await start(plans)).map(tellsCountsLate);
    const endpoint = addressOf(server);
    const run = await testRun(testScenario(), endpoint, null, null, null, undefined, coordinator);
    expect((await run.measurement).messages).toMatchObject({ sent: 200, delivered: 200, lost: 0 });
  });

  test('of a run over WebSocket is the same', async () => {
    const server = await testServer({ listen: ['ws://127.0.0.1:0'] });
    const run = await testRun(testScenario(), addressOf(server), server.adminUrl);
    expect((await run.measurement).messages).toMatchObject({
      sent: 200,
      delivered: 200,
      receipted: 200,
      lost: 0,
    });
  });
});

describe('a server that goes on after a run', () => {
  test('takes another one: its messages are no repetition of those before', async () => {
    const server = await testServer();
    for (const round of [1, 2]) {
      const run = await testRun(testScenario(), addressOf(server));
      expect((await run.measurement).messages, `round ${round}`).toMatchObject({
        sent: 200,
        accepted: 200,
        delivered: 200,
        receipted: 200,
        lost: 0,
        duplicated: 0,
      });
    }
  });

  test('gives it what an interrupted one has left, and that is told apart from its own', async () => {
    const server = await testServer();
    const talking = testScenario((scenario) => {
      scenario.groups = { members: 4, share: 0.5 };
      const [talk] = scenario.phases.map((phase) => ({ ...phase, durationMs: 3000, away: 0.5 }));
      // Nothing is on its way when it is interrupted: what comes behind a goodbye has arrived, and waits all the same.
      scenario.phases = [talk!, { ...talk!, name: 'rest', durationMs: 20_000, messageRate: 0 }];
      scenario.generator.drainMs = 0;
    });
    const interrupted = await testRun(talking, addressOf(server));
    interrupted.on('sample', ({ phase, messages, connections }) => {
      const { sent, accepted, delivered, receipted } = messages;
      const isSilent = sent + accepted + delivered + receipted === 0;
      if (phase === 'rest' && isSilent && connections.away === 20) interrupted.interrupt();
    });
    const { messages } = await interrupted.measurement;
    expect(messages.lost).toBeGreaterThan(0);

    const next = await (await testRun(testScenario(), addressOf(server))).measurement;

    expect(next.messages).toMatchObject({ sent: 200, delivered: 200, lost: 0, duplicated: 0, outOfOrder: 0 });
    // What came while its recipient said goodbye has arrived, and was not acknowledged any more.
    const { leftOver } = next.messages;
    expect(leftOver).toBeGreaterThanOrEqual(messages.lost);
    expect(leftOver).toBeLessThanOrEqual(messages.lost + (messages.deliveredNotReceipted ?? 0));
    expect(next.notes).toEqual([
      `${leftOver} messages of an earlier run were in the mailboxes; they do not count here`,
    ]);
  });
});

describe('a run with groups', () => {
  const inGroups = (members: number, share: number) =>
    testScenario((scenario) => {
      scenario.groups = { members, share };
    });

  test.each([
    ['one worker', {}],
    ['two workers', { workers: 2 }],
  ])('counts a message once for each member that it is for, on a server of %s', async (_, config) => {
    const server = await testServer(config);
    const { messages, groups, latency } = await (
      await testRun(inGroups(5, 1), addressOf(server), server.adminUrl)
    ).measurement;
    expect(groups).toEqual({ members: 5, messages: 200 });
    expect(messages).toEqual(rightLedger(800));
    expect([latency.accepted.count, latency.delivered.count, latency.receipt.count]).toEqual([200, 800, 800]);
  });

  test('lets the others of its messages go to partners, and keeps the accounts apart', async () => {
    const server = await testServer();
    const { messages, groups } = await (await testRun(inGroups(8, 0.3), addressOf(server), server.adminUrl))
      .measurement;
    const toGroups = groups?.messages as number;
    expect(toGroups).toBeGreaterThan(30);
    expect(toGroups).toBeLessThan(100);
    const expected = 200 - toGroups + 7 * toGroups;
    expect(messages).toMatchObject({ sent: expected, delivered: expected, receipted: expected, lost: 0 });
  });

  test('of two each is right, and the last user, who has none, writes to nobody', async () => {
    const server = await testServer();
    const scenario = inGroups(2, 1);
    scenario.clients.count = 41;
    const { messages } = await (await testRun(scenario, addressOf(server), server.adminUrl)).measurement;
    expect(messages).toMatchObject({ sent: 200, delivered: 200, receipted: 200, lost: 0, duplicated: 0 });
  });

  test('lets whoever is alone in the last group write to the partner', async () => {
    const server = await testServer();
    const scenario = inGroups(3, 1);
    scenario.clients.count = 4;
    const { messages, groups } = await (await testRun(scenario, addressOf(server))).measurement;
    const toGroups = groups?.messages as number;
    expect(toGroups).toBeGreaterThan(100);
    expect(toGroups).toBeLessThan(200);
    expect(messages).toMatchObject({ sent: 2 * toGroups + (200 - toGroups), lost: 0, duplicated: 0 });
  });

  test('makes groups again that the server has lost, and goes on', async () => {
    const server = await testServer({ workers: 2, homes: 1 });
    const scenario = inGroups(4, 1);
    scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs: 8000, messageRate: 50 }));
    const run = await testRun(scenario, addressOf(server), server.adminUrl);
    let isKilled = false;
    run.on('sample', ({ messages }) => {
      if (messages.sent === 0 || isKilled) return;
      isKilled = true;
      void crash(server, 2);
    });
    const { messages, refusals } = await run.measurement;
    expect(refusals.NotMember).toBeGreaterThan(0);
    // About two seconds were without groups, on a busy machine more.
    expect(messages.delivered).toBeGreaterThan(messages.sent / 4);
    expect(messages.duplicated).toBe(0);
  });

  test('counts as refused what did not go into a mailbox that was full', async () => {
    const server = await testServer({ limits: { mailboxLength: 3 } });
    const scenario = inGroups(10, 1);
    scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs: 2500, away: 0.3 }));
    const { messages } = await (await testRun(scenario, addressOf(server), server.adminUrl)).measurement;
    expect(messages.refused).toBeGreaterThan(100);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, unsent: 0 });
    expect(messages.delivered + messages.refused).toBe(messages.sent);
  });

  test('ends with the reason where the server does not make groups of that size', async () => {
    const server = await testServer({ limits: { groupMembers: 4 } });
    const measurement = await (await testRun(inGroups(5, 1), addressOf(server))).measurement;
    const { verdict, generator } = judge(measurement, []);
    expect(verdict).toBe('invalid');
    expect(generator.faults[0]).toMatch(/the server does not make groups: GroupTooLarge/);
  });
});

test('every client logs in with a token of its own where the server wants that', async () => {
  const token = 'a secret of sixteen letters';
  const server = await testServer({ token, tokenPerUser: true });
  const run = await testRun(testScenario(), addressOf(server), null, { secret: token, isPerUser: true });
  expect((await run.measurement).messages).toMatchObject({ sent: 200, delivered: 200, lost: 0 });
});

describe('a run that cannot be completed says why', () => {
  test('nothing listens at the address', async () => {
    const port = await unusedPort();
    const run = await testRun(testScenario(), { protocol: 'tcp', host: '127.0.0.1', port });
    await expect(run.measurement).rejects.toMatchObject({
      code: 'C2M_RUN',
      message: expect.stringContaining(`nothing listens at tcp://127.0.0.1:${port} (ECONNREFUSED)`),
    });
    expect(agentProcesses()).toEqual([]);
  });

  test('the admin port does not answer', async () => {
    const server = await testServer();
    const run = await testRun(testScenario(), addressOf(server), `http://127.0.0.1:${await unusedPort()}`);
    await expect(run.measurement).rejects.toMatchObject({
      code: 'C2M_RUN',
      message: expect.stringMatching(/the admin port .* does not answer .*ECONNREFUSED/),
    });
  });

  test('the server does not take the token', async () => {
    const server = await testServer({ token: 'sixteen letters or more' });
    const run = await testRun(
      testScenario((scenario) => {
        scenario.generator.drainMs = 0;
      }),
      addressOf(server),
    );
    await expect(run.measurement).rejects.toMatchObject({
      message: expect.stringContaining('× AuthenticationFailed'),
    });
  });
});

describe('a run that is stopped early', () => {
  const long = testScenario((scenario) => {
    scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs: 60_000 }));
  });

  test('by an interruption is partial: what was sent until then is accounted for, and no agent is left', async () => {
    const server = await testServer();
    const run = await testRun(long, addressOf(server), server.adminUrl);
    run.on('sample', ({ messages }) => {
      if (messages.sent > 0) run.interrupt();
    });
    const measurement = await run.measurement;
    expect(measurement.isPartial).toBe(true);
    expect(measurement.messages.sent).toBeGreaterThan(0);
    expect(measurement.messages.lost).toBe(0);
    expect(agentProcesses()).toEqual([]);
  });

  test('by an agent that dies is invalid: a fault names it, and its messages are counted as far as it told', async () => {
    const server = await testServer();
    const run = await testRun(withAgents(long, 2), addressOf(server), server.adminUrl);
    killOneOf(run);
    const measurement = await run.measurement;
    expect(judge(measurement, []).verdict).toBe('invalid');
    expect(measurement.generator.faults).toEqual([
      expect.stringMatching(/^agent \d on \S+ was lost at [\d.]+ s: ended \(SIGKILL\)$/),
    ]);
    expect(measurement.messages.sent).toBeGreaterThan(0);
    expect(measurement.durationSeconds).toBeLessThan(30);
    expect(agentProcesses()).toEqual([]);
  });

  test('by an agent that dies, and then by an interruption, is partial', async () => {
    const server = await testServer();
    const run = await testRun(withAgents(long, 2), addressOf(server), server.adminUrl);
    killOneOf(run);
    run.on('phase', ({ name }) => {
      if (name === 'drain') run.interrupt();
    });
    expect((await run.measurement).isPartial).toBe(true);
  });
});

function withAgents(
  scenario: Scenario,
  agents: number,
  lost: Scenario['agents']['lost'] = 'invalidate',
): Scenario {
  return {
    ...scenario,
    generator: { ...scenario.generator, agents },
    agents: { ...scenario.agents, lost },
  };
}

/** Once messages are sent. */
function killOneOf(run: RunHandle): void {
  let isKilled = false;
  run.on('sample', ({ messages }) => {
    const [victim] = agentProcesses();
    if (messages.sent === 0 || isKilled || victim === undefined) return;
    isKilled = true;
    process.kill(victim, 'SIGKILL');
  });
}

describe('a run goes on', () => {
  test('to its end when an agent dies and the scenario tolerates it: what remains is measured', async () => {
    const server = await testServer();
    const scenario = testScenario((each) => {
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 4000, messageRate: 100 }));
    });
    const run = await testRun(withAgents(scenario, 2, 'tolerate'), addressOf(server), server.adminUrl);
    killOneOf(run);
    const measurement = await run.measurement;
    expect(measurement.isPartial).toBe(false);
    expect(measurement.phases.map(({ name }) => name)).toEqual(['connect', 'talk', 'drain']);
    expect(measurement.durationSeconds).toBeGreaterThan(4);
    // The other one has sent half of the messages until the end.
    expect(measurement.messages.sent).toBeGreaterThanOrEqual(199);
    expect(measurement.notes[0]).toMatch(
      /^agent \d on \S+ was lost at [\d.]+ s: ended \(SIGKILL\); 20 of 40 /,
    );
  });

  test('when a worker of the server is killed: its clients reconnect, nothing is lost, the notes say so', async () => {
    const server = await testServer({ workers: 2, homes: 1 });
    const scenario = testScenario((each) => {
      each.phases = each.phases.map((phase) => ({ ...phase, durationMs: 3000, messageRate: 100 }));
    });
    const run = await testRun(scenario, addressOf(server), server.adminUrl);
    let isKilled = false;
    run.on('sample', ({ messages }) => {
      if (messages.sent === 0 || isKilled) return;
      isKilled = true;
      void fetch(`${server.adminUrl}/stats`).then(async (response) => {
        const { workers } = (await response.json()) as ServerStats;
        const busiest = workers.toSorted((one, other) => other.connections - one.connections)[0];
        process.kill(busiest?.pid as number, 'SIGKILL');
      });
    });
    const measurement = await run.measurement;
    expect(measurement.notes).toEqual([
      expect.stringMatching(
        /^server worker \d+ ended \(SIGKILL\); it was started again at [\d.]+ s, and its clients reconnected$/,
      ),
    ]);
    expect(measurement.connections.dropped).toBeGreaterThan(0);
    expect(measurement.connections.reconnects).toBe(measurement.connections.dropped);
    expect(measurement.messages).toMatchObject({ lost: 0, duplicated: 0, unsent: 0 });
    expect(measurement.messages.receipted).toBe(measurement.messages.sent);
  });
});
