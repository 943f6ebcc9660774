import type { Measurement } from '../../record/run.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { type Faults, startWrongServer, type WrongServer } from '../fixtures/wrong-server.js';
import { afterEachTest } from './clean-up.js';
import { testRun, testScenario } from './run.js';

const servers: WrongServer[] = [];
afterEachTest('users', async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A run against a server with these faults, which is closed after the test. */
export async function runAgainst(
  faults: Faults,
  change: (scenario: Scenario) => void = () => undefined,
): Promise<{ measurement: Measurement; did: WrongServer['did']; folder: string }> {
  const server = await startWrongServer(faults);
  servers.push(server);
  const run = await testRun(testScenario(change), server.address);
  return { measurement: await run.measurement, did: server.did, folder: run.folder };
}

/** What the ledger says of so many messages that nothing went wrong with. */
export function rightLedger(messages: number): Measurement['messages'] {
  return {
    due: messages,
    unscheduled: 0,
    sent: messages,
    accepted: messages,
    delivered: messages,
    receipted: messages,
    lost: 0,
    unknown: 0,
    duplicated: 0,
    outOfOrder: 0,
    redelivered: 0,
    refused: 0,
    corrupted: 0,
    acceptedNotDelivered: 0,
    deliveredNotReceipted: 0,
    receiptedEarly: 0,
    impliedAccepted: 0,
    awayAdjusted: 0,
    leftOver: 0,
    heldBack: 0,
    unsent: 0,
  };
}
