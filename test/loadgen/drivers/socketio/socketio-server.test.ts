import { afterEach, expect, test, vi } from 'vitest';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import type { Phase } from '../../../../scenarios/scenario.js';
import {
  type SocketioServer,
  startSocketioServer,
  UNWANTED_USER,
} from '../../../fixtures/socketio-server.js';
import { testRun, testScenario } from '../../../support/run.js';

/** A chat with rooms on socket.io; what clients say to it is all in these settings. */
const chat = {
  namespace: '/chat',
  auth: { token: 'of {{user}}' },
  login: { event: 'login', arguments: [{ user: '{{user}}' }] },
  join: { event: 'join', arguments: ['{{group}}'] },
  send: { event: 'message', arguments: [{ to: '{{to}}', id: '{{sequence:number}}', body: '{{payload}}' }] },
  sendToGroup: { event: 'say', arguments: ['{{group}}', '{{payload}}'] },
  message: { event: 'message', payload: '0.text' },
  groupMessage: { event: 'said', payload: '1' },
  error: '0.error',
};

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

const servers: SocketioServer[] = [];
const start = async (options = {}): Promise<SocketioServer> => {
  const server = await startSocketioServer({}, options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

test('rooms are groups, acknowledgements are accepted, and the figures are those of the server', async () => {
  const { endpoint, counters } = await start();
  const { measurement } = await testRun(
    testScenario((scenario) => {
      scenario.groups = { members: 4, share: 0.5 };
    }),
    endpoint,
    null,
    null,
    null,
    driverSchema.parse({ socketio: chat }),
  );
  const { messages, connections, groups } = await measurement;
  expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
  expect(messages).toMatchObject({
    lost: 0,
    duplicated: 0,
    corrupted: 0,
    refused: 0,
    outOfOrder: 0,
    delivered: messages.sent,
    accepted: messages.sent,
    receipted: null,
  });
  expect(groups?.messages).toBeGreaterThan(50);
  expect(counters).toMatchObject({
    logins: 40,
    joins: 40,
    toRooms: groups?.messages,
    messages: messages.sent - 3 * groups!.messages,
    acknowledged: messages.sent - 3 * groups!.messages,
  });
});

test('clients live through the pings of the server', async () => {
  const { endpoint } = await start({ pingInterval: 200 });
  const scenario = testScenario((made) => {
    made.phases = [phase({ durationMs: 1500, messageRate: 40 })];
  });
  const driver = driverSchema.parse({ socketio: chat });
  const { measurement } = await testRun(scenario, endpoint, null, null, null, driver);
  const { messages, connections } = await measurement;
  expect(connections).toMatchObject({ failed: 0, dropped: 0 });
  expect(messages).toMatchObject({ lost: 0, sent: 60 });
});

test('a server that ends all connections is told as the reason, and clients come back', async () => {
  const server = await start();
  const scenario = testScenario((made) => {
    made.phases = [phase({ durationMs: 1500 })];
    made.generator.drainMs = 1000;
  });
  const driver = driverSchema.parse({ socketio: chat });
  const { measurement } = await testRun(scenario, server.endpoint, null, null, null, driver);
  await vi.waitUntil(() => server.counters.messages > 50, { timeout: 5000, interval: 10 });
  server.disconnect();
  const { connections, messages } = await measurement;
  expect(connections.failures).toEqual({ Disconnected: 40 });
  expect(connections.reconnects).toBe(40);
  expect(messages.unsent).toBe(0);
});

test('what the server has against a client is told in its words', async () => {
  const { endpoint } = await start();
  const failures = async (settings: object, firstUser = 1): Promise<string[]> => {
    const scenario = testScenario((made) => {
      made.clients.count = 2;
      made.clients.firstUser = firstUser;
      made.phases = [phase({ durationMs: 200, messageRate: 0 })];
      made.generator.drainMs = 200;
    });
    const driver = driverSchema.parse({ socketio: { ...chat, ...settings } });
    const { measurement } = await testRun(scenario, endpoint, null, null, null, driver);
    return Object.keys((await measurement).connections.failures);
  };
  await expect(failures({ auth: { token: 'wrong' } })).rejects.toThrow(/: \d+ × TokenUnknown$/);
  await expect(failures({ namespace: '/nowhere' })).rejects.toThrow(/: \d+ × InvalidNamespace$/);
  expect(await failures({}, Number(UNWANTED_USER))).toEqual(['UserNotWanted']);
});
