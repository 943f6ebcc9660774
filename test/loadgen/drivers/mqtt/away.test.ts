import { expect, test } from 'vitest';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { ALL_ARRIVE, runOnMosquitto } from '../../../support/mosquitto.js';

/** Half of the users are away for a second, and come back. */
const awayAndBack = (scenario: Scenario): void => {
  const phase = { durationMs: 1500, messageRate: 200, churnRate: 0, awayForMs: 0, cut: 0 };
  scenario.phases = [
    { ...phase, name: 'half away', away: 0.5 },
    { ...phase, name: 'back', away: 0 },
  ];
};

test.each([
  { version: 5, qos: 1 },
  { version: 4, qos: 2 },
])('mosquitto keeps everything for those who are away: %j', async (settings) => {
  const { messages } = await runOnMosquitto(settings, awayAndBack);
  expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: messages.sent, accepted: messages.sent });
  expect(messages.awayAdjusted).toBeGreaterThan(50);
});

test('mosquitto keeps nothing of QoS 0 for those who are away', async () => {
  const { messages } = await runOnMosquitto({ qos: 0 }, awayAndBack);
  expect(messages.lost).toBeGreaterThan(50);
  expect(messages).toMatchObject({ accepted: null, duplicated: 0, corrupted: 0 });
});
