import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { CommandServer } from '../../lab/command-server.js';
import { readProcesses } from '../../loadgen/process-table.js';
import type { ServerCommand } from '../../scenarios/scenario.js';
import { endpointAt, fixtureCommand, isAlive } from '../support/commands.js';
import { testFolder } from '../support/folder.js';

const running: CommandServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

interface Started {
  server: CommandServer;
  port: number;
  /** What it has said until now. */
  log(): string;
}

/** Starts test/fixtures/commands/listener.mjs on a free port. */
async function start(args: string[], change: Partial<ServerCommand> = {}): Promise<Started> {
  const port = await freePort();
  const folder = testFolder();
  const command = fixtureCommand('listener.mjs', ['--port', String(port), ...args], change);
  const server = await CommandServer.start(
    { command, endpoints: [endpointAt(port)], isOnDevice: false, folder },
    new AbortController().signal,
  );
  running.push(server);
  return { server, port, log: () => readFileSync(join(folder, 'server.log'), 'utf8') };
}

/** Why a server could not be started. */
async function failureOf(command: ServerCommand, port = 1): Promise<string> {
  const plan = { command, endpoints: [endpointAt(port)], isOnDevice: false, folder: testFolder() };
  return CommandServer.start(plan, new AbortController().signal).then(
    (server) => {
      running.push(server);
      return '';
    },
    (error: Error) => error.message,
  );
}

/** For a shell: listener.mjs as a daemon, in a session of its own and with no parent that is of the server. */
function astray(args: string): string {
  const [node, file] = fixtureCommand('listener.mjs', []).run;
  return `(setsid ${node} ${file} ${args} >/dev/null 2>&1 &);`;
}

/** Processes with this text in their command line, zombies left out. */
function processesOf(text: string): number[] {
  return readProcesses()
    .filter(({ isZombie, pid }) => !isZombie && commandLine(pid).includes(text))
    .map(({ pid }) => pid);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

async function isTaken(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  const taken = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return taken;
}

describe('a server that is started by a command', () => {
  test('is there once it listens, with its words in the folder of the record, and gone afterwards', async () => {
    const { server, port, log } = await start(['--say', 'good morning'], { env: { GREETING: 'x' } });
    expect(await isTaken(port)).toBe(true);
    expect(log()).toContain('good morning\n');
    expect(server.processes.read()).toMatchObject({ processes: 1 });
    await server.close();
    expect(await isTaken(port)).toBe(false);
    expect(server.processes.read()).toBeNull();
  });

  test('that ends before it listens is told with its last lines', async () => {
    const message = await failureOf(
      fixtureCommand('listener.mjs', ['--say', 'no such table', '--exit', '3']),
    );
    expect(message).toMatch(
      /^target\.command: .*listener\.mjs --say no such table --exit 3 ended before it took a connection \(exit 3\)/,
    );
    expect(message).toContain('  no such table');
    expect(message).toContain('server.log');
  });

  test('that never listens is told after the time that it has, and ended', async () => {
    const args = ['--say', 'thinking', '--children', '1'];
    const message = await failureOf(
      fixtureCommand('listener.mjs', args, { readyWithinMs: 700 }),
      await freePort(),
    );
    expect(message).toMatch(/did not listen at tcp:\/\/127\.0\.0\.1:\d+ within 700ms/);
    expect(message).toContain('  thinking');
    expect(processesOf('--say thinking')).toEqual([]);
  });

  test('that is no program is told as that', async () => {
    const command = { ...fixtureCommand('listener.mjs', []), run: ['/no/such/program'] };
    expect(await failureOf(command)).toBe(
      'target.command: there is no program /no/such/program; correct target.command.run',
    );
    const file = join(testFolder(), 'server.sh');
    writeFileSync(file, '#!/no/such/interpreter\n', { mode: 0o755 });
    expect(await failureOf({ ...command, run: [file] })).toMatch(
      /server\.sh cannot be run \(.*ENOENT\), such as a script whose first line names a program that is not there/,
    );
  });

  test('that listens elsewhere is told with where', async () => {
    const elsewhere = await freePort();
    const message = await failureOf(
      fixtureCommand('listener.mjs', ['--port', String(elsewhere)], { readyWithinMs: 700 }),
      await freePort(),
    );
    expect(message).toContain(` within 700ms; it listens at 127.0.0.1:${elsewhere}. `);
  });

  test('that puts itself into the background is told what to do, and ended', async () => {
    const port = await freePort();
    const daemon = {
      ...fixtureCommand('listener.mjs', []),
      run: ['sh', '-c', `${astray(`--port ${port}`)} exit 0`],
    };
    expect(await failureOf(daemon, port)).toContain(
      'ended before it took a connection (exit 0; if it put itself into the background, tell it to stay in the foreground (mosquitto: without -d))',
    );
    // It would listen by then.
    await sleep(500);
    expect(await isTaken(port)).toBe(false);
    expect(processesOf(`listener.mjs --port ${port}`)).toEqual([]);
  });

  test.each(['close', 'kill-server'] as const)(
    'takes along at %s what has left its session and its parent',
    async (end) => {
      const port = await freePort();
      const tag = `--say astray-${port}`;
      const [node, file] = fixtureCommand('listener.mjs', []).run;
      const run = ['sh', '-c', `${astray(tag)} exec ${node} ${file} --port ${port}`];
      const plan = {
        command: { ...fixtureCommand('listener.mjs', []), run },
        endpoints: [endpointAt(port)],
        isOnDevice: false,
        folder: testFolder(),
      };
      const server = await CommandServer.start(plan, new AbortController().signal);
      running.push(server);
      await expect.poll(() => processesOf(tag)).toHaveLength(1);
      const [before] = processesOf(tag);
      if (end === 'close') await server.close();
      else await server.act({ kind: 'kill-server', atMs: 0 });
      expect(processesOf(tag)).not.toContain(before);
    },
  );

  test('that does not come back is told by its last try alone', async () => {
    const port = await freePort();
    const script = `const fs = require('fs');
      const file = process.env.C2M_DATA + '/starts';
      fs.appendFileSync(file, 'x');
      const starts = fs.readFileSync(file).length;
      console.log('try', starts);
      if (starts > 1) process.exit(1);
      require('net').createServer().listen(${port}, '127.0.0.1')`;
    const command = {
      ...fixtureCommand('listener.mjs', []),
      run: ['node', '-e', script],
      readyWithinMs: 2500,
    };
    const plan = { command, endpoints: [endpointAt(port)], isOnDevice: false, folder: testFolder() };
    const server = await CommandServer.start(plan, new AbortController().signal);
    running.push(server);
    await expect(server.act({ kind: 'kill-server', atMs: 0 })).rejects.toThrow(
      /^the server did not come back$/,
    );
    expect(await server.died).toMatch(
      /^the server did not come back: it ended before it took a connection \(exit 1\); its last line: try \d+$/,
    );
  });

  test('is not started where somebody listens already, who would get the load', async () => {
    const other = createServer();
    await once(other.listen(0, '127.0.0.1'), 'listening');
    const { port } = other.address() as { port: number };
    const message = await failureOf(fixtureCommand('listener.mjs', ['--port', String(port)]), port);
    expect(message).toContain(`something listens at tcp://127.0.0.1:${port} already`);
    other.close();
  });

  test('that does not end when asked to is killed, with its children', async () => {
    const { server, port, log } = await start(['--stubborn', '--children', '2'], { stopWithinMs: 300 });
    await expect.poll(() => server.processes.read()?.processes).toBe(3);
    const pids = processesOf(`--port ${port}`);
    expect(pids).toHaveLength(1);
    await server.close();
    expect(server.processes.read()).toBeNull();
    expect(pids.some(isAlive)).toBe(false);
    expect(log()).toContain('no\n');
    expect(log()).toContain('still there 300ms after SIGTERM: killed');
  });

  test('that dies by itself is told with how, and with its last line', async () => {
    const { server, port } = await start(['--die-when-told', '7']);
    connect({ host: '127.0.0.1', port })
      .on('error', () => undefined)
      .write('x');
    expect(await server.died).toBe('the server ended (exit 7); its last line: told to die');
  });

  test('is killed with all its children and started again by the action, and that is no death', async () => {
    const { server, port, log } = await start(['--children', '1', '--say', 'hello']);
    await expect.poll(() => server.processes.read()?.processes).toBe(2);
    const before = processesOf(`--port ${port}`);
    const cpuSeconds = server.processes.read()?.cpuSeconds ?? Number.NaN;
    expect(await server.act({ kind: 'kill-server', atMs: 0 })).toBe('kill server');
    expect(await isTaken(port)).toBe(true);
    expect(processesOf(`--port ${port}`)).not.toEqual(before);
    await expect.poll(() => server.processes.read()?.processes).toBe(2);
    expect(server.processes.read()?.cpuSeconds).toBeGreaterThanOrEqual(cpuSeconds);
    expect(log().match(/^hello$/gm)).toHaveLength(2);
    const first = await Promise.race([server.died, new Promise((resolve) => setImmediate(resolve, 'alive'))]);
    expect(first).toBe('alive');
  });

  test('has what it writes bounded, and does not stand still for it', async () => {
    const { log, server } = await start(['--chatter', '9000000']);
    await server.close();
    expect(log().length).toBeLessThan(4.1 * 2 ** 20);
    expect(/\n--- c2m: \d+ bytes are left out here ---\n/.test(log())).toBe(true);
  });
});

/** A process of its own that starts this server, says so, and waits. */
function labWith(command: ServerCommand, port: number) {
  return spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { CommandServer } from './dist/lab/command-server.js';
       const plan = JSON.parse(process.argv[1]);
       await CommandServer.start(plan, new AbortController().signal);
       process.stdout.write('started');
       setInterval(() => undefined, 1000);`,
      JSON.stringify({
        command,
        endpoints: [endpointAt(port)],
        isOnDevice: false,
        folder: testFolder(),
      }),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
}

test('a lab that is killed takes the server with it', async () => {
  const port = await freePort();
  const args = ['--port', String(port), '--stubborn', '--children', '1'];
  const lab = labWith(fixtureCommand('listener.mjs', args), port);
  await once(lab.stdout, 'data');
  const [pid = 0] = processesOf(`listener.mjs --port ${port}`).filter((each) => each !== lab.pid);
  expect(isAlive(pid)).toBe(true);
  lab.kill('SIGKILL');
  await expect.poll(() => isTaken(port)).toBe(false);
  await expect.poll(() => processesOf('listener.mjs --stubborn')).toEqual([]);
});

test('a lab that is killed takes along what has left the session of the server, too', async () => {
  const port = await freePort();
  const tag = `--say orphan-${port}`;
  const [node, file] = fixtureCommand('listener.mjs', []).run;
  const run = ['sh', '-c', `${astray(tag)} exec ${node} ${file} --port ${port}`];
  const lab = labWith({ ...fixtureCommand('listener.mjs', []), run }, port);
  await once(lab.stdout, 'data');
  await expect
    .poll(() => processesOf(`listener.mjs ${tag}`).filter((each) => each !== lab.pid))
    .toHaveLength(1);
  lab.kill('SIGKILL');
  await expect.poll(() => processesOf(tag)).toEqual([]);
  expect(await isTaken(port)).toBe(false);
});

test('a server has a folder of its own, which outlives a kill and goes with the run', async () => {
  const port = await freePort();
  const folder = testFolder();
  // It keeps one line for each of its starts, and tells where, and how many there are.
  const script = `const fs = require('fs');
    const file = process.env.C2M_DATA + '/starts';
    fs.appendFileSync(file, 'x');
    console.log('starts', fs.readFileSync(file, 'utf8').length, file);
    require('net').createServer((socket) => socket.on('error', () => undefined)).listen(${port}, '127.0.0.1')`;
  const command = {
    run: ['node', '-e', script],
    cwd: '.',
    env: {},
    readyWithinMs: 10_000,
    stopWithinMs: 5000,
  };
  const plan = { command, endpoints: [endpointAt(port)], isOnDevice: false, folder };
  const server = await CommandServer.start(plan, new AbortController().signal);
  running.push(server);
  await server.act({ kind: 'kill-server', atMs: 0 });
  const said = readFileSync(join(folder, 'server.log'), 'utf8');
  expect(said.match(/starts \d/g)).toEqual(['starts 1', 'starts 2']);
  const [, file = ''] = /starts 1 (.*)/.exec(said) ?? [];
  expect(existsSync(file)).toBe(true);
  await server.close();
  expect(existsSync(dirname(file))).toBe(false);
});
