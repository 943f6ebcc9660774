import { writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { runScenario } from '../../lab/run-scenario.js';
import type { RunRecord } from '../../record/run.js';
import { loadScenario } from '../../scenarios/load.js';
import { signedBy, type TestCertificate, testAuthority } from '../support/certificates.js';
import { afterEachTest } from '../support/clean-up.js';
import { keptFolder } from '../support/folder.js';
import { ALL_ARRIVE, testMosquitto } from '../support/mosquitto.js';
import { startNatsServer } from '../support/nats-server.js';
import { listening } from '../support/wrong-listeners.js';

/** The authority is trusted by nobody but who is told; a server and a client that it has signed; and a stranger's. */
let folder: string;
let forAddress: TestCertificate;
let forName: TestCertificate;
const closing: (() => unknown)[] = [];
afterEachTest('servers', () => {
  for (const close of closing.splice(0)) close();
});

beforeAll(async () => {
  folder = keptFolder();
  const authority = await testAuthority('authority');
  forAddress = await signedBy(authority);
  forName = await signedBy(authority, 'localhost');
  const client = await signedBy(authority, 'fleet');
  const stranger = await signedBy(await testAuthority('stranger'), 'stranger');
  const files = { ca: authority.cert, cert: client.cert, key: client.key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.pem`), text);
  writeFileSync(join(folder, 'stranger.pem'), stranger.cert);
  writeFileSync(join(folder, 'stranger-key.pem'), stranger.key);
});

/** @throws what the run says that does not come about */
async function run(address: string, tls: string, more = ''): Promise<RunRecord> {
  const file = join(folder, 'mine.yaml');
  writeFileSync(
    file,
    `name: mine
target: { addresses: ['${address}'], tls: ${tls}, ${more} }
clients: { count: 10 }
messages: { arrival: constant }
phases: [{ name: talk, duration: 1s, rate: 50/s }]
generator: { lagLimit: 1m }
`,
  );
  const { record, failure } = await runScenario(await loadScenario(file, [], { isTrusted: true }), {
    folder: keptFolder(),
  });
  if (failure) throw failure;
  return record as RunRecord;
}

const OURS = '{ caFile: ca.pem, certFile: cert.pem, keyFile: key.pem }';

describe('a broker that asks its clients for a certificate', () => {
  const broker = () =>
    testMosquitto({
      protocol: 'tls',
      certificate: forAddress,
      lines: [
        `cafile ${join(folder, 'ca.pem')}`,
        'require_certificate true',
        'use_identity_as_username true',
      ],
    });
  const addressOf = async (): Promise<string> => `tls://127.0.0.1:${(await broker()).endpoint.port}`;

  test('lets in who shows one, and is trusted by who knows the authority', async () => {
    const { messages, connections } = await run(await addressOf(), OURS, 'driver: { mqtt: { qos: 1 } }');
    expect(connections).toMatchObject({ peak: 10, failed: 0, dropped: 0 });
    expect(messages).toMatchObject({ ...ALL_ARRIVE, sent: 50, delivered: 50 });
  });

  test.each([
    ['{ caFile: ca.pem }', /wants to see one \(\w+\); write target\.tls: \{certFile/],
    [
      '{ caFile: ca.pem, certFile: stranger.pem, keyFile: stranger-key.pem }',
      /does not take the certificate that clients show/,
    ],
    ['{ certFile: cert.pem, keyFile: key.pem }', /is not trusted here .* write .* target\.tls\.caFile/],
  ])('with %s the run says what to write', async (tls, words) => {
    await expect(run(await addressOf(), tls, 'driver: mqtt')).rejects.toThrow(words);
  });
});

test('a server of NATS that verifies certificates behind its INFO lets in who shows one', async () => {
  const server = await startNatsServer({
    config: `tls { cert_file: "${join(folder, 'cert.pem')}", key_file: "${join(folder, 'key.pem')}", ca_file: "${join(folder, 'ca.pem')}", verify: true }`,
  });
  const address = `tcp://127.0.0.1:${server.endpoint.port}`;
  const { messages } = await run(address, OURS.replace('}', ', serverName: fleet }'), 'driver: nats');
  expect(messages).toMatchObject({ ...ALL_ARRIVE, sent: 50, delivered: 50 });
});

describe('a server that is called by its name', () => {
  /** An echo that keeps what it was asked for. */
  async function echo(
    certificate: TestCertificate,
  ): Promise<{ port: number; hosts: Set<unknown>; names: Set<unknown> }> {
    const [hosts, names] = [new Set<unknown>(), new Set<unknown>()];
    const https = createHttpsServer(certificate);
    https.on('secureConnection', (socket) => names.add(socket.servername));
    new WebSocketServer({ server: https }).on('connection', (socket, request) => {
      hosts.add(request.headers.host);
      socket.on('message', (bytes, isBinary) => socket.send(bytes, { binary: isBinary }));
    });
    closing.push(() => https.closeAllConnections());
    return { port: await listening(https), hosts, names };
  }
  const ECHO = 'driver: { websocket: { preset: echo } }';

  test('is asked for by it in TLS and in HTTP, and its certificate is for it', async () => {
    const { port, hosts, names } = await echo(forName);
    const { messages } = await run(`wss://localhost:${port}`, '{ caFile: ca.pem }', ECHO);
    expect(messages).toMatchObject({ ...ALL_ARRIVE, sent: 50, delivered: 50 });
    expect(hosts).toEqual(new Set([`localhost:${port}`]));
    expect(names).toEqual(new Set(['localhost']));
  });

  test('is one with a certificate for another name, unless that is the name which is expected', async () => {
    const { port } = await echo(forName);
    const address = `wss://127.0.0.1:${port}`;
    await expect(run(address, '{ caFile: ca.pem }', ECHO)).rejects.toThrow(
      /is for another name \(ERR_TLS_CERT_ALTNAME_INVALID\); write .*target\.tls\.serverName/,
    );
    const { messages } = await run(address, '{ caFile: ca.pem, serverName: localhost }', ECHO);
    expect(messages).toMatchObject({ ...ALL_ARRIVE, sent: 50 });
  });
});

test('the record keeps the names of the files, and nothing of what is in them', async () => {
  const { port } = (await testMosquitto({ protocol: 'tls', certificate: forAddress })).endpoint;
  const record = await run(`tls://127.0.0.1:${port}`, OURS, 'driver: mqtt');
  const text = JSON.stringify(record);
  expect(text).toContain('key.pem');
  expect(text).not.toContain('-----BEGIN');
});
