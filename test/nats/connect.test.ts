import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { NatsConnection, Status } from '@nats-io/transport-node';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { connectNats, type NatsOptions, tellOfConnection } from '../../nats/connect.js';
import { signedBy, type TestCertificate, testAuthority } from '../support/certificates.js';
import { testFolder } from '../support/folder.js';
import { type NatsServer, startNatsServer } from '../support/nats-server.js';
import { nkeyUser, TestOperator } from '../support/nats-users.js';

const connections: NatsConnection[] = [];
afterEach(async () => {
  await Promise.all(connections.splice(0).map((connection) => connection.close()));
});

/** Connects and proves it: what is published comes back. */
async function speak(options: NatsOptions): Promise<NatsConnection> {
  const connection = await connectNats(options, 'test');
  connections.push(connection);
  const [echo] = await Promise.all([heardOn(connection, 'echo'), connection.publish('echo', 'hello')]);
  expect(echo).toBe('hello');
  return connection;
}

function heardOn(connection: NatsConnection, subject: string): Promise<string> {
  return new Promise((resolve, reject) => {
    connection.subscribe(subject, {
      max: 1,
      callback: (error, message) => (error ? reject(error) : resolve(message.string())),
    });
  });
}

/** What somebody reads who cannot connect. */
async function problem(options: NatsOptions): Promise<string> {
  const connected = connectNats(options, 'test').then(
    (connection) => {
      connections.push(connection);
      return 'connected';
    },
    (error: Error) => error.message,
  );
  return connected;
}

function urlOf(server: NatsServer, who = '', scheme = 'nats'): string {
  return `${scheme}://${who}127.0.0.1:${server.endpoint.port}`;
}

function file(name: string, text: string): string {
  const path = join(testFolder(), name);
  writeFileSync(path, text);
  return path;
}

describe('a server that anybody may use', () => {
  it('is connected to by its address alone', async () => {
    const server = await startNatsServer();
    await speak({ url: urlOf(server) });
  });

  it('is connected to again after it was gone, by whoever was connected', async () => {
    const server = await startNatsServer();
    const connection = await speak({ url: urlOf(server) });
    const said: string[] = [];
    void tellOfConnection(connection, (words) => said.push(words));
    await server.kill();
    await expect.poll(() => said).toContainEqual(expect.stringMatching(/^lost the connection to NATS/));
    await server.start();
    await expect.poll(() => said).toContainEqual(expect.stringMatching(/again$/));
    const heard = heardOn(connection, 'after');
    connection.publish('after', 'once more');
    expect(await heard).toBe('once more');
  });
});

describe('a user with a password', () => {
  const config = 'authorization { user: lab, password: "s3cret/@" }';

  it('is let in by options', async () => {
    const server = await startNatsServer({ config });
    await speak({ url: urlOf(server), user: 'lab', password: 's3cret/@' });
  });

  it('is let in by the address', async () => {
    const server = await startNatsServer({ config });
    await speak({ url: urlOf(server, 'lab:s3cret%2F%40@') });
    await speak({ url: urlOf(server, 'lab@'), password: 's3cret/@' });
  });

  it('is told when the password is wrong, without being shown it', async () => {
    const server = await startNatsServer({ config });
    const words = await problem({ url: urlOf(server, 'lab:wr0ng@') });
    expect(words).toMatch(/^nats:\/\/127\.0\.0\.1:\d+ does not take this user and password; correct them/);
    expect(words).not.toContain('wr0ng');
  });

  it('is told what to give when nothing was given', async () => {
    const server = await startNatsServer({ config });
    expect(await problem({ url: urlOf(server) })).toMatch(/wants to know who this is; give --nats-user/);
  });
});

describe('a token', () => {
  const config = 'authorization { token: "t0ken" }';

  it('is taken from an option or from the address', async () => {
    const server = await startNatsServer({ config });
    await speak({ url: urlOf(server), token: 't0ken' });
    await speak({ url: urlOf(server, 't0ken@') });
  });

  it('that is wrong is told, and not shown', async () => {
    const server = await startNatsServer({ config });
    const words = await problem({ url: urlOf(server), token: 'wr0ng' });
    expect(words).toMatch(/does not take this token; correct it/);
    expect(words).not.toContain('wr0ng');
  });
});

describe('an NKEY', () => {
  it('is read from the file of its seed', async () => {
    const user = nkeyUser();
    const server = await startNatsServer({
      config: `authorization { users: [ { nkey: ${user.publicKey} } ] }`,
    });
    await speak({ url: urlOf(server), nkeyFile: file('seed.nk', `${user.seed}\n`) });
  });

  it('that the server does not know is told', async () => {
    const config = `authorization { users: [ { nkey: ${nkeyUser().publicKey} } ] }`;
    const server = await startNatsServer({ config });
    const { seed } = nkeyUser();
    const words = await problem({ url: urlOf(server), nkeyFile: file('seed.nk', seed) });
    expect(words).toMatch(/does not know this NKEY; its `authorization` must list the public key/);
    expect(words).not.toContain(seed);
  });

  it('needs a file that holds one', async () => {
    const nkeyFile = file('seed.nk', nkeyUser().publicKey);
    expect(await problem({ url: 'nats://127.0.0.1:4222', nkeyFile })).toMatch(/holds no NKEY seed of a user/);
  });
});

describe('a credentials file', () => {
  it('lets in a user of an account', async () => {
    const operator = new TestOperator();
    const server = await startNatsServer({ config: operator.config });
    const text = operator.credentials();
    await speak({ url: urlOf(server), credentialsFile: file('user.creds', text) });
    await speak({
      url: urlOf(server),
      credentialsFile: file('dos.creds', text.replaceAll('\n', '\r\n')),
    });
  });

  it('of another operator is refused', async () => {
    const server = await startNatsServer({ config: new TestOperator().config });
    const credentialsFile = file('user.creds', new TestOperator().credentials());
    expect(await problem({ url: urlOf(server), credentialsFile })).toMatch(/does not take these credentials/);
  });

  it('that is none is told before anything is connected to', async () => {
    const credentialsFile = file('user.creds', 'hello');
    expect(await problem({ url: 'nats://127.0.0.1:4222', credentialsFile })).toMatch(
      /^--nats-creds: .*user\.creds is no credentials file of a user/,
    );
  });
});

describe('TLS', () => {
  const files = (certificate: TestCertificate) => ({
    certificateFile: file('cert.pem', certificate.cert),
    keyFile: file('key.pem', certificate.key),
  });

  async function secureServer(more = '', name?: string) {
    const authority = await testAuthority('lab');
    const { certificateFile, keyFile } = files(await signedBy(authority, name));
    const caFile = file('ca.pem', authority.cert);
    const tls = `tls { cert_file: "${certificateFile}", key_file: "${keyFile}", ca_file: "${caFile}" ${more} }`;
    return { server: await startNatsServer({ config: tls }), authority, caFile };
  }

  it('is spoken with a server whose certificate was signed by the one given', async () => {
    const { server, caFile } = await secureServer();
    await speak({ url: urlOf(server, '', 'tls'), caFile });
    await speak({ url: urlOf(server), caFile });
  });

  it('needs that one, and says so', async () => {
    const { server } = await secureServer();
    expect(await problem({ url: urlOf(server) })).toMatch(/is not known here \(.*\); give --nats-ca/);
  });

  it('holds the name in the address against that of the certificate', async () => {
    const { server, caFile } = await secureServer('', 'elsewhere.example');
    expect(await problem({ url: urlOf(server), caFile })).toMatch(/is for another name/);
  });

  it('shows the certificate of a client to a server that wants to see one', async () => {
    const { server, authority, caFile } = await secureServer(', verify: true');
    await speak({ url: urlOf(server), caFile, ...files(await signedBy(authority, 'agent')) });
  });

  it('says that a server wants to see a certificate', async () => {
    const { server, caFile } = await secureServer(', verify: true');
    expect(await problem({ url: urlOf(server), caFile })).toMatch(
      /wants to see a certificate; give --nats-cert and --nats-key/,
    );
  });

  it('says that a server does not take the certificate that it is shown', async () => {
    const { server, caFile } = await secureServer(', verify: true');
    const stranger = files(await signedBy(await testAuthority('stranger'), 'agent'));
    expect(await problem({ url: urlOf(server), caFile, ...stranger })).toMatch(
      /does not take the certificate of --nats-cert/,
    );
  });

  it('that was asked for is not given up for a server that has none', async () => {
    const server = await startNatsServer();
    expect(await problem({ url: urlOf(server, '', 'tls') })).toMatch(/has no TLS; leave out/);
  });
});

describe('several servers', () => {
  /** Kills the one that this is connected to; returns the other. */
  async function killUsed(
    connection: NatsConnection,
    servers: [NatsServer, NatsServer],
  ): Promise<NatsServer> {
    const used = connection.getServer().endsWith(`:${servers[0].endpoint.port}`) ? 0 : 1;
    await servers[used].kill();
    return servers[1 - used] as NatsServer;
  }

  async function heardAgain(connection: NatsConnection): Promise<string> {
    const heard = heardOn(connection, 'after');
    connection.publish('after', 'once more');
    return heard;
  }

  it('are tried until one takes it', async () => {
    const there = urlOf(await startNatsServer());
    const gone = `nats://127.0.0.1:${await freePort()}`;
    await speak({ servers: [gone, there] });
    await speak({ servers: [there, gone] });
  });

  it('are each told of when none takes it, without the secrets', async () => {
    const refusing = urlOf(await startNatsServer({ config: 'authorization { token: "t0ken" }' }));
    const gone = `nats://127.0.0.1:${await freePort()}`;
    const words = await problem({ servers: [gone, refusing], token: 'wr0ng' });
    expect(words.split('\n')).toHaveLength(2);
    expect(words).toContain(`nobody listens at ${gone} (ECONNREFUSED)`);
    expect(words).toContain(`${refusing} does not take this token`);
    expect(words).not.toContain('wr0ng');
  });

  it('stand in for each other when one is gone, also one that was gone at first', async () => {
    const servers = [await startNatsServer(), await startNatsServer()] as [NatsServer, NatsServer];
    await servers[1].kill();
    const connection = await speak({ servers: servers.map((server) => urlOf(server)) });
    await servers[1].start();
    const said: string[] = [];
    void tellOfConnection(connection, (words) => said.push(words));
    const other = await killUsed(connection, servers);
    await expect.poll(() => said).toContain(`connected to NATS at 127.0.0.1:${other.endpoint.port} again`);
    expect(await heardAgain(connection)).toBe('once more');
  });

  it('know the same user, whom one of the addresses may name', async () => {
    const config = 'authorization { user: lab, password: "s3cret" }';
    const servers = [await startNatsServer({ config }), await startNatsServer({ config })] as const;
    const connection = await speak({ servers: [urlOf(servers[0], 'lab:s3cret@'), urlOf(servers[1])] });
    const said: string[] = [];
    void tellOfConnection(connection, (words) => said.push(words));
    await killUsed(connection, [...servers]);
    await expect.poll(() => said).toContainEqual(expect.stringMatching(/again$/));
    expect(await heardAgain(connection)).toBe('once more');
  });

  it('have each a certificate for its own name', async () => {
    const authority = await testAuthority('lab');
    const caFile = file('ca.pem', authority.cert);
    const secure = async (name: string) => startNatsServer({ certificate: await signedBy(authority, name) });
    const servers = [await secure('127.0.0.1'), await secure('localhost')] as const;
    const urls = [urlOf(servers[0], '', 'tls'), `tls://localhost:${servers[1].endpoint.port}`];
    const connection = await speak({ servers: urls, caFile });
    const said: string[] = [];
    void tellOfConnection(connection, (words) => said.push(words));
    const other = await killUsed(connection, [...servers]);
    await expect.poll(() => said).toContainEqual(expect.stringMatching(/again$/));
    expect(connection.getServer()).toMatch(new RegExp(`:${other.endpoint.port}$`));
  });
});

describe('where no NATS server is', () => {
  const listeners: Server[] = [];
  afterEach(() => {
    for (const listener of listeners.splice(0)) listener.close();
  });

  async function listen(greet: (socket: Socket) => void): Promise<string> {
    const listener = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      greet(socket);
    });
    listeners.push(listener);
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    return `nats://127.0.0.1:${(listener.address() as { port: number }).port}`;
  }

  it('a port that nobody listens at is told, and what to do', async () => {
    const words = await problem({ url: `nats://lab:s3cret@127.0.0.1:${await freePort()}` });
    expect(words).toMatch(/^nobody listens at nats:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\); start nats-server/);
    expect(words).not.toContain('s3cret');
  });

  it('a name that is none is told', async () => {
    expect(await problem({ url: 'nats://no-such-host.invalid:4222' })).toMatch(
      /no-such-host\.invalid cannot be resolved/,
    );
  });

  it('another protocol is told with what it said', async () => {
    const url = await listen((socket) => socket.write('220 mail.example ESMTP\r\n'));
    expect(await problem({ url })).toMatch(/is no NATS server: it said "220 mail\.example ESMTP"/);
  });

  it('silence is told', async () => {
    const url = await listen(() => undefined);
    expect(await problem({ url })).toMatch(/says nothing within 2 s, as no NATS server would/);
  });
});

describe('options that cannot be meant', () => {
  it.each<[string, NatsOptions, RegExp]>([
    ['another protocol', { url: 'http://host:4222' }, /is not the address of a NATS server/],
    ['a path', { url: 'nats://host:4222/c2m' }, /is not the address of a NATS server/],
    ['two who', { url: 'nats://a:b@host', token: 'c' }, /says who this is, and so does --nats-token/],
    ['a password of nobody', { url: 'nats://host', password: 'x' }, /--nats-password needs --nats-user/],
    ['a key alone', { url: 'nats://host', keyFile: 'key.pem' }, /--nats-cert and --nats-key go together/],
    ['a file that is not there', { url: 'nats://host', caFile: '/none.pem' }, /cannot be read \(ENOENT\)/],
    ['no server', { servers: [] }, /no server of NATS is given/],
    ['two users', { servers: ['nats://a:b@host', 'nats://a:c@other'] }, /say differently who this is/],
    ['a stray %', { url: 'nats://a:%zz@host' }, /has a % that begins no sign/],
  ])('%s', async (_, options, words) => {
    expect(await problem(options)).toMatch(words);
  });

  it('are told without the secrets in them', async () => {
    for (const url of ['http://lab:s3/cret@host', 'lab:s3/cret@host', 'nats:lab:s3/cret@host:4222'])
      expect(await problem({ url })).toMatch(/^"(http:\/\/)?…@host/);
    expect(await problem({ servers: ['nats://a:s3cret@host', 'nats://b:s3cret@other'] })).not.toContain(
      's3c',
    );
  });
});

describe('a connection that is lost', () => {
  it('is told once, however often the server refuses it, and told again when it is lost again', async () => {
    const server = '10.0.0.5:4222';
    const refused = { type: 'error', error: new Error('Authorization Violation') } as Status;
    const [lost, back] = [{ type: 'disconnect', server } as Status, { type: 'reconnect', server } as Status];
    async function* status() {
      yield* [lost, refused, lost, refused, lost, refused, back, lost, refused, lost];
    }
    const said: string[] = [];
    await tellOfConnection({ status, getServer: () => server }, (words) => said.push(words));
    expect(said.map((words) => words.slice(0, 9))).toEqual([
      'lost the ',
      'NATS at 1',
      'connected',
      'lost the ',
      'NATS at 1',
    ]);
  });
});
