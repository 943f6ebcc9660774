import { expect, test } from 'vitest';
import { binaryEchoDialect, echoDialect } from '../../../fixtures/websocket-dialects.js';
import { startRelay } from '../../../fixtures/websocket-relay.js';
import { testRun, testScenario } from '../../../support/run.js';
import { webSocketPlan } from '../../../support/websocket.js';

test('bytes as they are go through an echo of binary messages', async () => {
  const server = await startRelay(binaryEchoDialect);
  const driver = webSocketPlan({
    messages: 'binary',
    recipient: 'sender',
    send: '{{bytes}}',
    match: { delivered: { text: '^(?<bytes>.*)$' } },
  });
  const run = await testRun(testScenario(), server.endpoint, null, null, null, driver);
  const { messages } = await run.measurement;
  expect(messages).toMatchObject({ delivered: messages.sent, lost: 0, corrupted: 0, duplicated: 0 });
  expect(server.relay.messages).toBe(messages.sent);
  await server.close();
});

test('messages are compressed both ways where the server takes the offer', async () => {
  const server = await startRelay({ ...echoDialect, compression: true });
  const scenario = testScenario((made) => {
    if (made.target.kind === 'external') made.target.websocket.compression = true;
    made.messages.size = { kind: 'uniform', minBytes: 64, maxBytes: 20_000 };
  });
  const plan = webSocketPlan({ preset: 'echo' });
  const run = await testRun(scenario, server.endpoint, null, null, null, plan);
  const { messages, connections } = await run.measurement;
  expect(connections.failures).toEqual({});
  expect(messages).toMatchObject({ delivered: messages.sent, lost: 0, corrupted: 0, duplicated: 0 });
  await server.close();
});
