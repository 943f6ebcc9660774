import { describe, expect, onTestFinished, test } from 'vitest';
import type { Measurement } from '../../record/run.js';
import { judge } from '../../record/verdict.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { type Faults, startWrongServer, type WrongServer } from '../fixtures/wrong-server.js';
import { testRun, testScenario } from '../support/run.js';
import { rightLedger, runAgainst } from '../support/wrong-run.js';

/** A generator is believed when it reports what a server that is wrong on purpose did wrong, to the message. */

const every = (nth: number) => (message: number) => message % nth === 0;
/** What is lost never ends: there is no use in waiting for it long. */
const withShortDrain = (scenario: Scenario): void => {
  scenario.generator.drainMs = 800;
};

test('against a server that is right, everything sent is accepted, delivered and receipted once', async () => {
  const { measurement, did } = await runAgainst({});
  expect(did.messages).toBe(200);
  expect(measurement.messages).toEqual(rightLedger(200));
  expect(measurement.connections).toMatchObject({ target: 40, peak: 40, failed: 0, dropped: 0 });
  expect(measurement.latency.delivered.count).toBe(200);
});

test('messages that a server drops are lost, exactly', async () => {
  const { measurement, did } = await runAgainst({ drops: every(7) }, withShortDrain);
  expect(did.dropped).toBe(28);
  expect(measurement.messages).toMatchObject({
    sent: did.messages,
    accepted: did.messages,
    delivered: did.messages - did.dropped,
    lost: did.dropped,
    duplicated: 0,
    outOfOrder: 0,
  });
  expect(measurement.notes.join()).toContain('still under way when the drain was over');
});

test('messages that a server delivers twice are duplicated, exactly', async () => {
  const { measurement, did } = await runAgainst({ duplicates: every(5) });
  expect(did.duplicated).toBe(40);
  expect(measurement.messages).toMatchObject({
    delivered: did.messages,
    duplicated: did.duplicated,
    lost: 0,
    outOfOrder: 0,
    redelivered: 0,
  });
});

test('messages that a server lets others overtake are out of order, exactly', async () => {
  const { measurement, did } = await runAgainst({ swaps: every(3) }, (scenario) => {
    scenario.clients.count = 4;
  });
  expect(did.swapped).toBeGreaterThan(20);
  expect(measurement.messages).toMatchObject({
    delivered: did.messages,
    outOfOrder: did.swapped,
    lost: 0,
    duplicated: 0,
  });
});

test('messages that a server refuses are refused, and not lost', async () => {
  const { measurement, did } = await runAgainst({ refuses: every(4) });
  expect(did.refused).toBe(50);
  expect(measurement.messages).toMatchObject({
    sent: did.messages,
    accepted: did.messages - did.refused,
    delivered: did.messages - did.refused,
    refused: did.refused,
    lost: 0,
  });
});

test('connections that a server cuts are dropped, exactly, and come back', async () => {
  const { measurement, did } = await runAgainst({ hangsUpAfter: every(20) }, withShortDrain);
  expect(did.hungUp).toBe(10);
  expect(measurement.connections).toMatchObject({ dropped: did.hungUp, peak: 40, failed: 0 });
  expect(measurement.connections.reconnects).toBe(did.connections - 1 - 40);
});

describe('one fault at a time is told for what it is, and no other figure of the ledger moves:', () => {
  const zeroed = (payload: Buffer): Uint8Array => Buffer.alloc(payload.length);
  const faults: [string, Faults, (did: WrongServer['did']) => Partial<Measurement['messages']>][] = [
    [
      'payloads that are zeroed',
      { spoils: (number, payload) => (number % 10 === 0 ? zeroed(payload) : undefined) },
      ({ spoiled }) => ({ corrupted: spoiled }),
    ],
    [
      'payloads that are cut',
      { spoils: (number, payload) => (number % 10 === 0 ? payload.subarray(0, 40) : undefined) },
      ({ spoiled }) => ({ corrupted: spoiled }),
    ],
    [
      'payloads that are emptied',
      { spoils: (number) => (number % 10 === 0 ? Buffer.alloc(0) : undefined) },
      ({ spoiled }) => ({ corrupted: spoiled }),
    ],
    [
      'duplicates that are marked as redeliveries, on one connection',
      { marksDuplicate: every(10) },
      ({ duplicated }) => ({ duplicated }),
    ],
    [
      'duplicates that come when all is done',
      { duplicatesLate: { of: every(10), ms: 700 } },
      ({ duplicated }) => ({ duplicated }),
    ],
    ['ACCEPTED that never comes', { accepts: 'never' }, () => ({ accepted: 0, impliedAccepted: 200 })],
    [
      'receipts that never come',
      { keepsReceipt: every(10) },
      ({ keptReceipts }) => ({ receipted: 200 - keptReceipts, deliveredNotReceipted: keptReceipts }),
    ],
    [
      'receipts that come before the message',
      { receiptsFirst: { of: () => true, ms: 200 } },
      ({ receiptedFirst }) => ({ receiptedEarly: receiptedFirst }),
    ],
    [
      'messages that are accepted and never delivered',
      { drops: every(10) },
      ({ dropped }) => ({
        delivered: 200 - dropped,
        receipted: 200 - dropped,
        lost: dropped,
        acceptedNotDelivered: dropped,
      }),
    ],
  ];

  test.each(faults)('%s', async (_, fault, expected) => {
    const { measurement, did } = await runAgainst(fault, (scenario) => {
      withShortDrain(scenario);
      scenario.clients.count = 200;
    });
    expect(measurement.messages).toEqual({ ...rightLedger(200), ...expected(did) });
    expect(Object.values(expected(did)).some((count) => (count ?? 0) > 0)).toBe(true);
    expect(judge(measurement, []).verdict).toBe(
      Object.keys(expected(did)).some((name) => ['corrupted', 'duplicated', 'lost'].includes(name))
        ? 'failed'
        : 'passed',
    );
  });
});

test('all faults at once are told apart', async () => {
  const { measurement, did } = await runAgainst(
    { drops: every(11), duplicates: every(13), refuses: every(17), swaps: every(19) },
    (scenario) => {
      withShortDrain(scenario);
      scenario.clients.count = 6;
    },
  );
  expect(measurement.messages).toMatchObject({
    sent: did.messages,
    lost: did.dropped,
    duplicated: did.duplicated,
    refused: did.refused,
    outOfOrder: did.swapped,
  });
});

test('what a server does wrong to single members of a group is told apart, exactly', async () => {
  const { measurement, did } = await runAgainst(
    { drops: every(11), duplicates: every(13), passesOver: every(17) },
    (scenario) => {
      withShortDrain(scenario);
      scenario.groups = { members: 5, share: 1 };
    },
  );
  expect(did.messages).toBe(800);
  expect(measurement.messages).toMatchObject({
    sent: did.messages,
    accepted: did.messages,
    delivered: did.messages - did.dropped - did.passedOver,
    lost: did.dropped,
    duplicated: did.duplicated,
    refused: did.passedOver,
    outOfOrder: 0,
  });
});

describe('a server that never answers', () => {
  test('fails every connect, and the run with it; what was measured is kept', async () => {
    const server = await startWrongServer({ silence: 'always' });
    onTestFinished(() => server.close());
    const run = await testRun(
      testScenario((scenario) => {
        scenario.clients.connectTimeoutMs = 300;
        scenario.generator.drainMs = 0;
      }),
      server.address,
    );
    const error = await run.measurement.catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'C2M_RUN',
      message: expect.stringMatching(/^no client could log in at .*\d+ × ConnectTimeout/),
    });
    const { connections, messages, isPartial } = error.measurement as Measurement;
    expect(connections).toMatchObject({ target: 40, peak: 0 });
    expect(connections.failed).toBeGreaterThanOrEqual(40);
    expect(connections.failures).toEqual({ ConnectTimeout: connections.failed });
    expect(messages.sent).toBe(0);
    expect(isPartial).toBe(true);
  });

  test('after the login: nothing is accepted, and everything sent is lost', async () => {
    const { measurement, did } = await runAgainst({ silence: 'after-login' }, withShortDrain);
    expect(did.messages).toBe(200);
    expect(measurement.messages).toMatchObject({ sent: 200, accepted: 0, delivered: 0, lost: 200 });
    expect(measurement.latency.accepted).toMatchObject({ count: 0, p99: null });
  });
});
