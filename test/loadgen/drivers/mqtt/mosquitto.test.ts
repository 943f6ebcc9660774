import { expect, test } from 'vitest';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { brokerCounter } from '../../../fixtures/mosquitto.js';
import { ALL_ARRIVE, runOnMosquitto } from '../../../support/mosquitto.js';

const inGroups = (scenario: Scenario): void => {
  scenario.groups = { members: 4, share: 0.5 };
};

test('mosquitto and the ledger count the same messages', async () => {
  const { broker, messages, connections } = await runOnMosquitto({ qos: 1 });
  expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
  expect(messages.sent).toBe(200);
  expect(messages).toMatchObject({ ...ALL_ARRIVE, accepted: 200, delivered: 200, receipted: null });
  let ownCopies = 0;
  const received = await brokerCounter(broker.endpoint, '$SYS/broker/publish/messages/received', (value) => {
    ownCopies += 1;
    return value >= messages.sent;
  });
  expect(received).toBe(messages.sent);
  // What it tells of itself it counts as sent, too: the last of it perhaps in the next second.
  const sent = await brokerCounter(
    broker.endpoint,
    '$SYS/broker/publish/messages/sent',
    (value) => value >= messages.delivered,
  );
  expect(sent - messages.delivered).toBeLessThanOrEqual(ownCopies);
});

test.each([
  { version: 4, qos: 1 },
  { version: 5, qos: 2 },
])('groups are topics, and nobody hears itself: %j', async (settings) => {
  const { messages } = await runOnMosquitto(settings, inGroups);
  // A message to a group is one to each of the others.
  expect(messages.sent).toBeGreaterThan(300);
  expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: messages.sent });
});

test('a shared subscription brings everything, in whatever order', async () => {
  const { messages } = await runOnMosquitto({ version: 5, share: 'crowd' });
  expect(messages).toMatchObject({ ...ALL_ARRIVE, outOfOrder: null, delivered: messages.sent });
});
