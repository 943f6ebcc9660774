import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chalk from 'chalk';
import type { ServerStats } from '../protocol/stats.js';
import { spawnServer } from '../server/processes/spawn.js';
import { type FuzzOptions, fuzz } from './fuzzer.js';

/**
 * Sends a million inputs to each listener of one server and looks whether it is the same afterwards: no process died,
 * memory is within its bound, nobody was cut off without a word. `npm run fuzz -- 20000` for fewer inputs.
 */
const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
/** What the server may hold more than after the first hundredth of the inputs. */
const MOST_GROWTH_BYTES = 128 * 2 ** 20;

const server = await spawnServer({
  listen: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'ws://127.0.0.1:0'],
  workers: 2,
  store: 'memory',
  admin: { port: 0 },
  media: { port: 0, folder: mkdtempSync(join(tmpdir(), 'c2m-fuzz-')) },
  logLevel: 'warn',
  limits: { mailboxLength: 200, loginTimeoutMs: 2000, restartsPerMinute: 0 },
});
const portOf = (protocol: string) =>
  server.addresses.find((address) => address.protocol === protocol)?.port as number;
const listeners: (Pick<FuzzOptions, 'listener' | 'port' | 'broken'> & { name?: string })[] = [
  { listener: 'tcp', port: portOf('tcp'), broken: 0.2 },
  { listener: 'tls', port: portOf('tls'), broken: 0.05 },
  { listener: 'ws', port: portOf('ws'), broken: 0.1 },
  { listener: 'http', name: 'admin', port: Number(new URL(server.adminUrl ?? '').port), broken: 0.2 },
  { listener: 'http', name: 'media', port: Number(new URL(server.mediaUrl ?? '').port), broken: 0.2 },
];
let hasFailed = false;
server.exited.then((reason) => {
  if (reason === undefined) return;
  console.error(chalk.red(`the server died: ${reason}`));
  process.exit(1);
});

for (const each of listeners) {
  const startedMs = performance.now();
  const warm = await fuzz({ ...each, inputs: Math.ceil(inputs / 100), seed: seed + 1000, parallel: 32 });
  const before = await memory();
  const result = await fuzz(
    { ...each, inputs: inputs - warm.inputs, seed, parallel: 32 },
    showProgress(each.listener),
  );
  const growth = (await memory()) - before;
  const silent = result.endedSilently + warm.endedSilently;
  const isFine = silent === 0 && growth < MOST_GROWTH_BYTES;
  hasFailed ||= !isFine;
  console.log(
    `${isFine ? chalk.green('✔') : chalk.red('✘')} ${(each.name ?? each.listener).padEnd(6)}` +
      `${(result.inputs + warm.inputs).toLocaleString('en-US')} inputs on ${(result.connections + warm.connections).toLocaleString('en-US')} connections in ${Math.round((performance.now() - startedMs) / 1000)} s: ` +
      `${(result.endedWithReason + warm.endedWithReason).toLocaleString('en-US')} ended with a reason, ${result.reset + warm.reset} were reset while still sending, ${silent} ended without a word, ` +
      `memory ${growth >= 0 ? '+' : ''}${(growth / 2 ** 20).toFixed(1)} MiB`,
  );
  for (const example of result.silentExamples) console.log(chalk.dim(`  ${example}`));
}
await server.close();
process.exit(hasFailed ? 1 : 0);

async function memory(): Promise<number> {
  // Connections that were left have time to be noticed.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const stats = (await (await fetch(`${server.adminUrl}/stats`)).json()) as ServerStats;
  return stats.workers.reduce((sum, worker) => sum + worker.privateBytes, 0);
}

function showProgress(listener: string): (done: number) => void {
  let next = 0;
  return (done) => {
    if (!process.stderr.isTTY || done < next) return;
    next = done + inputs / 50;
    process.stderr.write(`\r${listener} ${done.toLocaleString('en-US')} `);
  };
}
