import type { Measurement } from '../../record/run.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { type Mosquitto, type MosquittoOptions, startMosquitto } from '../fixtures/mosquitto.js';
import { afterEachTest } from './clean-up.js';
import { mqttDriver } from './mqtt.js';
import { testRun, testScenario } from './run.js';

const brokers: Mosquitto[] = [];

afterEachTest('servers', async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

/** It is closed after the test. */
export async function testMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const broker = await startMosquitto(options);
  brokers.push(broker);
  return broker;
}

/** A run against a broker of its own. @param settings of the driver */
export async function runOnMosquitto(
  settings: Record<string, unknown>,
  change: (scenario: Scenario) => void = () => undefined,
  options: MosquittoOptions = {},
): Promise<Measurement & { broker: Mosquitto }> {
  const broker = await testMosquitto(options);
  const run = await testRun(testScenario(change), broker.endpoint, null, null, null, mqttDriver(settings));
  return { broker, ...(await run.measurement) };
}

/** What the messages of a run say against a broker that loses nothing. */
export const ALL_ARRIVE = { lost: 0, duplicated: 0, corrupted: 0, refused: 0, unsent: 0, outOfOrder: 0 };
