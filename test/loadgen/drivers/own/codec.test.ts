import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DriverPlan } from '../../../../loadgen/agent-messages.js';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { loadDriver } from '../../../../loadgen/drivers/load-driver.js';
import { startLineServer } from '../../../fixtures/line-server.js';
import {
  conforms,
  feed,
  meansTheSameAtEverySplit,
  openedClient,
  survivesAnyBytes,
} from '../../../support/conformance.js';
import { testFolder } from '../../../support/folder.js';
import { buffered } from '../../../support/output.js';

const ownDriver = (file: string, settings: Record<string, unknown> = {}): DriverPlan => ({
  name: 'own',
  settings: { file: resolve(file), settings },
});
const CODEC = ownDriver('examples/own-codec/lines-driver.js');

conforms("a codec of somebody's own", {
  driver: CODEC,
  start: async (faults) => {
    const { tcp, close } = await startLineServer(faults);
    return { endpoint: tcp, close };
  },
});

/** What is wrong with a file of this text. */
async function problemOf(text: string, name = 'mine.mjs'): Promise<string> {
  const file = join(testFolder(), name);
  await writeFile(file, text);
  return loadDriver('own', { file, settings: {} }).then(
    () => '',
    (error: Error & { code: string }) => `${error.code}: ${error.message.replaceAll(file, name)}`,
  );
}

/** The driver in a file of this text. */
async function driverIn(text: string, settings: Record<string, unknown> = {}, name = 'mine.mjs') {
  const file = join(testFolder(), name);
  await writeFile(file, text);
  return loadDriver('own', { file, settings });
}

describe("a codec of somebody's own", () => {
  const stream = Buffer.from('WELCOME\nSENT 1\nMESSAGE aGVsbG8=\nFAILED 2 NotHere\nPONG\nERROR no\n');

  test('means the same wherever its bytes are split', async () => {
    meansTheSameAtEverySplit(await loadDriver(CODEC.name, CODEC.settings), CODEC.settings, stream);
  });

  test('survives whatever bytes come', async () => {
    survivesAnyBytes(await loadDriver(CODEC.name, CODEC.settings), CODEC.settings, Buffer.from('WELCOME\n'));
  });

  test('tells what happened in the words of the seam', async () => {
    const { protocol, events } = openedClient(await loadDriver(CODEC.name, CODEC.settings), CODEC.settings);
    feed(protocol, [stream]);
    expect(events).toEqual([
      'loggedIn 0',
      'accepted 0 1',
      `delivered 0 ${Buffer.from('hello').toString('hex')} false`,
      'refused 0 2 NotHere',
      'ended 0 Error',
    ]);
  });

  test('says that the server has broken the protocol by what it throws with a reason', async () => {
    const { protocol } = openedClient(await loadDriver(CODEC.name, CODEC.settings), CODEC.settings);
    expect(() => feed(protocol, [Buffer.from('HTTP/1.1 400\n')])).toThrow(ProtocolViolation);
  });

  test('is asked what it promises with its settings, and is given them', async () => {
    const driver = await driverIn(
      `export const driver = {
        settings: { parse: ({ level }) => ({ level: Number(level) }) },
        promises: ({ level }) => ({ accepted: level > 0 }),
        framing: () => ({ carriers: ['ws'], webSocketMessages: 'text' }),
        create: ({ level }, clients, events) => ({
          opened: (client, out) => out.writeText(\`level \${level} of \${clients.firstUser + client}\`),
          received: (client, bytes) => bytes.length,
          writeMessage() {},
        }),
      };`,
      { level: '2' },
      'levels.mjs',
    );
    expect(driver.name).toBe('levels');
    expect(driver.promises({})).toMatchObject({ accepted: true, receipt: false, order: 'none' });
    expect(driver.framing({})).toEqual({ carriers: ['ws'], webSocketMessages: 'text', subprotocols: [] });
    const out = buffered();
    const { protocol } = openedClient(driver, {});
    protocol.opened(1, out);
    protocol.writePending(1, out);
    protocol.writeKeepalive(1, out);
    protocol.leave(1, out);
    protocol.closed(1);
    expect(out.take().toString()).toBe('level 2 of 2');
  });

  test('may promise another thing of groups, and promises nothing else of them by itself', async () => {
    const promisesOf = async (promises: string, name: string) => {
      const text = `export const driver = { promises: ${promises}, create: () => ({}) };`;
      return (await driverIn(text, {}, name)).promises({});
    };
    expect(await promisesOf('{ storesForAway: true, groupsStoreForAway: false }', 'rooms.mjs')).toMatchObject(
      {
        storesForAway: true,
        groupsStoreForAway: false,
      },
    );
    expect(await promisesOf('{ storesForAway: true }', 'boxes.mjs')).not.toHaveProperty('groupsStoreForAway');
  });

  test('is asked for room before each message where it says whether it has any, and not elsewhere', async () => {
    const codecWith = async (method: string, name: string) => {
      const methods = `opened() {}, received: (client, bytes) => bytes.length, writeMessage() {}, ${method}`;
      const driver = await driverIn(`export const driver = { create: () => ({ ${methods} }) };`, {}, name);
      return openedClient(driver, {}).protocol;
    };
    const narrow = await codecWith('hasRoom: (client) => client > 0', 'narrow.mjs');
    expect([narrow.hasRoom?.(0), narrow.hasRoom?.(1)]).toEqual([false, true]);
    expect((await codecWith('', 'wide.mjs')).hasRoom).toBeUndefined();
  });

  test.each([
    ['its default', 'export default { name: "plain", create: () => ({}) };'],
    ['driver', 'export const driver = { name: "plain", create: () => ({}) };'],
    [
      'its default, with methods of a class',
      'class Plain { name = "plain"; create() {} } export default new Plain();',
    ],
    ['an adapter as its default', 'export default { name: "plain", connect: async () => ({}) };'],
    ['an adapter as driver', 'export const driver = { name: "plain", connect: async () => ({}) };'],
  ])('is what the file exports as %s', async (_, text) => {
    expect((await driverIn(text, {}, 'file.mjs')).name).toBe('plain');
  });

  test('may be a CommonJS file', async () => {
    const text = 'exports.driver = { create: () => ({ opened() {}, received() {}, writeMessage() {} }) };';
    const driver = await driverIn(text, {}, 'old.cjs');
    expect(driver.name).toBe('old');
    const { protocol } = openedClient(driver, {});
    expect(() => protocol.received(0, Buffer.from('x'), buffered())).toThrow(
      "the driver's received() was given 1 bytes, and returned undefined",
    );
  });

  test.each([
    ['export const a = 1;', 'it exports neither driver nor connect'],
    ['export const driver = 7;', 'driver must be an object'],
    ['export const driver = {};', 'driver has no create(settings, clients, events)'],
    [
      'export const driver = { create() {}, promises: { acepted: true } };',
      'promises has no acepted; known are acc',
    ],
    [
      'export const driver = { create() {}, promises: { order: "any" } };',
      'promises.order must be per-sender or none',
    ],
    [
      'export const driver = { create() {}, promises: { groups: 1 } };',
      'promises.groups must be true or false',
    ],
    [
      'export const driver = { create() {}, framing: { carriers: ["udp"] } };',
      'framing.carriers must be a list of tcp',
    ],
    [
      'export const driver = { create() {}, framing: { webSocketMessages: "json" } };',
      'must be one of stream, text',
    ],
    [
      'export const driver = { create() {}, settings: { parse() { throw new Error("no room"); } } };',
      'no room',
    ],
    ['export const connect = 1;', 'connect must be a function'],
    ['export function connect() {}\nexport const carriers = "ws";', 'carriers must be a list of tcp'],
    ['export const driver = {', 'cannot be loaded: '],
    ['throw new Error("not today");', 'cannot be loaded: mine.mjs:1:'],
    [
      'export const driver = { create() {}, framing: () => nothing.stream };',
      ' framing(): ReferenceError: nothing is not defined',
    ],
  ])('that is wrong is an error of the input: %s', async (text, words) => {
    const problem = await problemOf(text);
    expect(problem).toMatch(/^C2M_INPUT: target\.driver: mine\.mjs/);
    expect(problem).toContain(words);
  });
});
