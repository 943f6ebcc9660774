import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectedDurationMs } from '../../scenarios/expected-duration.js';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { ScenarioError } from '../../scenarios/scenario-error.js';
import { listShippedScenarios } from '../../scenarios/shipped.js';

const CHAT = `name: chat
target: embedded
clients:
  count: 1000
messages:
  size: 100B
phases:
  - name: talk
    duration: 10s
    rate: 500/s
  - { name: rest, duration: 5s }
`;

/** The lines of the error that `text` ends in. */
function issuesOf(text: string, overrides: string[] = []): string[] {
  try {
    parseScenario(text, 'chat.yaml', overrides);
  } catch (error) {
    expect(error).toBeInstanceOf(ScenarioError);
    return (error as ScenarioError).message.split('\n');
  }
  return [];
}

test('a scenario is normalized: milliseconds, per second, bytes, shares, and every default filled in', () => {
  expect(parseScenario(CHAT, 'chat.yaml')).toEqual({
    name: 'chat',
    description: '',
    seed: 1,
    target: { kind: 'embedded', protocol: 'tcp', workers: 'auto', store: 'lmdb', settings: {} },
    clients: {
      count: 1000,
      connectRate: 1000,
      connectTimeoutMs: 10_000,
      heartbeatMs: 30_000,
      reconnectRate: 1000,
      firstUser: 1,
    },
    messages: { size: { kind: 'fixed', bytes: 100 }, arrival: 'poisson' },
    phases: [
      { name: 'talk', durationMs: 10_000, messageRate: 500, away: 0, churnRate: 0, awayForMs: 5000, cut: 0 },
      { name: 'rest', durationMs: 5000, messageRate: 0, away: 0, churnRate: 0, awayForMs: 5000, cut: 0 },
    ],
    media: null,
    groups: null,
    actions: [],
    agents: { nats: null, hosts: 'all', atLeast: 1, waitMs: 10_000, labels: [], lost: 'invalidate' },
    generator: { transport: 'sockets', agents: 'auto', lagLimitMs: 100, drainMs: 15_000 },
    reference: null,
    gates: [],
  });
});

test('clients come back at the rate at which they connect, unless the file says otherwise', () => {
  expect(parseScenario(CHAT, 'chat.yaml', ['clients.connectRate=700/s']).clients.reconnectRate).toBe(700);
  expect(parseScenario(CHAT, 'chat.yaml', ['clients.reconnectRate=50/s']).clients.reconnectRate).toBe(50);
});

test('sizes are fixed, uniform or lognormal', () => {
  const sizeOf = (size: string) => parseScenario(CHAT, 'chat.yaml', [`messages.size=${size}`]).messages.size;
  expect(sizeOf('1KiB')).toEqual({ kind: 'fixed', bytes: 1024 });
  expect(sizeOf('{uniform: [64B, 1KiB]}')).toEqual({ kind: 'uniform', minBytes: 64, maxBytes: 1024 });
  expect(sizeOf('{lognormal: {median: 200B, sigma: 0.8, max: 4KiB}}')).toEqual({
    kind: 'lognormal',
    medianBytes: 200,
    sigma: 0.8,
    maxBytes: 4096,
  });
});

test('actions are written out in the order of their times', () => {
  const actions = `[
    {at: 2s, do: kill-worker, every: 1s, times: 2, worker: 1}, {at: 2500ms, do: pause, share: 10%, for: 1s},
    {at: 1s, do: cut, share: 50%}, {at: 4s, do: kill-server}]`;
  const set = ['phases=[{name: talk, duration: 5s}]', `actions=${actions}`];
  expect(parseScenario(CHAT, 'chat.yaml', set).actions).toEqual([
    { kind: 'cut', atMs: 1000, share: 0.5 },
    { kind: 'kill-worker', atMs: 2000, worker: 1 },
    { kind: 'pause', atMs: 2500, share: 0.1, forMs: 1000 },
    { kind: 'kill-worker', atMs: 3000, worker: 1 },
    { kind: 'kill-server', atMs: 4000 },
  ]);
});

test.each([
  ['[{at: 1s, do: cut}]', 'share: is missing; cut what share, such as 10%?'],
  ['[{at: 1s, do: kill-worker, share: 1%}]', 'share: says nothing about kill-worker'],
  ['[{at: 1s, do: kill-server, times: 3}]', 'every: is missing; how long between them?'],
  ['[{at: 1h, do: cut, share: 1%}]', 'cut at 3600s comes after the last phase'],
  [
    '[{at: 1s, do: explode}]',
    '"explode" is not one of kill-worker, kill-server, kill-node, stop-node, cut-node, drain-node, kill-nats, reload, cut, pause',
  ],
])('the actions %s are refused: %s', (actions, words) => {
  const [issue] = issuesOf(CHAT, [`actions=${actions}`]);
  expect(issue).toContain(words);
});

test('what is done to the server takes one of the lab’s own, with mailboxes that outlive it', () => {
  const set =
    (...overrides: string[]) =>
    () =>
      parseScenario(CHAT, 'chat.yaml', overrides);
  const kill = 'actions=[{at: 1s, do: kill-server}]';
  expect(set(kill, 'target=tcp://127.0.0.1:4000')).toThrow(/done to a server that the lab started/);
  expect(set(kill, 'target={embedded: {store: memory}}')).toThrow(/write target.embedded.store: lmdb/);
});

test('a target is embedded, an address, or the keys of either', () => {
  const targetOf = (target: string) => parseScenario(CHAT, 'chat.yaml', [`target=${target}`]).target;
  expect(targetOf('{embedded: {protocol: tls, workers: 2}}')).toEqual({
    kind: 'embedded',
    protocol: 'tls',
    workers: 2,
    store: 'lmdb',
    settings: {},
  });
  expect(targetOf('tcp://127.0.0.1:4000')).toEqual({
    kind: 'external',
    addresses: ['tcp://127.0.0.1:4000'],
    admin: null,
    media: null,
    allow: [],
    token: null,
    tokenPerUser: false,
    insecure: false,
    tls: {},
    driver: { name: 'c2m', settings: {} },
    websocket: { headers: {}, subprotocols: null, compression: false },
    metrics: null,
    processes: null,
  });
  expect(
    targetOf(
      '{addresses: [tls://chat.example.net:4443], allow: [chat.example.net], token: secret, insecure: true}',
    ),
  ).toMatchObject({ allow: ['chat.example.net'], token: 'secret', insecure: true });
});

test('an address of WebSocket has a path, and its upgrade headers and subprotocols', () => {
  const target =
    '{addresses: ["ws://127.0.0.1:80/chat?room=1"], websocket: {headers: {Cookie: a=b}, subprotocols: [x]}}';
  expect(parseScenario(CHAT, 'chat.yaml', [`target=${target}`]).target).toMatchObject({
    addresses: ['ws://127.0.0.1:80/chat?room=1'],
    websocket: { headers: { Cookie: 'a=b' }, subprotocols: ['x'] },
  });
  expect(issuesOf(CHAT, ['target=tcp://127.0.0.1:80/chat'])[0]).toContain('is not an address');
  expect(
    issuesOf(CHAT, ['target={addresses: ["ws://127.0.0.1:1"], websocket: {headers: {"a b": c}}}'])[0],
  ).toContain('target.websocket.headers.a b: must be a map of headers');
});

test('a driver is a name, or a name with its settings, and there is but one', () => {
  const driverOf = (driver: string) =>
    parseScenario(CHAT, 'chat.yaml', [`target={addresses: ["tcp://127.0.0.1:1"], driver: ${driver}}`]).target;
  for (const driver of ['c2m', '{c2m: {}}', '{c2m: }'])
    expect(driverOf(driver)).toMatchObject({ driver: { name: 'c2m', settings: {} } });
  expect(() => driverOf('smtp')).toThrow(/target.driver.smtp: is not a known key.*known here: c2m/);
  expect(() => driverOf('{}')).toThrow(/target.driver: must be exactly one of c2m/);
});

describe('what is wrong is told with line, path and what would be right', () => {
  test('all of it at once, in the order of the file', () => {
    const text = `name: chat
targt: embedded
target: embedded
clients:
  count: 5k
  conectRate: 30/s
  connectRate: 30
messages:
  size: { uniform: [64B, 1] }
  arrival: posson
phases:
  - { name: connect, duration: 10, rate: fast }
  - name: rest
    rate: 5/s
    away: 120%
gates:
  - messages.lost == 0
  - latency.accepted.p99 < 5
`;
    expect(issuesOf(text)).toEqual([
      'chat.yaml:2 targt: is not a known key; did you mean target?',
      'chat.yaml:5 clients.count: "5k" is not a count; write a whole number, such as 5000 or 5_000',
      'chat.yaml:6 clients.conectRate: is not a known key; did you mean connectRate or reconnectRate?',
      'chat.yaml:7 clients.connectRate: 30 has no unit; write 30/s if that is what you mean',
      'chat.yaml:9 messages.size.uniform.1: 1 has no unit; write 1B if that is what you mean',
      'chat.yaml:10 messages.arrival: "posson" is not one of poisson, constant; did you mean poisson?',
      'chat.yaml:12 phases.0.name: is the name of a phase that every run has; choose another',
      'chat.yaml:12 phases.0.duration: 10 has no unit; write 10s if that is what you mean',
      'chat.yaml:12 phases.0.rate: "fast" is not a rate; write a number and a unit, such as 500/s',
      'chat.yaml:13 phases.1.duration: is missing; write a number and a unit (us, ms, s, m, h), such as 30s',
      'chat.yaml:15 phases.1.away: "120%" is more than everything; write a percentage or a number from 0 to 1, such as 33% or 0.33',
      'chat.yaml:18 gates.1: latency.accepted.p99 is compared with a duration, but 5 has no unit; write 5ms if that is what you mean',
    ]);
  });

  test('all of it at once, also what one part says of another while a third is wrong', () => {
    const text = `name: chat
target: { addresses: ['tcp://192.0.2.7:4000'], insecure: maybe }
clients: { count: 10 }
phases:
  - { name: talk, duration: 10s, rate: fast }
  - { name: talk, duration: 5s }
actions:
  - { at: 1h, do: cut, share: 1% }
  - { at: 20s, do: pause }
  - { at: 1s, do: kill-worker }
media: { uploads: 1/s }
gates: [backlog.max < 10]
`;
    expect(issuesOf(text).map((issue) => issue.replace(/;.*/, ''))).toEqual([
      'chat.yaml:1 messages.size: must be one size of at least 2KiB, so that a link and its thumbnail fit',
      'chat.yaml:2 target.insecure: must be true or false',
      'chat.yaml:2 target.addresses.0: 192.0.2.7 is another machine',
      'chat.yaml:2 target.media: is missing',
      'chat.yaml:5 phases.0.rate: "fast" is not a rate',
      'chat.yaml:6 phases.1.name: "talk" names two phases',
      'chat.yaml:8 actions.0.at: cut at 3600s comes after the last phase, which ends at 15s',
      'chat.yaml:9 actions.1.share: is missing',
      'chat.yaml:9 actions.1.at: pause at 20s comes after the last phase, which ends at 15s',
      'chat.yaml:10 actions.2.do: kill-worker is done to a server that the lab started',
      'chat.yaml:12 gates.0: asks for what a server tells at its admin port, and this target has none',
    ]);
  });

  test('that the last phase ends too early is not told where nobody knows when it ends', () => {
    const issues = issuesOf(CHAT.replace('duration: 10s', 'duration: soon'), [
      'actions=[{at: 1h, do: cut, share: 1%}]',
    ]);
    expect(issues).toEqual([expect.stringContaining('"soon" is not a duration')]);
  });

  test.each([
    'addresses: ["tcp://:4000"]',
    'addresses: ["hello"]',
    'addresses: [""]',
    'addresses: ["tcp://192.0.2.7:99999"]',
    'addresses: ["http://192.0.2.7:80"]',
    'addresses: ["tcp://127.0.0.1:1"], admin: "localhost:9464"',
    'addresses: ["tcp://127.0.0.1:1"], media: "chat:9465"',
  ])('an address that is none is told once: %s', (target) => {
    const issues = issuesOf(CHAT.replace('embedded', `{ ${target} }`));
    expect(issues).toEqual([
      expect.stringMatching(/is not an address|must be the URL of the (admin|media) port/),
    ]);
  });

  test('a file that is no YAML', () => {
    expect(issuesOf('name: chat\nclients: [1, 2\nphases: 3\n')[0]).toMatch(/^chat\.yaml:\d: is not YAML: /);
    expect(issuesOf('name: chat\nname: talk\n')).toEqual([
      'chat.yaml:2: is not YAML: "name" stands twice in one map',
    ]);
  });

  test('a file that holds something else', () => {
    const wanted = 'chat.yaml:1: must be a map with name, target, clients and phases';
    expect(issuesOf('')).toEqual([wanted]);
    expect(issuesOf('- one\n')).toEqual([wanted]);
  });

  test('what is missing, at the line of what should hold it', () => {
    expect(issuesOf('name: chat\ntarget: embedded\nclients:\n  connectRate: 5/s\n')).toEqual([
      'chat.yaml:1 phases: must be a list of phases, such as [{name: talk, duration: 10s, rate: 500/s}]',
      'chat.yaml:3 clients.count: is missing; write a whole number, such as 5000 or 5_000',
    ]);
  });

  test('a message smaller than the ledger needs', () => {
    expect(issuesOf(CHAT.replace('100B', '8B'))).toEqual([
      'chat.yaml:6 messages.size.fixed: "8B" must be from 24B to 1MiB',
    ]);
  });

  test('two phases of one name', () => {
    expect(issuesOf(CHAT.replace('name: rest', 'name: talk'))).toEqual([
      'chat.yaml:11 phases.1.name: "talk" names two phases',
    ]);
  });

  test('a target on another machine that is not allowed', () => {
    expect(issuesOf(CHAT.replace('embedded', 'tcp://192.0.2.7:4000'))).toEqual([
      'chat.yaml:2 target.addresses.0: 192.0.2.7 is another machine; load goes there only if target.allow names it: allow: ["192.0.2.7"]',
    ]);
  });

  test('keys of one kind of target on the other', () => {
    expect(
      issuesOf(
        CHAT.replace('target: embedded', "target: { addresses: ['tcp://127.0.0.1:1'], tokenPerUser: true }"),
      ),
    ).toEqual(['chat.yaml:2 target.tokenPerUser: needs the secret of the server: write token']);
    expect(issuesOf(CHAT, ['groups=5'])).toEqual([
      '--set groups=5: must say how many are in a group, such as {members: 50}',
    ]);
    expect(issuesOf(CHAT.replace('target: embedded', 'target: { embedded: {}, token: secret }'))).toEqual([
      'chat.yaml:2 target.token: is for a server of your own; an embedded one needs no token',
    ]);
  });
});

describe('a gate on what only an admin port tells, against a target without one', () => {
  const untold = [
    'memory.bytesPerConnection.total < 24KiB',
    'backlog.queues.mailboxes.max >= 1',
    'phases.talk.memory.serverPeakBytes < 1GiB',
  ];
  const gates = (list: string[]) => `gates: ${JSON.stringify(list)}\n`;
  const external = 'target=tcp://127.0.0.1:4000';

  test('is wrong where its author knew the target', () => {
    for (const gate of untold) {
      const text = CHAT.replace('embedded', 'tcp://127.0.0.1:4000') + gates(['messages.lost == 0', gate]);
      expect(issuesOf(text)).toEqual([
        expect.stringContaining('gates.1: asks for what a server tells at its admin port'),
      ]);
    }
    expect(issuesOf(CHAT, [external, `gates=${JSON.stringify(untold)}`])).toHaveLength(3);
  });

  test('is left out and told where --set names another target than the file', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'c2m-scenario-')), 'mine.yaml');
    await writeFile(file, CHAT + gates(['messages.lost == 0', ...untold]));
    const { scenario, notes } = await loadScenario(file, [external]);
    expect(scenario.gates.map(({ expression }) => expression)).toEqual(['messages.lost == 0']);
    const another = await loadScenario(file, [external, 'gates.0=connections.peak >= 5']);
    expect(another.notes).toEqual(notes);
    expect(notes).toEqual(
      untold.map((gate) => `not judged, as the target has no admin port (target.admin): ${gate}`),
    );
  });

  test('is judged as ever where there is an admin port, or where the generator can tell the figure', () => {
    const admin = 'target={addresses: [tcp://127.0.0.1:4000], admin: "http://127.0.0.1:9464"}';
    expect(parseScenario(CHAT + gates(untold), 'chat.yaml', [admin]).gates).toHaveLength(3);
    const own = gates(['memory.bytesPerConnection.client < 1KiB', 'latency.accepted.p99 < 1s']);
    expect(parseScenario(CHAT + own, 'chat.yaml', [external]).gates).toHaveLength(2);
  });
});

describe('overrides', () => {
  test('change a value by path; elements of a list by index or by name', () => {
    for (const path of ['phases.0.rate', 'phases[0].rate', 'phases.talk.rate']) {
      expect(parseScenario(CHAT, 'chat.yaml', [`${path}=7/s`]).phases[0]?.messageRate).toBe(7);
    }
  });

  test('reach into what the file leaves out or writes short', () => {
    const scenario = parseScenario(CHAT, 'chat.yaml', [
      'generator.drain=2s',
      'target.embedded.workers=3',
      'target.embedded.settings.limits.mailboxLength=10',
    ]);
    expect(scenario.generator.drainMs).toBe(2000);
    expect(scenario.target).toMatchObject({ workers: 3, settings: { limits: { mailboxLength: 10 } } });
  });

  test('the last one wins', () => {
    const scenario = parseScenario(CHAT, 'chat.yaml', ['clients.count=10', 'clients.count=20']);
    expect(scenario.clients.count).toBe(20);
  });

  test('an issue names the override, not a line', () => {
    expect(
      issuesOf(CHAT, [
        'clients.count=lots',
        'clients.colour=red',
        'phases.talk.rate=3',
        'messages={size: 1}',
      ]),
    ).toEqual([
      '--set clients.count=lots: "lots" is not a count; write a whole number, such as 5000 or 5_000',
      '--set clients.colour=red: is not a known key; known here: count, connectRate, connectTimeout, heartbeat, reconnectRate, firstUser',
      '--set messages={size: 1} messages.size.fixed: 1 has no unit; write 1B if that is what you mean',
      '--set phases.talk.rate=3 phases.0.rate: 3 has no unit; write 3/s if that is what you mean',
    ]);
  });

  test('a path that cannot exist is told', () => {
    expect(
      issuesOf(CHAT, [
        'phases.2.rate=3/s',
        'phases.tlak.rate=3/s',
        'clients.count.deep=1',
        'count',
        'a..b=1',
      ]),
    ).toEqual([
      '--set phases.2.rate=3/s: phases has elements 0 to 1, but no 2',
      '--set phases.tlak.rate=3/s: phases has no element named tlak; did you mean talk?',
      '--set clients.count.deep=1: clients.count is 1000, which has no parts; set it as a whole',
      '--set count: is not an override; write path=value, such as clients.count=20000',
      '--set a..b=1: a..b is not a path; write keys with dots between them, such as clients.count',
    ]);
    expect(issuesOf(CHAT, ['__proto__.polluted=1'])[0]).toMatch(/is not a path/);
    expect(issuesOf(CHAT, ['constructor.prototype=1'])).not.toEqual([]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('shipped scenarios', () => {
  test('every one of them is valid, named like its file, described and judged by gates', async () => {
    const shipped = await listShippedScenarios();
    expect(shipped.map(({ name }) => name)).toEqual([
      'chat',
      'ci-smoke',
      'cluster-chat',
      'cluster-scale',
      'flood',
      'group-fanout',
      'hot-reload',
      'hundred-thousand',
      'media-sharing',
      'nats-crash',
      'node-crash',
      'offline-backlog',
      'quickstart',
      'reconnect-storm',
      'rolling-upgrade',
      'server-crash',
      'shoot-out',
      'slow-consumers',
      'soak',
      'split-network',
      'three-million',
      'tls',
      'two-million',
      'two-million-websocket',
      'websocket',
      'worker-crash',
      'worker-scale',
    ]);
    for (const { name, path, text } of shipped) {
      const scenario = parseScenario(text, path);
      expect(scenario.name).toBe(name);
      expect(scenario.description).not.toBe('');
      expect(scenario.gates.length).toBeGreaterThan(3);
    }
  });

  test('are found by their bare name, and as files', async () => {
    const byName = await loadScenario('quickstart', ['clients.count=20']);
    expect(byName.scenario.clients.count).toBe(20);
    expect(byName.source).toMatchObject({
      file: 'scenarios/quickstart.yaml',
      overrides: ['clients.count=20'],
    });
    expect(byName.source.text).toContain('name: quickstart');
    expect((await loadScenario('scenarios/quickstart.yaml')).scenario.clients.count).toBe(5000);
  });

  test('a name that is none says what may have been meant', async () => {
    await expect(loadScenario('quikstart')).rejects.toThrow(
      'quikstart: there is no such scenario; did you mean quickstart?',
    );
    await expect(loadScenario('nothing/of/the-kind.yaml')).rejects.toThrow(
      /shipped scenarios: chat, ci-smoke/,
    );
  });

  test('quickstart takes about 20 seconds, ci-smoke less than 10', async () => {
    const secondsOf = async (name: string) => expectedDurationMs((await loadScenario(name)).scenario) / 1000;
    expect(await secondsOf('quickstart')).toBeLessThanOrEqual(20);
    expect(await secondsOf('ci-smoke')).toBeLessThan(10);
  });
});

test('a file is named in errors as it was given', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'c2m-scenario-')), 'mine.yaml');
  await writeFile(file, CHAT.replace('1000', 'many'));
  await expect(loadScenario(file)).rejects.toThrow(`${file}:4 clients.count: "many" is not a count`);
});
