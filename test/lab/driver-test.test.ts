import { resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { messageCheck } from '../../lab/driver-checks.js';
import { type DriverTest, testDriver } from '../../lab/driver-test.js';
import type { Endpoint } from '../../loadgen/agent-messages.js';
import { LEAST_PROMISES } from '../../loadgen/drivers/own/own-promises.js';
import { formatAddress } from '../../protocol/address.js';
import { startLineServer } from '../fixtures/line-server.js';
import { startWrongServer } from '../fixtures/wrong-server.js';
import { addressOf, testServer } from '../support/server.js';

const LINES = { file: resolve('examples/own-codec/lines-driver.js') };

function tryAt(
  endpoint: Endpoint,
  driver: { name: string } | { file: string },
  overrides: string[] = [],
): Promise<DriverTest> {
  return testDriver({
    address: formatAddress(endpoint),
    driver,
    overrides,
    idleClients: 300,
    signal: new AbortController().signal,
  });
}

test('against a right server everything holds that c2m promises, and what clients cost is measured', async () => {
  const server = await testServer();
  const { promises, checks, holds } = await tryAt(addressOf(server), { name: 'c2m' });
  expect(promises).toMatchObject({ accepted: true, receipt: true, storesForAway: true });
  expect(holds).toBe(true);
  expect(checks.map((check) => [check.name, check.holds])).toEqual([
    ['login', true],
    ['one message', true],
    ['open workload', true],
    ['login storm', true],
    ['away and back', true],
    ['memory a client', null],
    ['CPU a message', null],
  ]);
  const figures = Object.assign({}, ...checks.map((check) => check.figures));
  expect(figures).toMatchObject({ lost: 0, duplicated: 0, loggedIn: 200, failed: 0 });
  expect(figures.reconnects).toBeGreaterThan(50);
  expect(figures.generatorUsPerMessage).toBeGreaterThan(0);
});

test('what a server loses is told of the check that has met it', async () => {
  const server = await startLineServer({ drops: (message) => message % 10 === 0 });
  onTestFinished(() => server.close());
  const { checks, holds } = await tryAt(server.tcp, LINES, ['generator.drain=500ms']);
  expect(holds).toBe(false);
  expect(checks.find(({ name }) => name === 'open workload')).toMatchObject({
    holds: false,
    words: expect.stringMatching(/^\d+ messages: \d+ lost$/),
  });
  expect(checks.find(({ name }) => name === 'login storm')).toMatchObject({ holds: true });
});

test('where nobody had a message to send nothing is judged of it', () => {
  const contact = { loginMs: 3, messageMs: null, notes: [] };
  expect(messageCheck(contact, LEAST_PROMISES)).toMatchObject({ holds: null, figures: { messageMs: null } });
});

test('without a login there is nothing else to try', async () => {
  const server = await startWrongServer({ silence: 'always' });
  onTestFinished(() => server.close());
  const { checks, holds } = await testDriver({
    address: formatAddress(server.address),
    driver: { name: 'c2m' },
    overrides: ['clients.connectTimeout=300ms'],
    idleClients: 10,
    signal: new AbortController().signal,
  });
  expect(holds).toBe(false);
  expect(checks).toEqual([
    {
      name: 'login',
      holds: false,
      words:
        'first contact: nobody could log in (ConnectTimeout; the server said nothing: does it speak c2m?)',
      figures: { loginMs: null },
    },
  ]);
});
