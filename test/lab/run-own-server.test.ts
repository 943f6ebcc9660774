import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../lab/cluster/free-ports.js';
import type { ServerStats } from '../../protocol/stats.js';
import { contradictions } from '../../record/sums.js';
import { startC2m } from '../cli/c2m.js';
import { testFolder } from '../support/folder.js';
import { runAgainstTarget } from '../support/lab-run.js';

const C2M = resolve('dist/cli/c2m.js');

test('the reference server, started by a command, loses nothing when it is killed, and all its processes are seen', async () => {
  const [port, admin] = [await freePort(), await freePort()];
  const data = join(testFolder(), 'data');
  const stats: { own: number; seen: number; workers: number; processes: number }[] = [];
  const asking: Promise<void>[] = [];
  const { record } = await runAgainstTarget(
    {
      command: {
        run: [
          ...['node', C2M, 'serve', '--listen', `tcp://127.0.0.1:${port}`, '--data', data],
          ...['--workers', '2', '--admin', `http://127.0.0.1:${admin}`],
        ],
        // Three processes start anew, on cores that others use as well.
        readyWithin: '40s',
      },
      addresses: [`tcp://127.0.0.1:${port}`],
    },
    'actions: [{ at: 2s, do: kill-server }]',
    {
      sample: ({ server }) => {
        if (!server) return;
        const { privateBytes, processes = 0 } = server;
        const ask = async (): Promise<void> => {
          const answer = await fetch(`http://127.0.0.1:${admin}/stats`).catch(() => undefined);
          if (!answer) return;
          const { workers } = (await answer.json()) as ServerStats;
          const own = workers.reduce((sum, worker) => sum + worker.privateBytes, 0);
          stats.push({ own, seen: privateBytes, workers: workers.length, processes });
        };
        asking.push(ask());
      },
    },
    '[{ name: talk, duration: 5s, rate: 300/s }]',
  );
  await Promise.all(asking);
  expect(record.marks.map(({ label }) => label)).toEqual(['kill server']);
  expect(record.connections.reconnects).toBeGreaterThanOrEqual(100);
  expect(record.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0, unsent: 0 });
  expect(contradictions(record)).toEqual([]);
  // What the workers say of themselves, and the process that watches over them.
  const whole = stats.filter(({ workers }) => workers === 2);
  expect(whole.length).toBeGreaterThan(2);
  const { own, seen, processes } = whole.at(-1) as (typeof whole)[number];
  expect(processes).toBeGreaterThanOrEqual(3);
  expect(seen).toBeGreaterThan(own * 0.8);
  expect(seen).toBeLessThan(own + 150 * 2 ** 20);
}, 120_000);

test('a process that runs already is measured in the same way, and left alone', async () => {
  const server = startC2m('serve', '--store', 'memory', '--listen', 'tcp://127.0.0.1:0', '--admin', 'off');
  const [, address = ''] = await server.said(/listening +(tcp:\S+)/);
  const { record } = await runAgainstTarget(
    { addresses: [address], pid: server.pid },
    'gates: ["serverProcesses.threads > 4"]',
  );
  expect(record.verdict).toBe('passed');
  expect(record.target.kind).toBe('external');
  expect(record.cpu?.serverCores.mean).toBeGreaterThan(0);
  expect(record.phases[1]?.memory?.serverPeakBytes).toBeGreaterThan(10 * 2 ** 20);
  expect(process.kill(server.pid, 0)).toBe(true);
});
