import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Endpoint } from '../../../../loadgen/agent-messages.js';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import { loadCertificate } from '../../../../server/gateway/certificate.js';
import { testFolder } from '../../../support/folder.js';
import { keyOf, operatorMode } from '../../../support/nats-accounts.js';
import { type NatsServer, startNatsServer } from '../../../support/nats-server.js';
import { testRun, testScenario } from '../../../support/run.js';

/** Debian's nats-server, which begins no TLS before its INFO: `handshake_first` came later. */

const FLAWLESS = { lost: 0, duplicated: 0, corrupted: 0, refused: 0, unsent: 0, outOfOrder: 0 };

const withTls = ({ endpoint }: NatsServer): Endpoint => ({ ...endpoint, protocol: 'tls' });

/** Forty clients who talk for a second. Rejects with the reasons where none of them can log in. */
async function talk(endpoint: Endpoint, settings: object, insecure = true) {
  const scenario = testScenario(({ target, generator }) => {
    if (target.kind === 'external') target.insecure = insecure;
    generator.drainMs = 2000;
  });
  const driver = driverSchema.parse({ nats: settings });
  const { measurement } = await testRun(scenario, endpoint, null, null, null, driver);
  return measurement;
}

/** Once all clients are logged in: whether each of them is enciphered. */
async function areSecure(server: NatsServer): Promise<Set<boolean>> {
  const clients = await vi.waitFor(
    async () => {
      const open = (await server.openConnections()).filter(({ subscriptions }) => subscriptions > 0);
      expect(open).toHaveLength(40);
      return open;
    },
    { timeout: 15_000, interval: 20 },
  );
  return new Set(clients.map(({ tls_version }) => tls_version !== undefined));
}

describe('TLS of a NATS server', () => {
  test.each([
    ['begins where it is required, at tcp://', {}, 'tcp', '', true],
    ['begins where it is required, at tls://', {}, 'tls', '', true],
    ['begins where it is offered, at tls://', {}, 'tls', 'allow_non_tls: true', true],
    [
      'begins where it is offered and the driver requires it',
      { tls: 'required' },
      'tcp',
      'allow_non_tls: true',
      true,
    ],
    ['is left alone where it is offered, at tcp://', {}, 'tcp', 'allow_non_tls: true', false],
    [
      'is left alone where it is offered and the driver never takes it',
      { tls: 'never' },
      'tcp',
      'allow_non_tls: true',
      false,
    ],
  ] as const)('%s', async (_, settings, protocol, config, isSecure) => {
    const server = await startNatsServer({ certificate: await loadCertificate(undefined), config });
    const [{ messages, connections }, secure] = await Promise.all([
      talk({ ...server.endpoint, protocol }, settings),
      areSecure(server),
    ]);
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
    expect(messages).toMatchObject({ ...FLAWLESS, sent: 200, delivered: 200 });
    expect(secure).toEqual(new Set([isSecure]));
  });

  test('that is required and never to begin is told as a reason', async () => {
    const { endpoint } = await startNatsServer({ certificate: await loadCertificate(undefined) });
    await expect(talk(endpoint, { tls: 'never' })).rejects.toThrow(/: \d+ × TlsRequired$/);
  });

  test('that is asked for and not there is told as a reason, and nobody logs in without it', async () => {
    const server = await startNatsServer();
    await expect(talk(withTls(server), {})).rejects.toThrow(/: \d+ × NoTls$/);
    await expect(talk(server.endpoint, { tls: 'required' })).rejects.toThrow(/: \d+ × NoTls$/);
  });

  test('needs a certificate that is trusted, of the address that was dialled', async () => {
    const certificateFor = async (altName: { type: 2; value: string } | { type: 7; ip: string }) => {
      const made = await generate([{ name: 'commonName', value: altName.type === 7 ? 'right' : 'other' }], {
        keyType: 'ec',
        extensions: [{ name: 'subjectAltName', altNames: [altName] }],
      });
      return { key: made.private, cert: made.cert };
    };
    const trusted = join(testFolder(), 'trusted.pem');
    const right = await certificateFor({ type: 7, ip: '127.0.0.1' });
    const other = await certificateFor({ type: 2, value: 'localhost' });
    await writeFile(trusted, `${right.cert}\n${other.cert}\n`);
    const good = await startNatsServer({ certificate: right });
    const bad = await startNatsServer({ certificate: other });
    await expect(talk(good.endpoint, {}, false)).rejects.toThrow(/DEPTH_ZERO_SELF_SIGNED_CERT/);
    vi.stubEnv('NODE_EXTRA_CA_CERTS', trusted);
    expect((await talk(good.endpoint, {}, false)).connections).toMatchObject({ peak: 40, failed: 0 });
    await expect(talk(bad.endpoint, {}, false)).rejects.toThrow(/ERR_TLS_CERT_ALTNAME_INVALID/);
  });

  describe('before everything else', () => {
    const listeners: Server[] = [];
    afterEach(() => {
      for (const listener of listeners.splice(0)) listener.close();
    });

    test('is spoken at once where the settings say so', async () => {
      const { endpoint } = await startNatsServer();
      const options = await loadCertificate(undefined);
      const listener = createServer(options, (secure) => {
        const plain: Socket = connect(endpoint.port, endpoint.host);
        secure.pipe(plain).pipe(secure);
        for (const each of [secure, plain]) each.on('error', () => each.destroy());
      });
      listeners.push(listener);
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      const { port } = listener.address() as { port: number };
      const first: Endpoint = { protocol: 'tls', host: '127.0.0.1', port };
      const { messages, connections } = await talk(first, { tls: 'handshakeFirst' });
      expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
      expect(messages).toMatchObject({ ...FLAWLESS, sent: 200, delivered: 200 });
    });
  });
});

describe('a login by NKey', () => {
  const configFor = (publicKey: string) => `authorization { users: [{ nkey: ${publicKey} }] }`;

  test.each([false, true])('signs what the server gives it to sign; over TLS: %s', async (isSecure) => {
    const { publicKey, seed } = keyOf();
    const certificate = isSecure ? { certificate: await loadCertificate(undefined) } : {};
    const server = await startNatsServer({ config: configFor(publicKey), ...certificate });
    const { connections, messages } = await talk(server.endpoint, { nkey: seed });
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
    expect(messages).toMatchObject({ ...FLAWLESS, sent: 200, delivered: 200 });
  });

  test('with the wrong key is refused in the words of the server', async () => {
    const { endpoint } = await startNatsServer({ config: configFor(keyOf().publicKey) });
    const { seed } = keyOf();
    const failure = talk(endpoint, { nkey: seed });
    await expect(failure).rejects.toThrow(/: \d+ × AuthorizationViolation$/);
    await expect(failure).rejects.not.toThrow(seed);
  });

  test('at a server that knows no keys is told as a reason', async () => {
    const { endpoint } = await startNatsServer();
    await expect(talk(endpoint, { nkey: keyOf().seed })).rejects.toThrow(/: \d+ × NoNonceToSign$/);
  });

  test('has a JWT with it where the server is in operator mode', async () => {
    const { config, jwt, seed } = operatorMode();
    const { endpoint } = await startNatsServer({ config });
    const { connections, messages } = await talk(endpoint, { jwt, nkey: seed });
    expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0 });
    expect(messages).toMatchObject({ ...FLAWLESS, sent: 200, delivered: 200 });
    await expect(talk(endpoint, { jwt, nkey: keyOf().seed })).rejects.toThrow(
      /: \d+ × AuthorizationViolation$/,
    );
  });
});
