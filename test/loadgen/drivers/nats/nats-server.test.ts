import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../../../loadgen/agent-messages.js';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import type { Phase } from '../../../../scenarios/scenario.js';
import { loadCertificate } from '../../../../server/gateway/certificate.js';
import { startNatsServer } from '../../../support/nats-server.js';
import { testRun, testScenario } from '../../../support/run.js';

/** Debian's nats-server. */

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

describe('against nats-server', () => {
  test('the figures of a run are those of the server', async () => {
    const server = await startNatsServer();
    const { measurement } = await testRun(
      testScenario((scenario) => {
        scenario.groups = { members: 4, share: 0.5 };
      }),
      server.endpoint,
      null,
      null,
      null,
      natsDriver(),
    );
    const { messages, connections, groups } = await measurement;
    const { in_msgs, out_msgs } = await server.counters();
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
    expect(messages).toMatchObject({
      ...FLAWLESS,
      delivered: messages.sent,
      accepted: null,
      receipted: null,
    });
    expect(messages.sent).toBeGreaterThan(300);
    expect(out_msgs).toBe(messages.delivered);
    // A message to a group of four is published once, and comes to three.
    expect(groups?.messages).toBeGreaterThan(50);
    expect(in_msgs).toBe(messages.sent - 2 * groups!.messages);
  });

  test('what is said to a group while some of it are away is lost to those, and is not waited for at the end', async () => {
    const server = await startNatsServer();
    const scenario = testScenario((made) => {
      made.groups = { members: 4, share: 1 };
      made.phases = [phase({ away: 0.5 })];
    });
    const run = await testRun(scenario, server.endpoint, null, null, null, natsDriver());
    const { messages, notes } = await run.measurement;
    expect(messages.lost).toBeGreaterThan(50);
    expect(messages).toMatchObject({ ...FLAWLESS, lost: messages.sent - messages.delivered });
    expect(notes.join()).not.toContain('still under way');
  });

  test('WebSocket carries the same protocol', async () => {
    const server = await startNatsServer();
    const { measurement } = await testRun(
      testScenario(),
      server.webSocketEndpoint,
      null,
      null,
      null,
      natsDriver(),
    );
    const { messages } = await measurement;
    expect(messages).toMatchObject({ ...FLAWLESS, sent: 200, delivered: 200 });
  });

  /** Logs a few clients in; rejects with the reasons where none of them can. */
  const logIn = async (endpoint: Endpoint, settings: object): Promise<number> => {
    const scenario = testScenario((made) => {
      made.clients.count = 2;
      made.phases = [phase({ durationMs: 200, messageRate: 0 })];
      made.generator.drainMs = 200;
    });
    const driver = natsDriver(settings);
    const { measurement } = await testRun(scenario, endpoint, null, null, null, driver);
    return (await measurement).connections.peak;
  };

  test('a password that is wrong is told as a reason', async () => {
    const config = 'authorization { user: someone, password: "right" }';
    const { endpoint } = await startNatsServer({ config });
    const login = (password: string) => logIn(endpoint, { user: 'someone', password });
    await expect(login('wrong')).rejects.toThrow(/: \d+ × AuthorizationViolation$/);
    expect(await login('right')).toBe(2);
  });

  test('JetStream that is not there is told as a reason', async () => {
    const { endpoint } = await startNatsServer();
    await expect(logIn(endpoint, { mode: 'jetstream' })).rejects.toThrow(/: \d+ × NoJetStream$/);
  });

  test('TLS that it wants is told as a reason, and is no affair of a WebSocket', async () => {
    const { endpoint, webSocketEndpoint } = await startNatsServer({
      certificate: await loadCertificate(undefined),
    });
    await expect(logIn(endpoint, { tls: 'never' })).rejects.toThrow(/: \d+ × TlsRequired$/);
    expect(await logIn(webSocketEndpoint, {})).toBe(2);
  });
});
