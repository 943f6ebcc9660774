import type { IConnackPacket } from 'mqtt-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { heedServer } from '../../../../loadgen/drivers/mqtt/server-limits.js';
import type { Scenario } from '../../../../scenarios/scenario.js';
import { startMqttServer } from '../../../fixtures/mqtt-server.js';
import { type RunningServer, toldBy } from '../../../support/conformance.js';
import { ALL_ARRIVE, runOnMosquitto } from '../../../support/mosquitto.js';
import { mqttDriver, mqttSettings } from '../../../support/mqtt.js';
import { testRun, testScenario } from '../../../support/run.js';

type Limits = NonNullable<IConnackPacket['properties']>;

const servers: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function runWith(
  limits: Limits,
  change: (scenario: Scenario) => void,
  settings: Record<string, unknown> = {},
) {
  const server = await startMqttServer({}, limits);
  servers.push(server);
  const driver = mqttDriver({ version: 5, ...settings });
  const run = await testRun(testScenario(change), server.endpoint, null, null, null, driver);
  return run.measurement;
}

/** Nobody writes; signs of life are all that there is. */
const silence =
  (durationMs: number) =>
  (scenario: Scenario): void => {
    scenario.clients.heartbeatMs = 60_000;
    scenario.phases = scenario.phases.map((phase) => ({ ...phase, durationMs, messageRate: 0 }));
  };

/** More at once than a server takes without an answer: a burst for each of a few clients. */
const crowd = (scenario: Scenario): void => {
  scenario.clients.count = 4;
  scenario.phases = scenario.phases.map((phase) => ({ ...phase, messageRate: 400 }));
};

describe('a client of MQTT 5', () => {
  /** What it makes of a CONNACK: why it ends, and what it tells. */
  const heard = (limits: Limits, settings: Record<string, unknown> = {}, heartbeatMs = 30_000) => {
    const told: string[] = [];
    const range = { count: 1, firstUser: 1, run: 1, groupMembers: null, heartbeatMs };
    const events = {
      ...toldBy([]),
      wantsKeepaliveEvery: (ms: number) => told.push(`each ${ms} ms`),
      note: (words: string) => told.push(words),
    };
    return { reason: heedServer(limits, mqttSettings({ version: 5, ...settings }), range, events), told };
  };

  test('goes on as the scenario says where the server has no wish', () => {
    const wishless = { serverKeepAlive: 45, maximumQoS: 2, sessionExpiryInterval: 3600 };
    for (const limits of [{}, wishless, { serverKeepAlive: 0 }])
      expect(heard(limits)).toEqual({ reason: undefined, told: [] });
  });

  test('gives signs of life in time for the Server Keep Alive, and tells so', () => {
    expect(heard({ serverKeepAlive: 31 }).told).toEqual([]);
    expect(heard({ serverKeepAlive: 30 }).told).toEqual([
      'each 20000 ms',
      'the server wants a sign of life within 30s (Server Keep Alive): clients give one each 20s, not each 30s as clients.heartbeat says',
    ]);
  });

  test('tells that a session lasts shorter than asked for, where it is to last', () => {
    expect(heard({ sessionExpiryInterval: 60 }).told).toEqual([
      expect.stringMatching(/^the server keeps a session for 1m without a connection, not for 1h as /),
    ]);
    expect(heard({ sessionExpiryInterval: 0 }, { cleanSession: true }).told).toEqual([]);
  });

  test('ends where the server has not what the scenario is made of, and says what to write', () => {
    expect(heard({ maximumQoS: 1 }, { qos: 2 })).toEqual({
      reason: 'QosNotSupported',
      told: ['the server takes messages of QoS 1 at most; write target.driver.mqtt.qos: 1'],
    });
    expect(heard({ sharedSubscriptionAvailable: false }, { share: 'crowd' })).toEqual({
      reason: 'SharedSubscriptionsNotSupported',
      told: ['the server has no shared subscriptions; leave out target.driver.mqtt.share'],
    });
  });
});

describe('a server that sees to what it says', () => {
  test('hears from clients as often as it wants, though the scenario says less often', async () => {
    const { connections, notes } = await runWith({ serverKeepAlive: 1 }, silence(4000));
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(notes).toEqual([
      expect.stringMatching(/^the server wants a sign of life within 1s .* each 666ms, not each 1m as/),
    ]);
  });

  test('is never sent more without an answer than it takes', async () => {
    const { connections, messages } = await runWith({ receiveMaximum: 3 }, crowd);
    expect(connections).toMatchObject({ dropped: 0, failures: {} });
    expect(messages.sent).toBeGreaterThan(300);
    expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: messages.sent });
  });

  test('is never sent what it has no room for: that is unsent, and not lost', async () => {
    const drainShortly = (scenario: Scenario): void => {
      crowd(scenario);
      scenario.generator.drainMs = 100;
    };
    const { messages } = await runWith({ receiveMaximum: 1 }, drainShortly);
    expect(messages.unsent).toBeGreaterThan(10);
    expect(messages.heldBack).toBe(messages.unsent);
    expect(messages.sent + messages.unsent).toBe(messages.due);
    // Those without an answer when the last clients left: one of each.
    expect(messages.lost).toBeLessThanOrEqual(4);
    expect(messages).toMatchObject({ duplicated: 0, outOfOrder: 0, refused: 0 });
  });
});

describe('mosquitto', () => {
  test('with max_keepalive ends nobody who has nothing to say', async () => {
    const options = { lines: ['max_keepalive 10'] };
    const { connections, notes } = await runOnMosquitto({ version: 5 }, silence(22_000), options);
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
    expect(notes).toEqual([expect.stringContaining('within 10s (Server Keep Alive)')]);
  }, 60_000);

  test('with max_inflight_messages is sent no more at a time, and loses nothing', async () => {
    const options = { lines: ['max_inflight_messages 2'] };
    const { connections, messages } = await runOnMosquitto({ version: 5, qos: 2 }, crowd, options);
    expect(connections).toMatchObject({ dropped: 0, failures: {} });
    expect(messages.sent).toBeGreaterThan(300);
    expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: messages.sent });
  });

  test('with max_qos lets nobody in who wants more, and the run says what to write', async () => {
    const options = { lines: ['max_qos 1'] };
    await expect(runOnMosquitto({ version: 5, qos: 2 }, undefined, options)).rejects.toThrow(
      /: \d+ × QosNotSupported; the server takes messages of QoS 1 at most; write target.driver.mqtt.qos: 1$/,
    );
    const { messages } = await runOnMosquitto({ version: 5, qos: 1 }, undefined, options);
    expect(messages).toMatchObject({ ...ALL_ARRIVE, delivered: 200 });
  });

  test('with max_packet_size is not sent what it would break connections for', async () => {
    const options = { lines: ['max_packet_size 200'] };
    const change = (scenario: Scenario): void => {
      scenario.messages.size = { kind: 'fixed', bytes: 500 };
    };
    const { connections, messages, refusals, notes } = await runOnMosquitto({ version: 5 }, change, options);
    expect(connections).toMatchObject({ peak: 40, dropped: 0, failures: {} });
    expect(messages).toMatchObject({ delivered: 0, refused: 200 });
    expect(refusals).toEqual({ PacketTooLarge: 200 });
    expect(notes).toEqual([expect.stringMatching(/packets of 200 bytes at most \(Maximum Packet Size\)/)]);
  });
});
