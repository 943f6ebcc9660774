import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chalk from 'chalk';
import type { ServerConfigInput } from '../server/config.js';
import { spawnServer } from '../server/processes/spawn.js';
import { type FuzzOptions, fuzz } from './fuzzer.js';
import { budgetOf, memoryBudget, toMiB } from './memory-budget.js';
import { MemoryWatch } from './memory-watch.js';

/**
 * Sends a million inputs to each listener of one server and looks whether it is the same afterwards: no process died,
 * memory was within its bound all the while, nobody was cut off without a word. `npm run fuzz -- 20000` for fewer inputs.
 */
const inputs = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? 1);
/** What waits in the mailboxes of the 64 users who are written to, 200 items each, is kept on purpose. */
const KEPT_BYTES = 64 * 200 * 1024;
const BUDGET_BYTES = 16 * 2 ** 20;

const mediaFolder = mkdtempSync(join(tmpdir(), 'c2m-fuzz-'));
process.once('exit', () => rmSync(mediaFolder, { recursive: true, force: true }));
const config: ServerConfigInput = {
  listen: ['tcp://127.0.0.1:0', 'tls://127.0.0.1:0', 'ws://127.0.0.1:0'],
  workers: 2,
  store: 'memory',
  admin: { port: 0 },
  media: { port: 0, folder: mediaFolder },
  logLevel: 'warn',
  limits: { mailboxLength: 200, loginTimeoutMs: 2000, restartsPerMinute: 0, ...budgetOf(BUDGET_BYTES) },
};
const budget = memoryBudget(config);
const mostGrowthBytes = budget.bytes + KEPT_BYTES;
console.log(
  `bound: ${toMiB(mostGrowthBytes)} more than at the start (${budget.terms} + ${toMiB(KEPT_BYTES)} in mailboxes)`,
);
const server = await spawnServer(config);
// All processes of the server: the admin port and media have theirs.
const watch = new MemoryWatch(server.pid);
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
  const before = watch.restart();
  const result = await fuzz(
    { ...each, inputs: inputs - warm.inputs, seed, parallel: 32 },
    showProgress(each.listener),
  );
  const growth = watch.peakBytes - before;
  const silent = result.endedSilently + warm.endedSilently;
  const isFine = silent === 0 && growth <= mostGrowthBytes;
  hasFailed ||= !isFine;
  console.log(
    `${isFine ? chalk.green('✔') : chalk.red('✘')} ${(each.name ?? each.listener).padEnd(6)}` +
      `${(result.inputs + warm.inputs).toLocaleString('en-US')} inputs on ${(result.connections + warm.connections).toLocaleString('en-US')} connections in ${Math.round((performance.now() - startedMs) / 1000)} s: ` +
      `${(result.endedWithReason + warm.endedWithReason).toLocaleString('en-US')} ended with a reason, ${result.reset + warm.reset} were reset while still sending, ${silent} ended without a word, ` +
      `memory at most +${toMiB(growth)} of ${toMiB(mostGrowthBytes)}`,
  );
  for (const example of result.silentExamples) console.log(chalk.dim(`  ${example}`));
}
watch.stop();
await server.close();
process.exit(hasFailed ? 1 : 0);

function showProgress(listener: string): (done: number) => void {
  let next = 0;
  return (done) => {
    if (!process.stderr.isTTY || done < next) return;
    next = done + inputs / 50;
    process.stderr.write(`\r${listener} ${done.toLocaleString('en-US')} `);
  };
}
