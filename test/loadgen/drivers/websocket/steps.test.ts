import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../../lab/cluster/free-ports.js';
import { blocksUnder } from '../../../support/markdown-blocks.js';

const HEADING = 'From a JSON chat server to a working scenario';
/** What the page and the example have for a port. */
const PORT = /\b8080\b/g;

const run = promisify(execFile);
const children: ChildProcess[] = [];
let folder: string;
let port: number;

/** A folder with the examples in it, where `c2m` is a command. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-steps-'));
  await symlink(resolve('examples'), join(folder, 'examples'));
  await mkdir(join(folder, 'bin'));
  const command = join(folder, 'bin', 'c2m');
  await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${resolve('dist/cli/c2m.js')}" "$@"\n`);
  await chmod(command, 0o755);
  port = await freePort();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill();
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true });
});

/** A line of a shell, and what it said; what ends with & is a server that says when it listens. */
async function execute(line: string): Promise<string> {
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, NO_COLOR: '1' };
  if (!line.endsWith('&')) {
    // What this machine has to do besides must not make a run invalid.
    const patient = line.startsWith('c2m run') ? `${line} --set generator.lagLimit=30s` : line;
    const { stdout } = await run('bash', ['-c', patient], { cwd: folder, env }).catch(
      (error: Error & { stdout: string }) => {
        throw new Error(`${error.message}\n${error.stdout}`);
      },
    );
    return stdout;
  }
  const child = spawn('bash', ['-c', `exec ${line.slice(0, -1)}`], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  for await (const text of child.stdout) if (String(text).includes('listening')) return '';
  throw new Error(`ended before it listened: ${line}`);
}

async function recordOf(name: string) {
  return JSON.parse(await readFile(join(folder, name, 'run.json'), 'utf8'));
}

test('the steps of docs/drivers.md lead from a JSON chat server to a run that passes', async () => {
  const blocks = blocksUnder(await readFile('docs/drivers.md', 'utf8'), HEADING);
  expect(blocks.map(({ language }) => language)).toEqual(['sh', 'yaml', 'sh', 'yaml', 'sh']);
  for (const { language, file, text } of blocks) {
    const here = text.replace(PORT, String(port));
    if (language === 'yaml') await writeFile(join(folder, file), here);
    else for (const line of here.trim().split('\n')) await execute(line);
  }
  const first = await recordOf('first');
  expect(first).toMatchObject({ verdict: 'passed', messages: { accepted: null, receipted: null, lost: 0 } });
  const second = await recordOf('second');
  const { sent } = second.messages;
  expect(second).toMatchObject({
    verdict: 'passed',
    connections: { peak: 100, failed: 0 },
    messages: { delivered: sent, accepted: sent, receipted: sent, lost: 0, duplicated: 0 },
  });
});

test('the scenario beside the chat server passes against it', async () => {
  await execute(`node examples/json-chat/server.js ${port} &`);
  const scenario = await readFile('examples/json-chat/scenario.yaml', 'utf8');
  await writeFile(join(folder, 'scenario.yaml'), scenario.replace(PORT, String(port)));
  const shorter = ['talk', 'cut'].map((phase) => `--set phases.${phase}.duration=1500ms`).join(' ');
  await execute(`c2m run scenario.yaml ${shorter} --out run`);
  const record = await recordOf('run');
  expect(record).toMatchObject({ verdict: 'passed', messages: { duplicated: 0 } });
  // 600 fell due; a message to a room counts for each of the nine others.
  expect(record.messages.sent).toBeGreaterThan(1000);
});

test('what c2m init writes for it runs as it is, by the command that it names', async () => {
  await execute(`node examples/json-chat/server.js ${port} &`);
  const said = await execute(
    `c2m init --protocol websocket --address ws://127.0.0.1:${port} --clients 20 --rate 100/s --duration 1500ms`,
  );
  const [, command = ''] = /^ {2}(?:npx )?(c2m run .*)$/m.exec(said) ?? [];
  await execute(`${command} --out run`);
  expect(await recordOf('run')).toMatchObject({
    verdict: 'passed',
    connections: { peak: 20 },
    messages: { lost: 0, refused: 0 },
  });
});
