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

const FLAWLESS = {
  lost: 0,
  duplicated: 0,
  redelivered: 0,
  outOfOrder: 0,
  corrupted: 0,
  refused: 0,
  unsent: 0,
  leftOver: 0,
};

/** A server that cuts a connection now and then, by turns before it has handled a message and before it has said so. */
const cuts: XmppServerOptions['cuts'] = (message) => {
  if (message % 20 !== 0) return undefined;
  return message % 40 === 0 ? 'unhandled' : 'unanswered';
};

async function measure(
  options: XmppServerOptions,
  settings: Record<string, unknown> = {},
  change: (scenario: Scenario) => void = () => undefined,
): Promise<Measurement & { server: XmppServer }> {
  const server = await startXmppServer({ resumption: {}, ...options });
  servers.push(server);
  const driver = {
    name: 'xmpp',
    settings: xmppSchema.parse({ mechanism: 'PLAIN', resume: true, ...settings }),
  };
  const scenario = testScenario((made) => {
    made.phases[0]!.messageRate = 500;
    made.generator.drainMs = 30_000;
    change(made);
  });
  const { measurement } = await testRun(scenario, server.endpoint, null, null, null, driver);
  return { ...(await measurement), server };
}

/** All that can be told of every message, and nothing that only follows. */
function everything(sent: number) {
  return { ...FLAWLESS, accepted: sent, delivered: sent, receipted: sent, impliedAccepted: 0 };
}

describe('an xmpp run with sessions that are resumed', () => {
  test('carries every message once, though connections are cut: nothing comes again, and nothing is in doubt', async () => {
    const { messages, connections, refusals, server } = await measure({ cuts });
    expect(server.resumed).toBeGreaterThan(15);
    expect(connections).toMatchObject({ failed: 0, dropped: server.resumed });
    expect(messages.sent).toBeGreaterThan(400);
    expect(messages).toMatchObject(everything(messages.sent));
    expect(refusals).toEqual({});
    // The server heard those once more that it had not handled, and no others.
    expect(server.heard).toBe(messages.sent + Math.floor(server.heard / 40));
  });

  test('goes on with its sessions when its own clients are cut, also with messages that are under way', async () => {
    const { messages, connections, server } = await measure({}, {}, (scenario) => {
      const [phase] = scenario.phases;
      scenario.phases = [{ ...phase! }, { ...phase!, name: 'cut', messageRate: 2000, cut: 0.5 }];
    });
    expect(server.resumed).toBeGreaterThan(10);
    expect(connections).toMatchObject({ failed: 0, dropped: 0, reconnects: server.resumed });
    expect(messages).toMatchObject(everything(messages.sent));
  });

  test('is in its rooms still', async () => {
    const { messages, server } = await measure({ cuts }, { receipts: false }, (scenario) => {
      scenario.groups = { members: 8, share: 0.5 };
    });
    expect(server.resumed).toBeGreaterThan(5);
    expect(messages).toMatchObject({ ...everything(messages.sent), receipted: null });
  });

  test('finds every message that comes twice, also when connections are cut', async () => {
    const { messages, server } = await measure({
      cuts,
      faults: { duplicates: (message) => message % 10 === 0 },
    });
    expect(server.resumed).toBeGreaterThan(15);
    const duplicated = Math.floor(messages.sent / 10);
    expect(messages).toMatchObject({ ...everything(messages.sent), duplicated });
  });

  test('finds what a server sends again although the client has handled it', async () => {
    const { messages, server } = await measure({ cuts, resumption: { repeats: true } });
    // How many were handled and not acknowledged as they were cut is up to the machine.
    expect(server.repeated).toBeGreaterThan(0);
    expect(messages).toMatchObject({ ...everything(messages.sent), duplicated: server.repeated });
  });

  test('finds what a server says to have handled, and has not', async () => {
    const { messages } = await measure(
      { cuts: (message) => (message % 50 === 0 ? 'lost' : undefined) },
      {},
      (scenario) => {
        scenario.generator.drainMs = 6000;
      },
    );
    const lost = Math.floor(messages.sent / 50);
    expect(messages).toMatchObject({ lost, acceptedNotDelivered: lost, accepted: messages.sent });
    expect(messages).toMatchObject({ duplicated: 0, redelivered: 0, delivered: messages.sent - lost });
  });

  test('begins a new session where the server has the old one no more, and loses nothing', async () => {
    const { messages, connections, refusals, server } = await measure({
      cuts,
      resumption: { forgets: 'all' },
    });
    expect(server.resumed).toBe(0);
    expect(connections.failed).toBe(0);
    expect(refusals.ResumeItemNotFound).toBe(connections.dropped);
    // Those that were handled and not acknowledged are sent again, and the server takes them for others, unless a receipt told first.
    expect(messages.redelivered + messages.impliedAccepted!).toBeGreaterThan(5);
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, unsent: 0, delivered: messages.sent });
  });

  test('sends nothing twice where such a server still knows what it had handled', async () => {
    const { messages, refusals, server } = await measure({ cuts, resumption: { forgets: 'counting' } });
    expect(server.resumed).toBe(0);
    expect(refusals.ResumeItemNotFound).toBeGreaterThan(15);
    expect(messages).toMatchObject({
      ...FLAWLESS,
      // The receipt of a message may be on its way when its reader is cut, and the message come again.
      redelivered: expect.any(Number),
      accepted: messages.sent,
      delivered: messages.sent,
      receipted: messages.sent,
    });
    expect(server.heard).toBe(messages.sent + Math.floor(server.heard / 40));
  });

  test('does not ask for a session for longer than the server keeps it', async () => {
    const { messages, refusals, server } = await measure({ cuts, resumption: { max: 0 } });
    expect(server.resumed).toBe(0);
    expect(refusals).toEqual({});
    expect(messages).toMatchObject({ lost: 0, duplicated: 0, delivered: messages.sent });
  });

  test('leaves no session behind a goodbye: what comes meanwhile waits for the next login', async () => {
    const { messages, server } = await measure({}, {}, (scenario) => {
      const [phase] = scenario.phases;
      scenario.phases = [
        { ...phase!, name: 'away', away: 0.5 },
        { ...phase!, name: 'back', messageRate: 100 },
      ];
    });
    expect(server.resumed).toBe(0);
    expect(messages.awayAdjusted).toBeGreaterThan(20);
    // What comes behind a goodbye is not acknowledged any more, and comes again.
    expect(messages).toMatchObject({ ...everything(messages.sent), redelivered: expect.any(Number) });
  });

  test('says that a server keeps no sessions', async () => {
    await expect(measure({ resumption: undefined })).rejects.toThrow(/\d+ × NotResumable/);
  });

  test('needs stream management', async () => {
    const settings = xmppSchema.parse({ resume: true, streamManagement: false });
    await expect(checkDriver(testScenario(), { name: 'xmpp', settings })).rejects.toThrow(
      /driver\.xmpp\.resume: .* write streamManagement: true/,
    );
  });
});
