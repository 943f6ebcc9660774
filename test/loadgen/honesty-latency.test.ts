import { describe, expect, test } from 'vitest';
import { readTimeline } from '../../record/folder.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { rightLedger, runAgainst } from '../support/wrong-run.js';

/** A generator is believed when a server that is slow on purpose shows as slow as it was, and no other does. */

/** Half of the clients come and go. */
const withChurn = (scenario: Scenario): void => {
  scenario.phases = scenario.phases.map((phase) => ({
    ...phase,
    durationMs: 3000,
    churnRate: 20,
    awayForMs: 200,
  }));
};

describe('slow messages show,', () => {
  test('also where people come and go all the time', async () => {
    const { measurement, did } = await runAgainst(
      { delays: (message) => (message % 20 === 0 ? 1000 : 0) },
      withChurn,
    );
    expect(did.delayed).toBeGreaterThan(20);
    expect(measurement.messages).toMatchObject({ lost: 0, duplicated: 0 });
    // One in twenty: p99 is one of them.
    expect(measurement.latency.delivered.p99).toBeGreaterThan(900);
    expect(measurement.latency.delivered.p50).toBeLessThan(200);
  });

  test('where they wait for people who come back', async () => {
    const { measurement, did } = await runAgainst({ delaysWaitingMs: 1500 }, withChurn);
    expect(did.waited).toBeGreaterThan(5);
    expect(measurement.messages).toMatchObject({ lost: 0, duplicated: 0 });
    expect(measurement.messages.awayAdjusted).toBeGreaterThan(5);
    expect(measurement.latency.waiting.count).toBeGreaterThan(5);
    expect(measurement.latency.waiting.p50).toBeGreaterThan(1400);
  });

  test('and people who come back are no excuse for a server that hands over at once', async () => {
    const { measurement } = await runAgainst({}, withChurn);
    expect(measurement.latency.waiting.count).toBeGreaterThan(5);
    expect(measurement.latency.waiting.p99).toBeLessThan(200);
    expect(measurement.latency.delivered.p99).toBeLessThan(200);
  });

  test('in the phase in which they were due, not in that in which they came', async () => {
    const { measurement } = await runAgainst(
      { delays: (message) => (message > 200 && message <= 400 ? 1500 : 0) },
      (scenario) => {
        const [phase] = scenario.phases;
        if (phase) scenario.phases = ['calm', 'spike', 'after'].map((name) => ({ ...phase, name }));
      },
    );
    const p50 = Object.fromEntries(
      measurement.phases.map(({ name, latency }) => [name, latency?.delivered.p50]),
    );
    expect(p50.calm).toBeLessThan(200);
    expect(p50.spike).toBeGreaterThan(1400);
    expect(p50.after).toBeLessThan(200);
  });

  test('where ACCEPTED alone is late, in its own latency', async () => {
    const { measurement } = await runAgainst({ accepts: 80 });
    expect(measurement.messages).toEqual(rightLedger(200));
    expect(measurement.latency.accepted.p50).toBeGreaterThan(75);
    expect(measurement.latency.receipt.p50).toBeLessThan(75);
  });

  test('in the connects of clients whose first attempt came to nothing', async () => {
    const { measurement, did } = await runAgainst({ ignoresFirstLogin: { of: (user) => user > 2, ms: 700 } });
    expect(did.ignoredLogins).toBe(38);
    expect(measurement.connections).toMatchObject({ peak: 40, failed: 38 });
    // They fail after 0.7 s and back off for 0.5 s.
    expect(measurement.latency.connect.count).toBe(40);
    expect(measurement.latency.connect.p50).toBeGreaterThan(1100);
  });
});

describe('a server that stalls for two seconds', () => {
  test('shows in p99 and max, because latency counts from when a message was due', async () => {
    const { measurement, did, folder } = await runAgainst(
      { stall: { atMessage: 100, ms: 2000 } },
      (scenario) => {
        scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs: 4000 }));
      },
    );
    const { accepted, delivered } = measurement.latency;
    // Of 800 messages 400 fell due during the stall, evenly: the longest wait is the stall, the median small.
    expect(did.stalledMs).toBeGreaterThanOrEqual(1999);
    for (const latency of [accepted, delivered]) {
      expect(latency.count).toBe(800);
      expect(latency.max).toBeGreaterThan(did.stalledMs - 50);
      expect(latency.p99).toBeGreaterThan(1800);
      expect(latency.p90).toBeGreaterThan(1400);
    }
    // The workload is open: in every second of the stall as many messages left as in any other.
    const talking = (await readTimeline(folder)).filter((sample) => sample.messages.sent > 150);
    expect(talking.length).toBeGreaterThanOrEqual(3);
    expect(talking.some((sample) => sample.messages.accepted < 20)).toBe(true);
    expect(measurement.generator.valid).toBe(true);
  });
});
