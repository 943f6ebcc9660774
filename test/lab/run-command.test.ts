import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import { runScenario } from '../../lab/run-scenario.js';
import { readTimeline } from '../../record/folder.js';
import { contradictions } from '../../record/sums.js';
import { loadScenario } from '../../scenarios/load.js';
import { testFolder } from '../support/folder.js';
import { runAgainstTarget } from '../support/lab-run.js';
import { rightLedger } from '../support/wrong-run.js';

const RELAY = resolve('test/fixtures/commands/ws-relay.mjs');

describe('a run against a server that the lab starts', () => {
  test('measures it from the outside, and what it says of itself', async () => {
    const [port, page] = [await freePort(), await freePort()];
    const { record, folder } = await runAgainstTarget(
      {
        // Its page is there a moment after its port.
        command: { run: ['node', RELAY, '--port', port, '--metrics', page, '--metrics-after', 500] },
        addresses: [`ws://127.0.0.1:${port}/chat?room=1`],
        metrics: {
          url: `http://127.0.0.1:${page}/metrics`,
          series: {
            messages: 'relay_items_total{kind="message"}',
            items: 'relay_items_total',
            open: 'relay_connections',
            wait: 'relay_wait_seconds',
          },
        },
      },
      `gates: ["messages.lost == 0", "serverMetrics.open.max == 100", "serverProcesses.processes == 1",
        "serverProcesses.openFiles > 100", "cpu.serverCores.mean > 0", "serverMetrics.messages.last < 1"]`,
    );

    expect(record.target).toMatchObject({ kind: 'command', died: null });
    expect(record.messages).toEqual(rightLedger(400));
    expect(record.gates.map(({ passed }) => passed)).toEqual([true, true, true, true, true, false]);
    const { delivered } = record.messages;
    expect(record.serverMetrics).toEqual([
      { name: 'messages', min: 0, mean: expect.any(Number), max: delivered, last: delivered },
      { name: 'items', min: 0, mean: expect.any(Number), max: 2 * delivered, last: 2 * delivered },
      { name: 'open', min: expect.any(Number), mean: expect.any(Number), max: 100, last: 100 },
      { name: 'wait', min: null, mean: null, max: null, last: null },
    ]);
    expect(record.notes).toEqual([expect.stringContaining('never had a number for wait')]);
    expect(record.phases[1]?.memory?.serverPeakBytes).toBeGreaterThan(10 * 2 ** 20);
    // So few messages may take too little CPU to tell what one costs.
    expect(record.cpu?.serverUsPerMessage ?? 100).toBeGreaterThan(10);
    expect(record.memory.perProcess?.server ?? 1).toBeGreaterThan(0);

    const lines = await readTimeline(folder);
    const told = lines.filter(({ server }) => server !== null);
    expect(told.length).toBeGreaterThan(lines.length / 2);
    for (const { server } of told) {
      expect(server).toMatchObject({ connections: null, processes: 1 });
      expect(server?.cpu).toBeLessThan(2);
    }
    expect(Math.max(...lines.map(({ serverMetrics }) => serverMetrics?.open ?? 0))).toBe(100);
    expect(await readFile(join(folder, 'server.log'), 'utf8')).toContain(`listening at 127.0.0.1:${port}`);
  });

  test('kills it with what it holds, and the ledger knows what was lost with a server that keeps nothing', async () => {
    const port = await freePort();
    const { record, folder } = await runAgainstTarget(
      { command: { run: ['node', RELAY, '--port', port] }, addresses: [`ws://127.0.0.1:${port}`] },
      'actions: [{ at: 1s, do: kill-server }]\ngenerator: { drain: 1500ms, lagLimit: 1m }',
      {},
      '[{ name: talk, duration: 3s, rate: 500/s }]',
    );
    expect(record.marks.map(({ label }) => label)).toEqual(['kill server']);
    expect(record.target.died).toBeNull();
    expect(record.connections.reconnects).toBe(100);
    expect(contradictions(record)).toEqual([]);
    expect(record.messages.delivered + record.messages.lost).toBe(record.messages.sent);
    const log = await readFile(join(folder, 'server.log'), 'utf8');
    expect(log.match(/listening at/g)).toHaveLength(2);
    expect(log).toContain('--- c2m: killed, to be started again ---');
  });

  test('fails where it dies before the end', async () => {
    const port = await freePort();
    const script = `require('net').createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => setTimeout(() => process.exit(5), 1500));
    }).listen(${port}, '127.0.0.1')`;
    const folder = testFolder();
    const file = join(folder, 'mine.yaml');
    await writeFile(
      file,
      `name: mine
target: ${JSON.stringify({ command: ['node', '-e', script], addresses: [`tcp://127.0.0.1:${port}`] })}
clients: { count: 4, connectTimeout: 500ms }
phases: [{ name: talk, duration: 20s }]
`,
    );
    const loaded = await loadScenario(file, [], { isTrusted: true });
    const { record } = await runScenario(loaded, { folder, skipsFirstContact: true });
    expect(record?.verdict).toBe('failed');
    expect(record?.target.died).toBe('the server ended (exit 5)');
    expect(record?.durationSeconds).toBeLessThan(10);
  });

  test('that does not come up is told of without the secrets that it was given', async () => {
    vi.stubEnv('C2M_TEST_TOKEN', 'of-the-environment');
    const script = 'console.error("no", process.argv[1]); process.exit(3)';
    const folder = testFolder();
    const file = join(folder, 'mine.yaml');
    await writeFile(
      file,
      `name: mine
target: ${JSON.stringify({ command: ['node', '-e', script, '${C2M_TEST_TOKEN}'], addresses: ['tcp://127.0.0.1:1'] })}
clients: { count: 4 }
phases: [{ name: talk, duration: 1s }]
`,
    );
    const loaded = await loadScenario(file, [], { isTrusted: true });
    vi.unstubAllEnvs();
    const { failure } = await runScenario(loaded, { folder: join(folder, 'record') });
    expect(failure?.message).toMatch(/process\.exit\(3\) … ended before .*\n.*no …/);
    expect(failure?.message).not.toContain('of-the-environment');
  });
});
