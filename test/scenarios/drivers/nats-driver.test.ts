import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { checkDriver } from '../../../lab/driver-limits.js';
import { tokenHider } from '../../../lab/hide-token.js';
import { publicUserKey, userSeedIn } from '../../../scenarios/drivers/nkey.js';
import {
  type LoadedScenario,
  loadScenario,
  parseScenario,
  secretsOfLoaded,
} from '../../../scenarios/load.js';
import { recordFixture } from '../../fixtures/record.js';
import { testFolder } from '../../support/folder.js';
import { credentialsFile, keyOf, operatorMode } from '../../support/nats-accounts.js';

const scenario = (settings: string, address = 'tcp://127.0.0.1:4222'): string => `name: chat
target:
  addresses: ['${address}']
  driver: { nats: ${settings} }
clients: { count: 10 }
phases: [{ name: talk, duration: 10s }]
`;

const parsed = (settings: string, address?: string) =>
  parseScenario(scenario(settings, address), 'chat.yaml');

const driverOf = ({ target }: LoadedScenario['scenario']) =>
  target.kind === 'external' ? target.driver : undefined;

/** A scenario and a file of credentials beside it. */
async function inFolder(text: string, credentials: string): Promise<{ folder: string; file: string }> {
  const folder = testFolder();
  await writeFile(join(folder, 'user.creds'), credentials);
  const file = join(folder, 'chat.yaml');
  await writeFile(file, text);
  return { folder, file };
}

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => '',
    (error: Error) => error.message,
  );
}

/** All that a record of it says. */
function recorded({ scenario: resolved, source, secrets = [] }: LoadedScenario): string {
  const { gates: _gates, verdict: _verdict, ...figures } = recordFixture().record;
  const { file, text, overrides } = source;
  const scenario = { file, source: text, overrides, resolved: { ...resolved } };
  return JSON.stringify(
    tokenHider(scenario, secrets)({ ...figures, phases: [], notes: [], scenario, isPartial: false }),
  );
}

describe('an NKey', () => {
  test('is read, and its public key written, as the library of NATS does', () => {
    for (let round = 0; round < 50; round += 1) {
      const pair = nkeys.createUser();
      const { seed, publicKey } = keyOf(pair);
      expect(userSeedIn(seed)).toHaveLength(32);
      expect(publicUserKey(rawPublicKey(publicKey))).toBe(publicKey);
    }
  });

  test.each([
    ['nothing', () => ''],
    ['a public key', () => keyOf().publicKey],
    ['a letter that is wrong', () => mistyped(keyOf().seed)],
    ['a part of one', () => keyOf().seed.slice(0, -4)],
    ['another letter than those of Base32', () => keyOf().seed.replace(/..$/, '1!')],
    ['the seed of an account', () => keyOf(nkeys.createAccount()).seed],
  ])('is none: %s', (_, text) => {
    expect(userSeedIn(text())).toBeUndefined();
  });
});

describe('who clients of NATS are', () => {
  test('is one of a name, a token, a key, a file', () => {
    const { seed } = keyOf();
    expect(driverOf(parsed(`{ nkey: ${seed} }`))?.settings).toMatchObject({ nkey: seed, tls: 'auto' });
    const refused = (settings: string) => () => parsed(settings);
    expect(refused(`{ nkey: ${seed}, token: abcdefgh }`)).toThrow('user and password, or token, or nkey');
    expect(refused(`{ nkey: ${seed}, credentialsFile: a }`)).toThrow('user and password, or token, or nkey');
    expect(refused('{ jwt: a.b.c }')).toThrow(/jwt: needs the seed of its user/);
  });

  test('is told to nobody where it is mistyped', () => {
    const wrong = mistyped(keyOf().seed);
    const refused = () => parsed(`{ nkey: ${wrong} }`);
    expect(refused).toThrow(/chat.yaml:4 target.driver.nats.nkey: is not the seed of a user/);
    expect(refused).toThrow(expect.objectContaining({ message: expect.not.stringContaining(wrong) }));
  });

  test('is in no record', async () => {
    const { seed } = keyOf();
    const { file } = await inFolder(scenario('{}'), '');
    const loaded = await loadScenario(file, [`target.driver.nats.nkey=${seed}`]);
    expect(JSON.stringify(loaded.scenario)).toContain(seed);
    expect(recorded(loaded)).not.toContain(seed);
    expect(recorded(loaded)).toContain('target.driver.nats.nkey=…');
  });
});

describe('a file of credentials', () => {
  const { credentials, jwt, seed } = operatorMode();
  const text = scenario('{ credentialsFile: user.creds }');

  test('is read with the scenario, from beside it, and only the file is recorded', async () => {
    const { file } = await inFolder(text, credentials);
    const loaded = await loadScenario(file);
    expect(driverOf(loaded.scenario)?.settings).toMatchObject({ jwt, nkey: seed });
    expect(secretsOfLoaded(loaded)).toEqual(expect.arrayContaining([jwt, seed]));
    const record = recorded(loaded);
    for (const secret of [jwt, seed]) expect(record).not.toContain(secret);
    expect(record).toContain('user.creds');
  });

  test('is looked for beside the file that names it', async () => {
    const { folder } = await inFolder(text, credentials);
    await mkdir(join(folder, 'more'));
    const file = join(folder, 'more', 'longer.yaml');
    await writeFile(file, 'extends: ../chat.yaml\nname: longer\n');
    expect(driverOf((await loadScenario(file)).scenario)?.settings).toMatchObject({ jwt, nkey: seed });
  });

  test.each([
    ['with nothing in it', '', 'has no JWT and seed of a user'],
    ['with a seed alone', credentials.slice(credentials.indexOf('****')), 'has no JWT and seed of a user'],
    ['with a seed that is mistyped', credentialsFile(jwt, mistyped(seed)), 'has no JWT and seed'],
  ])('%s is refused, and nothing of it told', async (_, content, words) => {
    const { file, folder } = await inFolder(text, content);
    const message = await messageOf(loadScenario(file));
    expect(message).toContain(
      `chat.yaml:4 target.driver.nats.credentialsFile: ${folder}/user.creds ${words}`,
    );
    for (const secret of [jwt, seed.slice(0, 15)]) expect(message).not.toContain(secret);
  });

  test('that is not there is told', async () => {
    const { file } = await inFolder(scenario('{ credentialsFile: other.creds }'), credentials);
    expect(await messageOf(loadScenario(file))).toMatch(/credentialsFile: .*other.creds is no file; write/);
  });

  test('of a stranger’s scenario logs in at no other machine without --trust', async () => {
    const there = scenario('{ credentialsFile: user.creds }', 'tcp://chat.example:4222').replace(
      '  driver:',
      '  allow: [chat.example]\n  driver:',
    );
    const { file } = await inFolder(there, credentials);
    expect(await messageOf(loadScenario(file))).toContain(
      'logs in at another machine as who "user.creds" is',
    );
    const { scenario: trusted } = await loadScenario(file, [], { isTrusted: true });
    expect(driverOf(trusted)?.settings).toMatchObject({ nkey: seed });
  });
});

test.each([
  ['handshakeFirst', 'tcp://127.0.0.1:1', 'handshakeFirst is not for tcp://; write tls://'],
  ['never', 'tls://127.0.0.1:1', 'never contradicts tls://'],
  ['required', 'wss://127.0.0.1:1', 'required is not for WebSocket'],
])('tls: %s at %s contradicts the address', async (tls, address, words) => {
  const made = parsed(`{ tls: ${tls} }`, address);
  await expect(checkDriver(made, driverOf(made) as { name: string; settings: unknown })).rejects.toThrow(
    `target.driver.nats.tls: ${words}`,
  );
});

/** One letter of it is another, which a checksum never misses. */
function mistyped(seed: string): string {
  return seed.slice(0, 20) + (seed[20] === 'A' ? 'B' : 'A') + seed.slice(21);
}

/** The 32 bytes behind the prefix, by the alphabet of RFC 4648 alone. */
function rawPublicKey(publicKey: string): Buffer {
  const bits = [...publicKey]
    .map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'))
    .join('');
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  return Buffer.from(bytes.slice(1, 33));
}
