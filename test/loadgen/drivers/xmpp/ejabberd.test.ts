import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ejabberd, startEjabberd } from '../../../../bench/ejabberd.js';
import type { Endpoint } from '../../../../loadgen/agent-messages.js';
import { xmppSchema } from '../../../../scenarios/drivers/xmpp-schema.js';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { testRun, testScenario } from '../../../support/run.js';

const FLAWLESS = { lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0, refused: 0, unsent: 0 };

let ejabberd: Ejabberd;

beforeAll(async () => {
  ejabberd = await startEjabberd();
}, 60_000);

afterAll(async () => {
  await ejabberd.close();
});

async function run(
  settings: Record<string, unknown>,
  change: (scenario: Scenario) => void = () => undefined,
  endpoint: Endpoint = ejabberd.endpoint,
) {
  const driver = { name: 'xmpp', settings: xmppSchema.parse({ register: true, ...settings }) };
  return testRun(testScenario(change), endpoint, null, null, null, driver);
}

describe('ejabberd', () => {
  test('carries every message once, over STARTTLS, and counts the users that the run counts', async () => {
    const { measurement } = await run({ startTls: 'required' }, (scenario) => {
      scenario.phases[0]!.durationMs = 2000;
    });
    const most = await mostUsers(measurement);
    const { messages, connections } = await measurement;
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(most).toBe(40);
    expect(await ejabberd.ask('stats', { name: 'registeredusers' })).toEqual({ stat: 40 });
    expect(messages.sent).toBeGreaterThan(300);
    expect(messages).toMatchObject({ ...FLAWLESS, ...allOf(messages.sent) });
  });

  test('carries what is said in rooms to all members', async () => {
    const groups = { members: 8, share: 0.5 };
    const { measurement } = await run({ receipts: false, startTls: 'never' }, (scenario) => {
      scenario.groups = groups;
    });
    const { messages, connections } = await measurement;
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(messages.sent).toBeGreaterThan(500);
    expect(messages).toMatchObject({ ...FLAWLESS, ...allOf(messages.sent), receipted: null });
  });

  test('is told to have lost no more than it still has in its mailboxes, or had accepted, when clients are away or cut', async () => {
    const change = (scenario: Scenario): void => {
      const [phase] = scenario.phases;
      scenario.phases = [
        { ...phase!, name: 'away', away: 0.5 },
        { ...phase!, name: 'cut', messageRate: 500, cut: 0.5 },
      ];
      scenario.generator.drainMs = 8000;
    };
    const { messages, connections } = await (await run({}, change, ejabberd.tlsEndpoint)).measurement;
    const waiting = await waitingMessages();
    print('clients away and cut', { ...messages, waiting });
    expect(connections).toMatchObject({ failed: 0, dropped: 0 });
    expect(messages).toMatchObject({ corrupted: 0, refused: 0, unsent: 0, duplicated: 0 });
    expect(messages.accepted! + messages.impliedAccepted!).toBe(messages.sent);
    expect(messages.acceptedNotDelivered).toBe(messages.lost);
    expect(messages.awayAdjusted).toBeGreaterThan(20);
    // Whoever logs in while a message or a receipt to him is being stored does not get it until his next login.
    // What was sent again is another message to ejabberd: each copy that came may have left another receipt.
    const copies = messages.redelivered;
    expect(waiting).toBeLessThanOrEqual(messages.lost + messages.deliveredNotReceipted! + copies);
    expect(messages.lost).toBeLessThan(messages.sent / 20);
    expect(await connectedUsers()).toBe(0);
  });

  test('goes on with sessions whose connection was cut, and leaves nothing in doubt', async () => {
    const { measurement } = await run({ resume: true }, (scenario) => {
      const [phase] = scenario.phases;
      const cut = { ...phase!, messageRate: 1000, cut: 0.5 };
      scenario.phases = [
        { ...cut, name: 'once' },
        { ...cut, name: 'twice' },
        { ...cut, name: 'three times' },
      ];
      scenario.generator.drainMs = 8000;
    });
    const { messages, connections, refusals } = await measurement;
    print('sessions resumed', messages);
    expect(connections).toMatchObject({ failed: 0, dropped: 0 });
    // Each of these has asked for its session, and got it: there is none that it was refused.
    expect(connections.reconnects).toBeGreaterThan(20);
    expect(refusals).toEqual({});
    // What comes for a session that is just moving to its new connection may be overtaken by what comes behind it.
    expect(messages.outOfOrder).toBeLessThan(messages.sent / 100);
    // And once, on a busy machine, one of them never came, which ejabberd had accepted. None is lost that it had not.
    expect(messages.lost).toBeLessThanOrEqual(2);
    expect(messages.acceptedNotDelivered).toBe(messages.lost);
    expect(messages).toMatchObject({
      ...FLAWLESS,
      outOfOrder: expect.any(Number),
      redelivered: 0,
      ...allOf(messages.sent),
      lost: messages.lost,
      delivered: messages.sent - messages.lost,
      receipted: messages.sent - messages.lost,
      impliedAccepted: 0,
    });
    expect(await connectedUsers()).toBe(0);
    expect(await waitingMessages()).toBe(0);
  });

  test('is killed in mid-traffic, and the ledger says what that has lost', async () => {
    const { measurement } = await run({ startTls: 'never' }, (scenario) => {
      const [phase] = scenario.phases;
      scenario.phases = [{ ...phase!, durationMs: 6000, messageRate: 2000, away: 0.25 }];
      // By then it has started again, also on a machine that is busy.
      scenario.generator.drainMs = 30_000;
    });
    await reaches(30);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    await ejabberd.restart();
    const { messages, connections } = await measurement;
    print('kill -9 in mid-traffic', { ...messages, waiting: await waitingMessages() });
    expect(connections.dropped).toBeGreaterThan(0);
    expect(messages).toMatchObject({ corrupted: 0, refused: 0, unsent: 0 });
    expect(messages.accepted! + messages.impliedAccepted!).toBe(messages.sent);
    // Each of these was accepted: what was not has been sent again until it was.
    expect(messages.acceptedNotDelivered).toBe(messages.lost);
  }, 60_000);
});

function print(words: string, figures: Record<string, number | null>): void {
  const counts = Object.entries(figures).map(([name, count]) => `${name} ${count}`);
  console.log(`ejabberd, ${words}: ${counts.join(', ')}`);
}

/** What becomes of all messages where nothing goes wrong. */
function allOf(sent: number) {
  return { accepted: sent, delivered: sent, receipted: sent };
}

async function connectedUsers(): Promise<number> {
  const { num_sessions: users } = (await ejabberd.ask('connected_users_number')) as { num_sessions: number };
  return users;
}

/** Messages that ejabberd keeps for those who are away. */
async function waitingMessages(): Promise<number> {
  const users = Array.from({ length: 40 }, (_, index) => `user${index + 1}`);
  const counts = await Promise.all(
    users.map((user) => ejabberd.ask('get_offline_count', { user, server: 'localhost' })),
  );
  return (counts as { value: number }[]).reduce((sum, { value }) => sum + value, 0);
}

/** Waits until so many users are connected: ejabberd can only be asked. */
async function reaches(users: number): Promise<void> {
  while ((await connectedUsers()) < users) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** The most users that ejabberd has said are connected, until something is done. */
async function mostUsers(done: Promise<unknown>): Promise<number> {
  let isDone = false;
  done.finally(() => {
    isDone = true;
  });
  let most = 0;
  while (!isDone) {
    most = Math.max(most, await connectedUsers());
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return most;
}
