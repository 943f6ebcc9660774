import { expect, test } from 'vitest';
import { testMosquitto } from '../../../support/mosquitto.js';
import { mqttDriver } from '../../../support/mqtt.js';
import { testRun, testScenario } from '../../../support/run.js';

/** Persistent sessions, and how the broker writes them down: its package's way, or after each change. */
test.each([
  { qos: 1, saves: 'every half hour', lines: [] },
  { qos: 1, saves: 'after each change', lines: ['autosave_on_changes true', 'autosave_interval 1'] },
  { qos: 2, saves: 'after each change', lines: ['autosave_on_changes true', 'autosave_interval 1'] },
])(
  'the ledger says what kill -9 of mosquitto has cost: $qos, saved $saves',
  async ({ qos, saves, lines }) => {
    const broker = await testMosquitto({ lines });
    const scenario = testScenario((made) => {
      made.phases[0] = { ...(made.phases[0] as (typeof made.phases)[0]), durationMs: 4000, messageRate: 500 };
      made.generator.drainMs = 3000;
      made.generator.lagLimitMs = 10_000;
    });
    // What mosquitto loses beyond its max_inflight_messages has nothing to do with its end.
    const run = await testRun(scenario, broker.endpoint, null, null, null, mqttDriver({ qos, inFlight: 20 }));
    // In the middle of the traffic.
    const crashed = new Promise<void>((resolve, reject) => {
      let isKilled = false;
      run.on('sample', ({ phase, messages }) => {
        if (isKilled || phase !== 'talk' || messages.delivered === 0) return;
        isKilled = true;
        broker
          .kill()
          .then(() => broker.restart())
          .then(resolve, reject);
      });
    });
    const [{ messages, connections }] = await Promise.all([run.measurement, crashed]);
    const { sent, accepted, delivered, lost, acceptedNotDelivered, duplicated, redelivered } = messages;
    console.log(
      `mosquitto, QoS ${qos}, sessions saved ${saves}, kill -9 in mid-traffic:`,
      JSON.stringify({ sent, accepted, delivered, lost, acceptedNotDelivered, duplicated, redelivered }),
    );
    // Everybody lost the connection, and came back; what was sent afterwards has arrived.
    expect(connections.dropped).toBeGreaterThanOrEqual(40);
    expect(messages).toMatchObject({ corrupted: 0, refused: 0 });
    expect(sent).toBe(2000);
    expect(delivered).toBeGreaterThan(sent / 2);
    expect(delivered + lost).toBe(sent);
  },
);
