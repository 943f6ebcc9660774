import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { signedBy, testAuthority } from '../support/certificates.js';
import { keptFolder } from '../support/folder.js';

let folder: string;

beforeAll(async () => {
  folder = keptFolder();
  const authority = await testAuthority('authority');
  const [one, other] = [await signedBy(authority), await signedBy(authority)];
  writeFileSync(join(folder, 'cert.pem'), one.cert);
  writeFileSync(join(folder, 'key.pem'), one.key);
  writeFileSync(join(folder, 'other-key.pem'), other.key);
  writeFileSync(join(folder, 'half.pem'), one.cert.slice(0, 200));
  writeFileSync(join(folder, 'large.pem'), Buffer.alloc(2 * 1024 * 1024, 'x'));
});

const scenario = (tls: string, more = '') => `name: chat
target:
  addresses: [tls://127.0.0.1:8883]
  tls: ${tls}
  driver: mqtt
${more}
phases: [{ name: talk, duration: 1s, rate: 1/s }]
clients: { count: 2 }
`;

async function load(tls: string) {
  const file = join(folder, 'chat.yaml');
  writeFileSync(file, scenario(tls));
  return loadScenario(file);
}

test('files are named from the folder of the scenario', async () => {
  const { scenario: read } = await load('{ caFile: ./cert.pem, certFile: cert.pem, keyFile: key.pem }');
  expect(read.target).toMatchObject({
    tls: {
      caFile: join(folder, 'cert.pem'),
      certFile: join(folder, 'cert.pem'),
      keyFile: join(folder, 'key.pem'),
    },
  });
});

test.each([
  ['{ caFile: none.pem }', 'caFile', 'none.pem is no file; write a path'],
  ['{ caFile: key.pem }', 'caFile', 'key.pem holds no certificate in PEM'],
  ['{ caFile: half.pem }', 'caFile', 'half.pem holds no certificate in PEM'],
  ['{ caFile: large.pem }', 'caFile', 'large.pem is too large'],
  ['{ certFile: cert.pem, keyFile: cert.pem }', 'keyFile', 'cert.pem holds no key in PEM'],
  [
    '{ certFile: cert.pem, keyFile: other-key.pem }',
    'keyFile',
    'other-key.pem is not the key of the certificate',
  ],
])('%s cannot be used, and is told before anything is started', async (tls, key, words) => {
  await expect(load(tls)).rejects.toThrow(`chat.yaml:4 target.tls.${key}: ${folder}/${words}`);
});

test.each([
  ['{ certFile: cert.pem }', 'target.tls: must have certFile and keyFile, or neither of them'],
  ['{ ca: ca.pem }', 'target.tls.ca: is not a known key'],
  [
    '{ caFile: ca.pem }\n  insecure: true',
    'target.tls.caFile: says whose certificates are trusted, and insecure',
  ],
])('%s is refused by what is written there', (tls, words) => {
  expect(() => parseScenario(scenario(tls), 'chat.yaml')).toThrow(words);
});

test('an embedded server has a certificate of its own', () => {
  expect(() =>
    parseScenario(
      'name: a\ntarget: { embedded: {}, tls: { caFile: a } }\nphases: [{ name: a, duration: 1s, rate: 1/s }]\nclients: { count: 2 }\n',
      'a.yaml',
    ),
  ).toThrow('target.tls: is for a server of your own');
});
