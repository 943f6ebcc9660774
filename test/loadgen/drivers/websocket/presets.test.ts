import { afterEach, describe, expect, test } from 'vitest';
import { RunError } from '../../../../loadgen/run-error.js';
import {
  centrifugoDialect,
  graphqlDialect,
  jsonChatDialect,
  phoenixDialect,
  signalrDialect,
} from '../../../fixtures/websocket-dialects.js';
import { type Dialect, startRelay } from '../../../fixtures/websocket-relay.js';
import { testRun, testScenario } from '../../../support/run.js';
import { webSocketPlan } from '../../../support/websocket.js';

const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function startServer(dialect: Dialect) {
  const server = await startRelay(dialect);
  servers.push(server);
  return server;
}

describe('a preset carries every message in pairs and in groups, with a server that speaks', () => {
  test.each([
    ['graphql-transport-ws', graphqlDialect, { hasPonged: true }],
    ['phoenix', phoenixDialect, {}],
    ['centrifugo', centrifugoDialect, { hasPonged: true }],
    ['signalr', signalrDialect, { hasPinged: true }],
  ])('%s', async (preset, dialect, state) => {
    const server = await startServer(dialect);
    const scenario = testScenario((made) => {
      made.groups = { members: 4, share: 0.5 };
      made.clients.heartbeatMs = 300;
    });
    const seen: unknown[] = [];
    const run = await testRun(scenario, server.endpoint, null, null, null, webSocketPlan({ preset }));
    run.on('phase', ({ name }) => {
      if (name === 'drain') for (const peer of server.relay.peers) seen.push(peer.state);
    });
    const { messages, connections } = await run.measurement;
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(messages).toMatchObject({
      delivered: messages.sent,
      accepted: messages.sent,
      receipted: null,
      lost: 0,
      duplicated: 0,
      outOfOrder: 0,
      corrupted: 0,
      refused: 0,
    });
    expect(server.relay.messages).toBe(messages.sent);
    expect(seen).toHaveLength(40);
    for (const each of seen) expect(each).toMatchObject(state);
  });
});

test('a login that the server answers otherwise than expected fails with that as its reason', async () => {
  const server = await startServer(jsonChatDialect);
  const scenario = testScenario((made) => {
    made.clients.count = 2;
    made.clients.connectTimeoutMs = 300;
  });
  const plan = webSocketPlan({ preset: 'json-chat', loggedIn: { json: { type: 'hello' } } });
  const run = await testRun(scenario, server.endpoint, null, null, null, plan);
  const failure: unknown = await run.measurement.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RunError);
  expect((failure as RunError).message).toMatch(/no client could log in.*LoginNotRecognized/);
});
