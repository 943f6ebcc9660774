import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FrameType, ReasonCode } from '../../../protocol/frame.js';
import { type RunningServer, startServer } from '../../../server/server.js';
import { TestClient } from '../../support/client.js';
import { keptFolder, testFolder } from '../../support/folder.js';
import { addressOf, statsOf, testServer } from '../../support/server.js';

const ANNA = 1;

/** Handlers that are right, answer PING with `nonce`, and do `first` when they are loaded. */
function version(name: string, nonce: number, first = '', onFrame = ''): string {
  return `${first}
export default ({ FrameType, ReasonCode, ProtocolError, encodeFrame }) => ({
  version: '${name}',
  onFrame(client, frame) {
    const refuse = () => { throw new ProtocolError(ReasonCode.NotLoggedIn, 'no'); };
    if (frame.type === FrameType.Hello) return client.greeted();
    if (frame.type === FrameType.Login) return client.login(frame.user, frame.token);
    if (client.stage !== 'open' && client.stage !== 'attaching') refuse();
    ${onFrame}
    if (frame.type === FrameType.Send) client.submit(frame.to, frame.id, frame.payload);
    if (frame.type === FrameType.GroupSend) client.submitToGroup(frame.group, frame.id, frame.payload);
    if (frame.type === FrameType.Group) client.setGroup(frame.group, frame.id, frame.members);
    if (frame.type === FrameType.Ping) client.write(encodeFrame({ type: FrameType.Pong, nonce: ${nonce} }));
    if (frame.type === FrameType.Goodbye) client.leave();
    if (frame.type === FrameType.Ack) {
      if (frame.sequence > client.sentSequence) refuse();
      client.acknowledge(frame.sequence);
    }
  },
});`;
}

async function startWith(
  source: string,
  workers: number,
  limits = {},
): Promise<{ server: RunningServer; file: string }> {
  const file = join(testFolder(), 'handlers.mjs');
  writeFileSync(file, source);
  return { server: await testServer({ handlers: file, workers, limits }), file };
}

async function ping(client: TestClient): Promise<number> {
  client.say({ type: FrameType.Ping, nonce: 0 });
  return (await client.next(FrameType.Pong)).nonce;
}

describe.each([1, 3])('with %i worker processes, reloading', (workers) => {
  let server: RunningServer;
  let file: string;
  // One version after another, as a server sees them.
  beforeAll(async () => {
    file = join(keptFolder(), 'handlers.mjs');
    writeFileSync(file, version('one', 1));
    server = await startServer({
      listen: ['tcp://127.0.0.1:0'],
      admin: { port: 0 },
      store: 'memory',
      logLevel: 'silent',
      handlers: file,
      workers,
    });
  });
  // Before the next one is started: the workers of a process are of one server.
  afterAll(() => server.close());

  test.each([
    ['cannot be parsed', 'export default (', /Unexpected/],
    ['throws when it is loaded', version('bad', 3, 'throw new Error("no table")'), /no table/],
    ['makes no handlers', 'export const version = 1;', /no default export/],
    ['ends its process', version('bad', 3, 'process.exit(0);'), /ended the process/],
    [
      'stores nothing',
      version('bad', 3, '', 'if (frame.type === FrameType.Send) return;'),
      /expected "submit 8 9 hi"/,
    ],
    [
      'fails its own check',
      version('bad', 3).replace('onFrame(', 'selfCheck() { throw new Error("not today"); }, onFrame('),
      /not today/,
    ],
  ])('refuses a version that %s, and keeps the one before', async (_name, source, reason) => {
    const anna = await TestClient.login(addressOf(server), ANNA);
    const before = (await statsOf(server)).handlers.rejections;

    writeFileSync(file, source);
    await expect(server.reload()).rejects.toThrow(reason);
    const answer = await fetch(`${server.adminUrl}/reload`, { method: 'POST' });

    expect(answer.status).toBe(409);
    expect(((await answer.json()) as { error: string }).error).toMatch(/version one stays in force$/);
    expect(await ping(anna)).toBe(1);
    const { handlers } = await statsOf(server);
    expect(handlers).toMatchObject({ version: 'one', loads: 1, rejections: before + 2 });
    for (const rejected of handlers.rejected.slice(-2)) expect(rejected.reason).toMatch(reason);
  });

  test('puts another version into force for connections that are open', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map((user) => TestClient.login(addressOf(server), user)));
    expect(await Promise.all(clients.map(ping))).toEqual([1, 1, 1, 1]);

    writeFileSync(file, version('two', 2));
    expect(await server.reload()).toBe('two');

    expect(await Promise.all(clients.map(ping))).toEqual([2, 2, 2, 2]);
    expect((await statsOf(server)).handlers).toMatchObject({ version: 'two', loads: 2 });
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    expect(metrics).toContain('c2m_handlers_info{version="two"} 1');
  });
});

test('a version that hangs is given up after a while, and hangs no worker', async () => {
  const { server, file } = await startWith(version('one', 1), 2);
  const anna = await TestClient.login(addressOf(server), ANNA);
  writeFileSync(file, version('bad', 3, 'for (;;);'));
  const reloading = server.reload();
  expect(await ping(anna)).toBe(1);
  await expect(reloading).rejects.toThrow(/was not done with loading and its check within 5 s/);
});

test('a worker that does not answer is waited for no longer than a while, and no other has the new version then', async () => {
  const { server, file } = await startWith(version('one', 1), 2, { hangTimeoutMs: 2000 });
  await expect.poll(async () => (await statsOf(server)).workers.length).toBe(2);
  const pid = (await statsOf(server)).workers[0]?.pid as number;
  writeFileSync(file, version('two', 2));
  process.kill(pid, 'SIGSTOP');

  await expect(server.reload()).rejects.toThrow(/worker 0: .*; version one stays in force/);

  expect((await statsOf(server)).handlers.version).toBe('one');
}, 60_000);

test.each([1, 2])(
  'a version that fails again and again gives way to the one before in every process, with %i worker(s)',
  async (workers) => {
    const { server, file } = await startWith(version('one', 1), workers);
    const bad = "if (frame.type === FrameType.Ping && frame.nonce === 7) throw new TypeError('no table');";
    writeFileSync(file, version('two', 2, '', bad));
    expect(await server.reload()).toBe('two');
    const clients = await Promise.all(
      Array.from({ length: 30 }, (_, user) => TestClient.login(addressOf(server), user + 10)),
    );

    for (const client of clients) client.say({ type: FrameType.Ping, nonce: 7 });

    await expect
      .poll(async () => (await statsOf(server)).handlers)
      .toMatchObject({ version: 'one', loads: 3 });
    const { rejected } = (await statsOf(server)).handlers;
    expect(rejected.map(({ reason }) => reason)).toEqual([expect.stringContaining('no table')]);
    // Whichever worker it is.
    for (let user = 1; user <= 6; user += 1)
      expect(await ping(await TestClient.login(addressOf(server), user))).toBe(1);
  },
  60_000,
);

test('a worker that is started again has the version in force, not what lies in the file', async () => {
  const { server, file } = await startWith(version('one', 1), 2);
  writeFileSync(file, version('two', 2));
  await server.reload();
  writeFileSync(file, 'broken');
  await expect.poll(async () => (await statsOf(server)).workers.length).toBe(2);

  for (const { pid } of (await statsOf(server)).workers) process.kill(pid, 'SIGKILL');
  await expect.poll(async () => (await statsOf(server)).restarts.length).toBe(2);

  const anna = await TestClient.login(addressOf(server), ANNA);
  expect(await ping(anna)).toBe(2);
});

test('a version that fails on frame after frame ends those connections and no server, and the one before comes back', async () => {
  const { server, file } = await startWith(version('one', 1), 1);
  const bystander = await TestClient.login(addressOf(server), 100);
  const faulty =
    'if (frame.type === FrameType.Ping && frame.nonce === 666) throw new TypeError("no such thing");';
  writeFileSync(file, version('two', 2, '', faulty));
  await server.reload();

  for (let user = 1; user <= 10; user += 1) {
    const client = await TestClient.login(addressOf(server), user);
    client.say({ type: FrameType.Ping, nonce: 666 });
    expect(await client.next(FrameType.Error)).toMatchObject({ code: ReasonCode.InternalError });
    await client.closed;
    expect(await ping(bystander)).toBe(user < 10 ? 2 : 1);
  }

  await expect.poll(async () => (await statsOf(server)).counters.handlerFaults).toBe(10);
  // In force in this process at once, and then loaded in all of them.
  await expect.poll(async () => (await statsOf(server)).handlers).toMatchObject({ version: 'one', loads: 3 });
  const { handlers } = await statsOf(server);
  expect(handlers.rejected.at(-1)?.reason).toMatch(
    /version two failed.*no such thing.*version one is in force/,
  );
});
