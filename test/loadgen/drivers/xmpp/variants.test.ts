import { afterEach, describe, expect, test } from 'vitest';
import { checkDriver } from '../../../../lab/driver-limits.js';
import type { Measurement } from '../../../../record/run.js';
import { xmppSchema } from '../../../../scenarios/drivers/xmpp-schema.js';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { startXmppServer, type XmppServer, type XmppServerOptions } from '../../../fixtures/xmpp-server.js';
import { testRun, testScenario } from '../../../support/run.js';

const servers: XmppServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function measure(
  options: XmppServerOptions,
  settings: Record<string, unknown> = {},
  change: (scenario: Scenario) => void = () => undefined,
): Promise<Measurement & { server: XmppServer }> {
  const server = await startXmppServer(options);
  servers.push(server);
  const driver = { name: 'xmpp', settings: xmppSchema.parse(settings) };
  const { measurement } = await testRun(testScenario(change), server.endpoint, null, null, null, driver);
  return { ...(await measurement), server };
}

const FLAWLESS = { lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0, refused: 0, unsent: 0 };

describe('an xmpp run', () => {
  test('logs in with every mechanism, over STARTTLS and direct TLS, and as a new user', async () => {
    const ways: [XmppServerOptions, Record<string, unknown>][] = [
      [{}, { mechanism: 'SCRAM-SHA-256' }],
      [{}, { mechanism: 'SCRAM-SHA-1' }],
      [{ mechanisms: ['PLAIN'] }, { mechanism: 'auto' }],
      [{ startTls: 'required' }, {}],
      [{ isTls: true }, {}],
      [{ needsRegistration: true }, { register: true }],
    ];
    // Side by side: each of them waits most of the time.
    const runs = await Promise.all(ways.map(([options, settings]) => measure(options, settings)));
    runs.forEach(({ connections, messages, server }, index) => {
      const way = JSON.stringify(ways[index]);
      expect(connections, way).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
      const all = { delivered: messages.sent, receipted: messages.sent };
      expect(messages, way).toMatchObject({ ...FLAWLESS, ...all });
      expect(server.registered.size, way).toBe(ways[index]?.[0].needsRegistration ? 40 : 0);
    });
  });

  test('tells that a password is wrong', async () => {
    await expect(measure({}, { password: 'guess{user}' })).rejects.toThrow(/\d+ × NotAuthorized/);
  });

  test('cannot tell what is accepted without stream management, and asks for nothing', async () => {
    const { messages } = await measure({ hasStreamManagement: false }, { streamManagement: false });
    expect(messages).toMatchObject({ ...FLAWLESS, accepted: null, receipted: messages.sent });
  });

  test('says that a server without stream management has none', async () => {
    await expect(measure({ hasStreamManagement: false })).rejects.toThrow(/\d+ × NoStreamManagement/);
  });

  test('counts what comes back with an error as refused, although the server has acknowledged it', async () => {
    const bounces = (message: number) => (message % 10 === 0 ? 'resource-constraint' : undefined);
    const { messages } = await measure({ bounces });
    const refused = Math.floor(messages.sent / 10);
    expect(messages).toMatchObject({ ...FLAWLESS, refused, delivered: messages.sent - refused });
    expect(messages.accepted).toBe(messages.sent);
  });

  test('speaks in rooms where there are groups', async () => {
    const { messages, connections } = await measure({}, { receipts: false }, (scenario) => {
      scenario.groups = { members: 8, share: 0.5 };
    });
    expect(connections).toMatchObject({ peak: 40, failed: 0 });
    expect(messages.sent).toBeGreaterThan(500);
    expect(messages).toMatchObject({ ...FLAWLESS, delivered: messages.sent, receipted: null });
    expect(messages.accepted).toBe(messages.sent);
  });

  test('finds what was sent to those who were away when they come back', async () => {
    const { messages } = await measure({}, {}, (scenario) => {
      const [phase] = scenario.phases;
      scenario.phases = [
        { ...phase!, name: 'away', away: 0.5 },
        { ...phase!, name: 'back', messageRate: 100 },
      ];
    });
    expect(messages).toMatchObject({ ...FLAWLESS, delivered: messages.sent, receipted: messages.sent });
    expect(messages.awayAdjusted).toBeGreaterThan(20);
  });

  const cutHalf = (scenario: Scenario): void => {
    const [phase] = scenario.phases;
    scenario.phases = [
      { ...phase!, messageRate: 500 },
      { ...phase!, name: 'cut', messageRate: 500, cut: 0.5 },
    ];
  };

  test('loses nothing when connections are cut: what was not accepted is sent again', async () => {
    const { messages, connections } = await measure({ startTls: 'offered' }, {}, cutHalf);
    expect(connections.failed).toBe(0);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, unsent: 0, delivered: messages.sent });
  });

  test('takes what was not acknowledged and comes once more, before the login is done, for a redelivery', async () => {
    const { messages } = await measure({ asksForAcknowledgements: false }, {}, cutHalf);
    expect(messages.redelivered).toBeGreaterThan(0);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, delivered: messages.sent });
  });

  test('with groups and receipts is an error of the input', async () => {
    const scenario = testScenario((made) => {
      made.groups = { members: 8, share: 0.5 };
    });
    const driver = { name: 'xmpp', settings: xmppSchema.parse({}) };
    await expect(checkDriver(scenario, driver)).rejects.toThrow(/groups: xmpp .* write receipts: false/);
  });
});
