import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chalk from 'chalk';
import { Command, InvalidArgumentError } from 'commander';
import { Random } from '../loadgen/random.js';
import { mountSmallDisk, playDiskRound } from './crash-disk.js';
import { Population, type PopulationOptions } from './crash-population.js';
import { descendantsOf, killAll } from './crash-processes.js';
import { Report } from './crash-report.js';
import { KILLS, type Kill, playRound } from './crash-rounds.js';
import { CrashServer, SHAPES, type Shape } from './crash-server.js';
import { stressYoungServers } from './crash-young.js';

/**
 * Kills the server with SIGKILL, and fills its disk, under traffic with groups: nothing that was accepted may be lost,
 * nothing may come twice unmarked, and no store may be refused. `npm run bench:crash -- --rounds 40 --disk 10 --seed 1`;
 * the seed gives the same choices again, though not the same moments.
 */
const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('give a whole number');
  return value;
};
const command = new Command('bench:crash')
  .option('--rounds <n>', 'rounds of kill -9', count, 40)
  .option('--disk <n>', 'rounds of a full disk', count, 10)
  .option('--young <n>', 'servers that are killed within their first 300 ms', count, 100)
  .option('--seed <n>', 'of the choices', count, 1)
  .option('--rate <n>', 'messages a second', count, 1500)
  .parse();
const options = command.opts<{ rounds: number; disk: number; young: number; seed: number; rate: number }>();

/** Everybody is logged in, sleepers too, after so many rounds. */
const WAKE_EVERY = 10;
const POPULATION: Omit<PopulationOptions, 'messagesPerSecond' | 'seed'> = {
  users: 60,
  sleepers: 8,
  groups: 6,
  groupMembers: 10,
  payloadBytes: 120,
};
const TELL_EVERY = 10;
const SMALL_DISK_PAYLOAD_BYTES = 1500;

if (process.platform !== 'linux') {
  console.error('bench:crash finds the processes of the server in /proc: it runs on Linux');
  process.exit(2);
}
const cleanUp: (() => void)[] = [];
process.on('exit', () => {
  // What still runs would write into what is removed here.
  killAll(descendantsOf(process.pid));
  for (const clean of cleanUp) clean();
});

const temporaryFolder = mkdtempSync(join(tmpdir(), 'c2m-crash-'));
cleanUp.push(() => rmSync(temporaryFolder, { recursive: true, force: true }));
console.log(chalk.bold(`seed ${options.seed}, ${options.rate} messages a second`));
const report = new Report();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    report.finish(false);
    process.exit(130);
  });
}
await report.guard('rounds of kill -9', () => killRounds());
await report.guard('rounds of a full disk', () => diskRounds());
await report.guard('young servers', () => youngServers());
process.exit(report.finish(true) ? 0 : 1);

async function killRounds(): Promise<void> {
  if (options.rounds === 0) return;
  const random = new Random(options.seed);
  const store = { folder: join(temporaryFolder, 'store'), temporaryFolder };
  const population = new Population({ ...POPULATION, messagesPerSecond: options.rate, seed: options.seed });
  report.watches(population);
  let server = await CrashServer.start(SHAPES[random.below(SHAPES.length)] as Shape, store);
  population.moveTo(server.port);
  for (let round = 1; round <= options.rounds; round += 1) {
    // Every kind in turn, so that few rounds have all of them.
    const kill = KILLS[(round - 1) % KILLS.length] as Kill;
    population.makeGroup(POPULATION.groups + round);
    const played = await playRound(kill, server, store, population, random);
    server = played.server;
    const areAllAwake = round % WAKE_EVERY === 0 || round === options.rounds;
    report.line(round, played.what, server.startMs, await population.drain(areAllAwake));
    if (areAllAwake) population.sleepAgain();
  }
  await server.close();
  population.close();
}

async function diskRounds(): Promise<void> {
  if (options.disk === 0) return;
  if (process.geteuid?.() !== 0) {
    report.skip('a full disk: it needs root, for a small tmpfs; left out');
    return;
  }
  const random = new Random(options.seed + 1);
  for (let round = 1; round <= options.disk; round += 1) {
    const disk = mountSmallDisk();
    cleanUp.push(disk.remove);
    const population = new Population({
      ...POPULATION,
      messagesPerSecond: options.rate,
      payloadBytes: SMALL_DISK_PAYLOAD_BYTES,
      seed: options.seed + round,
    });
    report.watches(population);
    try {
      const { what, server, refusedWhileFull } = await playDiskRound(
        round,
        disk,
        population,
        random,
        temporaryFolder,
      );
      const open = await population.drain(true);
      report.line(round, `${what}; ${refusedWhileFull} refused for want of room`, server.startMs, open);
      await server.close();
    } catch (error) {
      report.fails(`full disk, round ${round}`, error as Error);
    } finally {
      population.close();
      await CrashServer.killEverything();
      disk.remove();
    }
  }
}

async function youngServers(): Promise<void> {
  if (options.young === 0) return;
  const { refused, startMs } = await stressYoungServers(
    options.young,
    new Random(options.seed + 2),
    temporaryFolder,
    (done, refused) => {
      if (done % TELL_EVERY === 0)
        console.log(chalk.dim(`       ${done} young servers killed, ${refused} stores refused`));
    },
  );
  report.young(options.young, refused, startMs);
}
