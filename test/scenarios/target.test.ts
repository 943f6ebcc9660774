import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadScenario, parseScenario } from '../../scenarios/load.js';
import { testFolder } from '../support/folder.js';

function scenario(target: string, more = ''): string {
  return `name: chat
target: ${target}
clients: { count: 10 }
phases: [{ name: talk, duration: 10s }]
${more}`;
}

const parse = (target: string, more?: string) => parseScenario(scenario(target, more), 'chat.yaml');

function issuesOf(target: string, more?: string): string[] {
  try {
    parse(target, more);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

async function load(text: string, isTrusted: boolean): Promise<string> {
  const folder = testFolder();
  const file = join(folder, 'chat.yaml');
  await mkdir(join(folder, 'server'));
  await writeFile(file, text);
  return loadScenario(file, [], { isTrusted }).then(
    ({ scenario }) =>
      scenario.target.kind === 'command' ? scenario.target.command.cwd.replace(folder, '') : '',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  );
}

const ADDRESS = "addresses: ['ws://127.0.0.1:8080/']";

describe('a server that the lab starts', () => {
  test('is a command with what is needed to start and end it', () => {
    const { target } = parse(
      `{ command: { run: [node, server.js, --port, 8080], cwd: server, env: { LOG: quiet, WORKERS: 2 }, readyWithin: 30s, stopWithin: 1s }, ${ADDRESS} }`,
    );
    expect(target).toMatchObject({
      kind: 'command',
      command: {
        run: ['node', 'server.js', '--port', '8080'],
        cwd: 'server',
        env: { LOG: 'quiet', WORKERS: '2' },
        readyWithinMs: 30_000,
        stopWithinMs: 1000,
      },
      addresses: ['ws://127.0.0.1:8080/'],
      driver: { name: 'c2m' },
    });
  });

  test('may be written as one line', () => {
    const short = {
      command: { run: ['node', 'a b.js'], cwd: '.', env: {}, readyWithinMs: 10_000, stopWithinMs: 5000 },
    };
    expect(parse(`{ command: "node 'a b.js'", ${ADDRESS} }`).target).toMatchObject(short);
    expect(parse(`{ command: [node, a b.js], ${ADDRESS} }`).target).toMatchObject(short);
    expect(parse(`{ command: { run: "node 'a b.js'" }, ${ADDRESS} }`).target).toMatchObject(short);
  });

  test('may listen on every address of this host, which for others is another machine', () => {
    expect(issuesOf("{ command: node server.js, addresses: ['ws://0.0.0.0:8080'] }")).toEqual([]);
    expect(issuesOf("{ addresses: ['ws://0.0.0.0:8080'] }")).toHaveLength(1);
    expect(issuesOf("{ command: node server.js, addresses: ['ws://192.0.2.7:8080'] }")).toHaveLength(1);
  });

  test.each([
    [
      '{ command: node server.js }',
      'target.addresses: is missing; where does the server of target.command listen?',
    ],
    [`{ command: { cwd: x }, ${ADDRESS} }`, 'target.command.run: must be a program and its arguments'],
    [`{ command: [], ${ADDRESS} }`, 'target.command.run: is empty'],
    [`{ command: "node a.js | tee log", ${ADDRESS} }`, 'target.command.run: has |, which is for a shell'],
    [
      `{ command: { run: node, env: { 1A: x } }, ${ADDRESS} }`,
      'target.command.env.1A: is not the name of a variable',
    ],
    [`{ command: { run: node, restart: node }, ${ADDRESS} }`, 'target.command.restart: is not a known key'],
    [
      `{ command: node, pid: 1, ${ADDRESS} }`,
      'target.pid: says which processes the server is, and so does command',
    ],
    ['{ embedded: {}, command: node }', 'target.command: is for a server of your own'],
  ])('%s is refused', (target, words) => {
    expect(issuesOf(target).join('\n')).toContain(words);
  });

  test('is killed and started again by kill-server, and by no other action', () => {
    const target = `{ command: node, ${ADDRESS} }`;
    expect(issuesOf(target, 'actions: [{ at: 1s, do: kill-server }]')).toEqual([]);
    for (const action of ['kill-worker', 'reload'])
      expect(issuesOf(target, `actions: [{ at: 1s, do: ${action} }]`)).toEqual([
        expect.stringContaining(`${action} is done to the reference server alone; write kill-server`),
      ]);
    expect(issuesOf(`{ ${ADDRESS} }`, 'actions: [{ at: 1s, do: kill-server }]')).toEqual([
      expect.stringContaining('write target: embedded, or target.command'),
    ]);
  });

  test('is only started for somebody who trusts the scenario', async () => {
    const text = scenario(`{ command: node server.js, ${ADDRESS} }`);
    expect(await load(text, false)).toBe(
      'chat.yaml:2 target.command: starts "node server.js" with the rights of this user; give --trust if you know whose scenario this is',
    );
    const long = scenario(`{ command: { run: [rm, -rf, x] }, ${ADDRESS} }`);
    expect(await load(long, false)).toContain('starts "rm -rf x" with the rights');
  });

  test('runs in a folder that lies beside the scenario', async () => {
    const inFolder = (cwd: string) => scenario(`{ command: { run: node, cwd: ${cwd} }, ${ADDRESS} }`);
    expect(await load(inFolder('server'), true)).toBe('/server');
    expect(await load(inFolder('.'), true)).toBe('');
    expect(await load(inFolder('elsewhere'), true)).toContain(
      'target.command.cwd: elsewhere is no folder; write a path from the scenario’s folder',
    );
  });

  test('is a program that is there, before anything is started', async () => {
    const running = (command: string) => scenario(`{ command: ${command}, ${ADDRESS} }`);
    expect(await load(running('nosuch-server --port 1'), true)).toBe(
      'chat.yaml:2 target.command: there is no program nosuch-server (looked in PATH); correct target.command.run',
    );
    expect(await load(running('{ run: [./bin/server], cwd: server }'), true)).toBe(
      'chat.yaml:2 target.command.run: there is no program server/bin/server; correct target.command.run',
    );
    expect(await load(running('./chat.yaml'), true)).toContain(
      'chat.yaml may not be run; make it executable (chmod +x)',
    );
    expect(await load(running('{ run: node server.js, env: { PATH: /no/such/folder } }'), true)).toContain(
      'target.command.run: there is no program node (looked in PATH)',
    );
    expect(await load(running('node server.js'), true)).toBe('');
    // Whoever may not start it is not told more.
    expect(await load(running('nosuch-server'), false)).not.toContain('no program');
  });
});

describe('a server that runs on this host already', () => {
  test('is named by a process or by a control group', () => {
    expect(parse(`{ pid: 1234, ${ADDRESS} }`).target).toMatchObject({
      kind: 'external',
      processes: { pid: 1234 },
    });
    const cgroup = '/sys/fs/cgroup/system.slice/chat.service';
    expect(parse(`{ cgroup: ${cgroup}, ${ADDRESS} }`).target).toMatchObject({ processes: { cgroup } });
    expect(parse(`{ ${ADDRESS} }`).target).toMatchObject({ processes: null });
  });

  test.each(['/etc', '/sys/fs/cgroup', '/sys/fs/cgroup/../../proc', 'chat.service'])(
    'and not by the folder %s',
    (cgroup) => {
      expect(issuesOf(`{ cgroup: ${cgroup}, ${ADDRESS} }`)).toEqual([
        expect.stringContaining('must be a folder of a control group'),
      ]);
    },
  );
});

describe('headers of the upgrade', () => {
  const withHeader = (name: string) => issuesOf(`{ ${ADDRESS}, websocket: { headers: { ${name}: x } } }`);

  test.each([
    ['Host', 'write the name in target.addresses'],
    ['connection', 'is written by the lab for the upgrade; leave it out'],
    ['Upgrade', 'is written by the lab for the upgrade; leave it out'],
    ['Sec-WebSocket-Key', 'is written by the lab for the upgrade; leave it out'],
    ['Sec-WebSocket-Protocol', 'write target.websocket.subprotocols instead'],
    ['sec-websocket-extensions', 'write target.websocket.compression: true instead'],
    ['Content-Length', 'is for a body, and an upgrade has none; leave it out'],
    ['Transfer-Encoding', 'is for a body, and an upgrade has none; leave it out'],
  ])('%s is refused', (name, words) => {
    expect(withHeader(name)).toEqual([expect.stringContaining(`target.websocket.headers.${name}: `)]);
    expect(withHeader(name)[0]).toContain(words);
  });

  test('others are taken', () => {
    for (const name of ['Cookie', 'Origin', 'X-Forwarded-Host']) expect(withHeader(name)).toEqual([]);
  });
});

describe('gates on the memory of a server', () => {
  const memory = 'gates: ["memory.bytesPerConnection.server < 9KiB"]';
  const files = 'gates: ["serverProcesses.openFiles < 9"]';

  test.each(['command: node', 'pid: 1', 'cgroup: /sys/fs/cgroup/x'])('hold where there is a %s', (key) => {
    expect(issuesOf(`{ ${key}, ${ADDRESS} }`, memory)).toEqual([]);
    expect(issuesOf(`{ ${key}, ${ADDRESS} }`, files)).toEqual([]);
    expect(issuesOf(`{ ${key}, ${ADDRESS} }`, 'gates: ["backlog.max < 5"]')).toEqual([
      expect.stringContaining('write target.admin, or leave the gate out'),
    ]);
  });

  test('name what could tell them where nothing does', () => {
    expect(issuesOf(`{ ${ADDRESS} }`, memory)).toEqual([
      expect.stringContaining('write target.admin, target.command, target.pid or target.cgroup, or leave'),
    ]);
    for (const target of ['embedded', `{ ${ADDRESS}, admin: 'http://127.0.0.1:9464' }`])
      expect(issuesOf(target, files)).toEqual([
        expect.stringContaining('write target.command, target.pid or target.cgroup, or leave'),
      ]);
  });
});

describe('a page of metrics', () => {
  const page = (series: string, url = 'http://127.0.0.1:9100/metrics') =>
    `{ ${ADDRESS}, metrics: { url: '${url}', series: ${series} } }`;

  test('has series by names of the scenario', () => {
    const { target } = parse(page(`{ queue: 'broker_queue_length{queue="in", node="a"}', up: up }`));
    expect(target).toMatchObject({
      metrics: {
        url: 'http://127.0.0.1:9100/metrics',
        series: [
          { name: 'queue', metric: 'broker_queue_length', labels: { queue: 'in', node: 'a' } },
          { name: 'up', metric: 'up', labels: {} },
        ],
      },
    });
  });

  test.each([
    [page('{}'), 'must name at least one series'],
    [page('{ queue: "a b" }'), '"a b" is not a series'],
    [page('{ queue: "a{x=~\'1\'}" }'), 'is not a series'],
    [page('{ a.b: up }'), 'metrics.series.a.b: is not a name; write letters, digits and dashes'],
    [page('{ up: up }', 'http://example.net/metrics'), 'example.net is another machine'],
    [page('{ up: up }', 'http://me:secret@127.0.0.1/'), 'must not name a user or a password'],
    [page('{ up: up }', '127.0.0.1:9100'), 'must be the URL of the page'],
  ])('%s is refused', (target, words) => {
    expect(issuesOf(target).join('\n')).toContain(words);
  });

  test('is there for gates, by those names alone', () => {
    const target = page('{ queue: up }');
    expect(
      issuesOf(target, 'gates: ["serverMetrics.queue.max < 1000", "serverMetrics.queue.mean < 0.5"]'),
    ).toEqual([]);
    expect(issuesOf(target, 'gates: ["serverMetrics.queu.max < 1000"]')).toEqual([
      expect.stringContaining('gates.0: target.metrics.series has no "queu"; did you mean queue?'),
    ]);
    expect(issuesOf(target, 'gates: ["serverMetrics.queue.max < many"]')).toEqual([
      expect.stringContaining('is compared with a number, but "many" is none; write one, such as 0.5'),
    ]);
  });
});
