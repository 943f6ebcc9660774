import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import type { RunRecord } from '../../record/run.js';
import { testFolder } from '../support/folder.js';
import { canSendPackets } from '../support/packets.js';
import { c2m, c2mHere, startC2m } from './c2m.js';

const RELAY = resolve('test/fixtures/commands/ws-relay.mjs');

/** A scenario whose server is the relay of the fixtures, listening there. */
async function scenarioOf(host: string, more = ''): Promise<{ file: string; out: string; port: number }> {
  const folder = testFolder();
  const port = await freePort();
  const file = join(folder, 'mine.yaml');
  await writeFile(
    file,
    `name: mine
target:
  command: node ${RELAY} --host ${host} --port ${port}
  addresses: [ws://${host}:${port}]
clients: { count: 300, connectRate: 500/s }
phases: [{ name: talk, duration: 1s, rate: 200/s }]
gates: [messages.lost == 0, connections.peak == 300]
${more}
`,
  );
  return { file, out: join(folder, 'record'), port };
}

const recordIn = async (out: string): Promise<RunRecord> =>
  JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord;

test('without --trust nothing is started, and the exit status is that of wrong input', async () => {
  const { file, out } = await scenarioOf('127.0.0.1');
  const { status, stderr } = await c2mHere('run', file, '--out', out, '--quiet');
  expect(status).toBe(2);
  expect(stderr).toMatch(/mine\.yaml:3 target\.command: starts "node .*ws-relay\.mjs.*give --trust/);
});

test('Ctrl-C ends the run and the server with it', async () => {
  const { file, out, port } = await scenarioOf('127.0.0.1');
  const run = startC2m('run', file, '--trust', '--out', out, '--set', 'phases.0.duration=60s');
  await run.said(/talk/);
  run.kill('SIGINT');
  expect((await run.ended).status).toBe(130);
  expect((await recordIn(out)).verdict).toBe('partial');
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow('fetch failed');
});

test('a second Ctrl-C does not wait, and leaves no server either', async () => {
  const { file, out, port } = await scenarioOf('127.0.0.1');
  const run = startC2m('run', file, '--trust', '--out', out, '--set', 'phases.0.duration=60s');
  await run.said(/talk/);
  run.kill('SIGINT');
  await run.said(/interrupted/);
  run.kill('SIGINT');
  expect((await run.ended).status).toBe(130);
  await expect.poll(() => fetch(`http://127.0.0.1:${port}`).catch(() => 'gone')).toBe('gone');
});

describe.skipIf(!canSendPackets)('over packets', () => {
  // On a machine that has other things to do the generator is late, and this is about where the server is.
  const PACKETS = 'generator: { transport: packets, lagLimit: 60s }';

  test('the server runs in the network of the run, where its clients are', async () => {
    const { file, out } = await scenarioOf('0.0.0.0', PACKETS);
    const { status, stderr } = await c2m('run', file, '--trust', '--out', out, '--quiet');
    expect([stderr, status]).toEqual(['', 0]);
    const record = await recordIn(out);
    expect(record.target.addresses[0]).toMatch(/^ws:\/\/198\.18\.0\.1:\d+$/);
    expect(record.connections).toMatchObject({ peak: 300, failed: 0 });
    expect(record.serverProcesses?.openFiles).toBeGreaterThan(300);
    expect(record.generator.tcp?.segmentsIn).toBeGreaterThan(300);
  });

  test('a server that listens on loopback alone is told where packets come', async () => {
    const { file, out } = await scenarioOf('127.0.0.1', PACKETS);
    const { status, stderr } = await c2m('run', file, '--trust', '--out', out, '--quiet');
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /listens on loopback alone at port \d+, and packets come to 198\.18\.0\.1; let it listen on 0\.0\.0\.0/,
    );
  });
});
