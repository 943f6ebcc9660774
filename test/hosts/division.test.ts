import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import type { RunRecord } from '../../record/run.js';
import { contradictions } from '../../record/sums.js';
import { compare, HostsLab, type LabOutcome, recordIn, SERVER_PORT } from './lab.js';
import { EVERY_HOST } from './network.js';
import { describeHosts, missingForClocks } from './rights.js';

/** No two clocks are alike; seconds ahead. */
const CLOCKS = { one: 5000, two: 0, three: 250, four: 86_400, five: 31_536_000 };
const COORDINATOR_AHEAD = 3000;
/** A busy machine finds out later how its clock differs, and sends late by some seconds; another clock is off by minutes. */
const MOST_EARLY_SECONDS = 2;
const MOST_LATE_SECONDS = 20;
const TALK = [{ name: 'talk', duration: '3s', rate: '200/s' }];

describeHosts('the same scenario on one, two and five machines', () => {
  const hasClocks = missingForClocks === null;
  let lab: HostsLab;
  const runs = new Map<number, LabOutcome>();

  beforeAll(async () => {
    const machines = Object.entries(CLOCKS).map(([name, ahead]) => [
      name,
      { allow: [EVERY_HOST], clockAheadSeconds: hasClocks ? ahead : 0 },
    ]);
    lab = await HostsLab.start(Object.fromEntries(machines), {
      clockAheadSeconds: hasClocks ? COORDINATOR_AHEAD : 0,
    });
    for (const hosts of [1, 2, 5]) runs.set(hosts, await lab.run({ phases: TALK, agents: { hosts } }));
  }, 300_000);
  afterAll(() => lab?.close());

  const recordOf = (machines: number): RunRecord => {
    const outcome = runs.get(machines);
    if (!outcome) throw new Error(`there was no run on ${machines} machines`);
    return recordIn(outcome);
  };

  test.each([1, 2, 5])('%i of them pass, each with its part of the clients', (machines) => {
    const record = recordOf(machines);
    expect(record.verdict).toBe('passed');
    expect(record.hosts).toHaveLength(machines);
    const clients = record.hosts.map(({ agents }) => agents.reduce((sum, each) => sum + each.clients, 0));
    expect(clients.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(Math.max(...clients) - Math.min(...clients)).toBeLessThanOrEqual(2);
    expect(record.connections).toMatchObject({ peak: 100, failed: 0, dropped: 0, unknown: 0 });
    expect(contradictions(record)).toEqual([]);
  });

  test('the ledgers have the same totals', () => {
    const ledger = recordOf(1).messages;
    expect(ledger.due).toBeGreaterThan(500);
    expect(ledger).toMatchObject({ sent: ledger.due, delivered: ledger.due, receipted: ledger.due });
    for (const machines of [2, 5]) expect(recordOf(machines).messages).toEqual(ledger);
  });

  test('compare calls no latency worse', async () => {
    const base = (runs.get(1) as LabOutcome).folder;
    for (const machines of [2, 5]) {
      const latencies = (await compare(base, (runs.get(machines) as LabOutcome).folder)).filter(({ path }) =>
        path.startsWith('latency.'),
      );
      expect(latencies.length).toBeGreaterThan(3);
      for (const each of latencies) expect(each.verdict, each.path).not.toBe('worse');
      // One run a side proves little to `compare`; a clock taken for another would be off by minutes, a busy machine by less.
      const [one, many] = [recordOf(1), recordOf(machines)].map(({ latency }) => latency.delivered);
      expect(many?.p50).toBeLessThan((one?.p50 as number) + 1000);
      expect(many?.min).toBeGreaterThan(0);
    }
  });

  test.each([1, 2, 5])(
    'on %i machines the timeline and the phases go by the clock of the coordinator',
    async (machines) => {
      const record = recordOf(machines);
      const talk = record.phases.find(({ name }) => name === 'talk');
      expect(talk?.latency?.delivered.count).toBe(record.messages.delivered);
      const lines = await readTimeline((runs.get(machines) as LabOutcome).folder);
      expect(lines.at(-1)?.t).toBeLessThan(record.durationSeconds + 2);
      expect(lines.reduce((sum, { messages }) => sum + messages.sent, 0)).toBe(record.messages.sent);
      const { startSeconds, endSeconds } = talk as RunRecord['phases'][number];
      const talking = lines.filter(({ messages }) => messages.sent > 0);
      for (const { t, seconds } of talking) {
        expect(t).toBeGreaterThan(startSeconds - MOST_EARLY_SECONDS);
        expect(t - seconds).toBeLessThan(endSeconds + MOST_LATE_SECONDS);
      }
    },
  );

  test('partners are on different addresses of the server: each address has half of the clients', async () => {
    const other = lab.server.anotherAddress();
    const target = lab.target(lab.server.address, other);
    const run = await lab.startRun({ target, agents: { hosts: 2 } });
    await run.command.said(/phase talk/);
    const each = [lab.server.address, other].map((address) => lab.server.connectionsTo(SERVER_PORT, address));
    expect(each).toEqual([50, 50]);
    expect(recordIn(await run.outcome)).toMatchObject({ verdict: 'passed', messages: { lost: 0 } });
  });

  describe.skipIf(!hasClocks)(hasClocks ? 'clocks' : `clocks: skipped, because ${missingForClocks}`, () => {
    test('the offset of each machine is found within its uncertainty', () => {
      const hosts = recordOf(5).hosts;
      expect(hosts.map(({ name }) => name).sort()).toEqual(Object.keys(CLOCKS).sort());
      for (const { name, clock } of hosts) {
        const offsetMs = (CLOCKS[name as keyof typeof CLOCKS] - COORDINATOR_AHEAD) * 1000;
        expect(Math.abs((clock?.offsetMs as number) - offsetMs), name).toBeLessThanOrEqual(
          clock?.uncertaintyMs as number,
        );
        expect(clock?.uncertaintyMs, name).toBeLessThan(50);
      }
    });
  });
});
