import { describe, expect, test, vi } from 'vitest';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import type { Phase } from '../../../../scenarios/scenario.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { testRun, testScenario } from '../../../support/run.js';

/** Debian's nats-server, with JetStream. */

const natsDriver = (settings: object = {}) => driverSchema.parse({ nats: settings });
const phase = (change: Partial<Phase>): Phase => ({
  name: 'talk',
  durationMs: 1000,
  messageRate: 200,
  away: 0,
  churnRate: 0,
  awayForMs: 0,
  cut: 0,
  ...change,
});
const FLAWLESS = { lost: 0, duplicated: 0, corrupted: 0, refused: 0, unsent: 0, outOfOrder: 0 };

describe('against JetStream', () => {
  const jetStream = natsDriver({ mode: 'jetstream' });

  test('everything is accepted, stored and delivered once, to groups as well', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const { measurement } = await testRun(
      testScenario((scenario) => {
        scenario.groups = { members: 4, share: 0.5 };
      }),
      server.endpoint,
      null,
      null,
      null,
      jetStream,
    );
    const { messages, connections, groups } = await measurement;
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(messages).toMatchObject({
      ...FLAWLESS,
      redelivered: 0,
      delivered: messages.sent,
      accepted: messages.sent,
    });
    expect(await server.storedMessages()).toBe(messages.sent - 2 * groups!.messages);
  });

  test('whoever was away, or was cut off, comes back and has lost nothing', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const { measurement } = await testRun(
      testScenario((scenario) => {
        scenario.phases = [
          phase({ durationMs: 500 }),
          phase({ name: 'away', away: 0.5, cut: 0.5, messageRate: 400, churnRate: 10, awayForMs: 200 }),
        ];
        // What was on its way to a connection that was cut comes again after JetStream's 30 s, where the server saw the cut late.
        scenario.generator.drainMs = 40_000;
      }),
      server.endpoint,
      null,
      null,
      null,
      jetStream,
    );
    const { messages, latency } = await measurement;
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, corrupted: 0, unsent: 0 });
    expect(messages.delivered).toBe(messages.sent);
    expect(messages.accepted! + messages.impliedAccepted!).toBe(messages.sent);
    expect(latency.waiting.count).toBeGreaterThan(50);
  }, 60_000);

  test('the ledger says what a server that is killed in mid-traffic has lost', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const { measurement } = await testRun(
      testScenario((scenario) => {
        scenario.phases = [phase({ durationMs: 2000, messageRate: 500 })];
        scenario.generator.drainMs = 10_000;
      }),
      server.endpoint,
      null,
      null,
      null,
      jetStream,
    );
    await vi.waitUntil(async () => (await server.storedMessages()) > 200, { timeout: 20_000, interval: 20 });
    await server.kill();
    await server.start();
    const { messages, connections } = await measurement;
    const { sent, accepted, delivered, redelivered, duplicated, lost, acceptedNotDelivered } = messages;
    console.log('JetStream, kill -9 and a restart on the same folder:', {
      sent,
      accepted,
      delivered,
      redelivered,
      duplicated,
      lost,
      acceptedNotDelivered,
      dropped: connections.dropped,
    });
    expect(connections.dropped).toBe(40);
    expect(sent).toBeGreaterThan(900);
    // Files outlive a process that is killed: the kernel has what it wrote.
    expect({ lost, acceptedNotDelivered }).toEqual({ lost: 0, acceptedNotDelivered: 0 });
    // Repetitions are recognized by it all the same: copies are deliveries whose count the server had not written.
    expect(await server.storedMessages()).toBe(sent);
  });

  test('a server that keeps messages in memory has lost them, and the run goes on', async () => {
    const server = await startNatsServer({ hasJetStream: true });
    const { measurement } = await testRun(
      testScenario((scenario) => {
        scenario.phases = [phase({ durationMs: 2000, messageRate: 300, away: 0.5 })];
        // Long enough that what was not accepted is sent again.
        scenario.generator.drainMs = 6000;
      }),
      server.endpoint,
      null,
      null,
      null,
      natsDriver({ mode: 'jetstream', stream: { storage: 'memory' } }),
    );
    await vi.waitUntil(async () => (await server.storedMessages()) > 200, { timeout: 20_000, interval: 20 });
    await server.kill();
    await server.start();
    const { messages } = await measurement;
    expect(messages.acceptedNotDelivered).toBeGreaterThan(20);
    expect(messages.lost).toBe(messages.acceptedNotDelivered);
  });
});
