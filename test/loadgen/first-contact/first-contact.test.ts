import { createServer as createTlsServer } from 'node:tls';
import { generate } from 'selfsigned';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { AgentPlan, DriverPlan, Endpoint } from '../../../loadgen/agent-messages.js';
import { makeFirstContact } from '../../../loadgen/first-contact/first-contact.js';
import { planAgents } from '../../../loadgen/plan.js';
import type { Scenario } from '../../../scenarios/scenario.js';
import { broadcastDialect } from '../../fixtures/websocket-dialects.js';
import { startRelay } from '../../fixtures/websocket-relay.js';
import { type Faults, startWrongServer } from '../../fixtures/wrong-server.js';
import { planHost } from '../../support/hosts.js';
import { testRun, testScenario } from '../../support/run.js';
import { addressOf, statsOf, testServer } from '../../support/server.js';
import { webSocketPlan } from '../../support/websocket.js';
import {
  bannerServer,
  curtServer,
  echoServer,
  httpServer,
  listening,
  mosquitto,
} from '../../support/wrong-listeners.js';

const C2M: DriverPlan = { name: 'c2m', settings: { credentials: null } };

function planFor(
  endpoint: Endpoint,
  change: (scenario: Scenario) => void = () => undefined,
  driver = C2M,
): AgentPlan {
  const run = Math.floor(Date.now() / 1000);
  const facts = { endpoints: [endpoint], hosts: [planHost()], driver, run };
  const [plan] = planAgents(testScenario(change), facts);
  return plan as AgentPlan;
}

const tcp = (port: number): Endpoint => ({ protocol: 'tcp', host: '127.0.0.1', port });
const ws = (port: number, path = '/chat'): Endpoint => ({ protocol: 'ws', host: '127.0.0.1', port, path });

/** What is said of the server there, and how long it took. */
async function refusalOf(
  endpoint: Endpoint,
  plan = planFor(endpoint),
): Promise<{ words: string; ms: number }> {
  const sinceMs = performance.now();
  const error = await makeFirstContact(plan).catch((thrown: Error & { code?: string }) => thrown);
  expect(error).toMatchObject({ code: 'C2M_RUN' });
  return { words: (error as Error).message, ms: performance.now() - sinceMs };
}

describe('the first contact with a right server', () => {
  test.each(['tcp', 'ws'])(
    'over %s logs in, sends a message, and leaves nothing behind',
    async (protocol) => {
      const server = await testServer({ listen: [`${protocol}://127.0.0.1:0`] });
      const sinceMs = performance.now();
      const contact = await makeFirstContact(planFor(addressOf(server)));
      expect(performance.now() - sinceMs).toBeLessThan(1000);
      expect(contact).toEqual({ loginMs: expect.any(Number), messageMs: expect.any(Number), notes: [] });
      await expect.poll(async () => (await statsOf(server)).connections).toBe(0);

      const { messages, connections, notes } = await (await testRun(testScenario(), addressOf(server)))
        .measurement;
      expect(messages).toMatchObject({
        sent: 200,
        delivered: 200,
        receipted: 200,
        leftOver: 0,
        duplicated: 0,
      });
      expect(connections).toMatchObject({ failed: 0, dropped: 0 });
      expect(notes).toEqual([]);
    },
  );

  test('asks with the token that the clients of the run have', async () => {
    const token = 'a secret of sixteen letters';
    const server = await testServer({ token, tokenPerUser: true });
    const driver = { name: 'c2m', settings: { credentials: { secret: token, isPerUser: true } } };
    const contact = await makeFirstContact(planFor(addressOf(server), undefined, driver));
    expect(contact.notes).toEqual([]);
  });

  test('of a scenario with one client logs in, and writes to nobody', async () => {
    const server = await testServer();
    const plan = planFor(addressOf(server), (scenario) => {
      scenario.clients.count = 1;
    });
    expect(await makeFirstContact(plan)).toEqual({ loginMs: expect.any(Number), messageMs: null, notes: [] });
  });

  test('of a scenario whose messages all go to groups logs in, and writes nothing: the run makes the groups', async () => {
    const server = await startRelay(broadcastDialect, {});
    onTestFinished(() => server.close());
    const plan = planFor(
      server.endpoint,
      (scenario) => {
        scenario.groups = { members: scenario.clients.count, share: 1 };
      },
      webSocketPlan({ preset: 'broadcast-room' }),
    );
    const sinceMs = performance.now();
    expect(await makeFirstContact(plan)).toEqual({ loginMs: expect.any(Number), messageMs: null, notes: [] });
    expect(performance.now() - sinceMs).toBeLessThan(1000);
  });
});

describe('a server that speaks something else is told from one that is wrong, within a second:', () => {
  test.each<[string, () => Promise<Endpoint>, RegExp]>([
    [
      'HTTP',
      async () => tcp(await httpServer()),
      /^tcp:\S+ does not speak c2m: it answered "HTTP\/1\.1 400 Bad Request", which is HTTP; .*write ws:\/\//,
    ],
    [
      'SSH',
      async () => tcp(await bannerServer('SSH-2.0-OpenSSH_9.2\r\n')),
      /which is SSH; correct target\.addresses/,
    ],
    ['NATS', async () => tcp(await bannerServer('INFO {"server_id":"x"}\r\n')), /which is NATS; /],
    [
      'mosquitto',
      async () => tcp(await mosquitto()),
      /does not speak c2m: it closed the connection without a word; write target\.driver/,
    ],
    ['somebody curt', async () => tcp(await curtServer()), /closed the connection without a word/],
    ['a WebSocket echo', async () => ws(await echoServer()), /sends back what it was sent, as an echo does/],
    [
      'HTTP without WebSocket',
      async () => ws(await httpServer(404)),
      /takes no WebSocket connection: it answered "HTTP\/1\.1 404 Not Found"; write the path/,
    ],
    [
      'HTTP that asks who is there',
      async () => ws(await httpServer(401)),
      /"HTTP\/1\.1 401 Unauthorized"; say who asks in target\.websocket\.headers/,
    ],
    [
      'our own server without WebSocket',
      async () => ({ ...addressOf(await testServer()), protocol: 'ws' }),
      /does not speak WebSocket: .*write tcp:\/\/ instead of ws:\/\/$/,
    ],
    [
      'our own server without TLS',
      async () => ({ ...addressOf(await testServer()), protocol: 'tls' }),
      /does not speak TLS \(\w+\); write tcp:\/\/ instead of tls:\/\/$/,
    ],
  ])('%s', async (_, start, pattern) => {
    const { words, ms } = await refusalOf(await start());
    expect(words).toMatch(pattern);
    expect(ms).toBeLessThan(1000);
  });

  test('TLS', async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }]);
    const port = await listening(
      createTlsServer({ key, cert }, (socket) => socket.on('error', () => socket.destroy())),
    );
    expect((await refusalOf(tcp(port))).words).toMatch(
      /write tls:\/\/ instead of tcp:\/\/$|or tls:\/\/ if it wants TLS$/,
    );
    const strict = planFor({ ...tcp(port), protocol: 'tls' }, (scenario) => {
      if (scenario.target.kind === 'external') scenario.target.insecure = false;
    });
    expect((await refusalOf(tcp(port), strict)).words).toMatch(
      /its certificate is not trusted here \(DEPTH_ZERO_SELF_SIGNED_CERT\); write target\.insecure: true/,
    );
  });
});

describe('a server that is wrong on purpose is for the run to find out, and the first contact notes it:', () => {
  const noteOf = async (faults: Faults, connectTimeoutMs = 5000): Promise<string[]> => {
    const server = await startWrongServer(faults);
    onTestFinished(() => server.close());
    const plan = planFor(server.address, (scenario) => {
      scenario.clients.connectTimeoutMs = connectTimeoutMs;
    });
    return (await makeFirstContact(plan)).notes;
  };

  test.each<[string, Faults, string]>([
    [
      'one that never answers',
      { silence: 'always' },
      'nobody could log in (ConnectTimeout; the server said nothing: does it speak c2m?)',
    ],
    ['one that refuses', { refuses: () => true }, 'the server did not take the message (MailboxFull)'],
    [
      'one that spoils',
      { spoils: (_, payload) => Buffer.alloc(payload.length) },
      'the message arrived with another content',
    ],
    [
      'one that hangs up',
      { drops: () => true, hangsUpAfter: () => true },
      'the message did not arrive, and a connection ended (PeerClosed)',
    ],
    [
      'one that ignores a user',
      { ignoresFirstLogin: { of: (user) => user === 2, ms: 50 } },
      'only one of two clients could log in (PeerClosed)',
    ],
  ])('%s', async (_, faults, note) => {
    expect(await noteOf(faults, 300)).toEqual([`first contact: ${note}`]);
  });

  test('one that drops', async () => {
    const [note] = await noteOf({ drops: () => true });
    expect(note).toMatch(
      /^first contact: the message did not arrive within 5 s; the last that its sender heard was the bytes/,
    );
  });

  test('one that refuses the login in words of the protocol', async () => {
    const server = await testServer({ token: 'sixteen letters or more' });
    expect((await makeFirstContact(planFor(addressOf(server)))).notes[0]).toMatch(
      /^first contact: nobody could log in \(AuthenticationFailed/,
    );
  });

  test('and nobody waits for it where the run is stopped', async () => {
    const server = await startWrongServer({ silence: 'always' });
    onTestFinished(() => server.close());
    const sinceMs = performance.now();
    expect(await makeFirstContact(planFor(server.address), Promise.resolve())).toMatchObject({ notes: [] });
    expect(performance.now() - sinceMs).toBeLessThan(500);
  });
});
