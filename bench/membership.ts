import { Command } from 'commander';
import { DISTURBANCES, type Disturbance } from './cluster-simulation/disturbances.js';
import type { Mutation } from './cluster-simulation/mutations.js';
import { simulate } from './cluster-simulation/simulated-cluster.js';

/**
 * The membership of a cluster through thousands of histories on a virtual clock: kills, processes that are stopped and go on,
 * links that are cut, a table that stands still. `npm run bench:membership -- --seeds 2000`; one that breaks is repeated with
 * `--seed <n>` and the same options.
 */
interface Options {
  seeds: number;
  seed?: number;
  first: number;
  processes: number;
  homes: number;
  leaseMs: number;
  leases: number;
  disturbances: number;
  kinds?: string;
  mutation?: Mutation;
}

const options = new Command('bench:membership')
  .option('--seeds <n>', 'how many histories', Number, 100)
  .option('--first <n>', 'seed of the first', Number, 1)
  .option('--seed <n>', 'only this one', Number)
  .option('--processes <n>', 'of the cluster', Number, 300)
  .option('--homes <n>', 'of the cluster', Number, 4096)
  .option('--lease-ms <n>', 'of a peer', Number, 4000)
  .option('--leases <n>', 'how long it is disturbed', Number, 8)
  .option('--disturbances <n>', 'how many', Number, 12)
  .option('--kinds <list>', `of them: ${DISTURBANCES.join(',')}`)
  .option('--mutation <name>', 'a fault put in on purpose: no-fence, no-compare, no-stall-rule, no-marks')
  .parse()
  .opts<Options>();

const seeds =
  options.seed !== undefined
    ? [options.seed]
    : Array.from({ length: options.seeds }, (_, at) => options.first + at);
const began = performance.now();
const worst = { openLeases: 0, openSeed: 0, quietLeases: 0, quietSeed: 0, takeoverMs: 0 };
const sums = { writes: 0, deaths: 0, appended: 0, refused: 0, takeovers: 0 };
const broken: number[] = [];
for (const [at, seed] of seeds.entries()) {
  const { processes, homes, leaseMs, leases, disturbances, kinds, mutation } = options;
  const result = await simulate({
    seed,
    processes,
    homes,
    leaseMs,
    disturbedLeases: leases,
    disturbances,
    ...(kinds ? { kinds: kinds.split(',') as Disturbance[] } : {}),
    ...(mutation ? { mutation } : {}),
  });
  if (result.violations.length > 0) {
    broken.push(seed);
    console.log(`seed ${seed} breaks:`);
    for (const words of result.violations) console.log(`  ${words}`);
  }
  if (result.openLeases > worst.openLeases)
    Object.assign(worst, { openLeases: result.openLeases, openSeed: seed });
  if (result.quietLeases > worst.quietLeases)
    Object.assign(worst, { quietLeases: result.quietLeases, quietSeed: seed });
  worst.takeoverMs = Math.max(worst.takeoverMs, result.longestTakeoverMs);
  for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += result[key];
  const done = at + 1;
  if (seeds.length === 1) console.log(JSON.stringify(result, undefined, 2));
  else if (done % Math.ceil(seeds.length / 20) === 0) console.log(progress(done));
}
console.log(progress(seeds.length));
console.log(
  `  every home open again at most ${worst.openLeases.toFixed(2)} leases after the last disturbance (seed ${worst.openSeed}),\n` +
    `  nothing moving any more at most ${worst.quietLeases.toFixed(2)} (seed ${worst.quietSeed}),\n` +
    `  the longest takeover of all ${(worst.takeoverMs / options.leaseMs).toFixed(2)} leases from the last sign of life to open\n` +
    `  ${sums.writes} writes to the table, ${sums.deaths} deaths, ${sums.takeovers} homes taken over,\n` +
    `  ${sums.appended} appends kept, ${sums.refused} refused`,
);
if (broken.length > 0) {
  console.log(`${broken.length} seeds break: ${broken.slice(0, 50).join(' ')}`);
  process.exitCode = 1;
}

function progress(done: number): string {
  const seconds = (performance.now() - began) / 1000;
  return `${done} of ${seeds.length} histories in ${seconds.toFixed(0)} s, ${broken.length} broken`;
}
