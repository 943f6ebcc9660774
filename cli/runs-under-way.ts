import { hostname } from 'node:os';
import type { Command } from 'commander';
import { findLocalRuns } from '../lab/live-runs.js';
import { findRunsOverNats } from '../loadgen/coordination/nats/control.js';
import type { RunRequest } from '../loadgen/coordination/run-control.js';
import { type LiveRun, LONGEST_WORDS } from '../loadgen/coordination/run-control.js';
import { RunError } from '../loadgen/run-error.js';
import { userName } from '../loadgen/user-name.js';
import { connectNats } from '../nats/connect.js';
import { InputError } from '../record/input-error.js';
import { printableData, printableLines } from '../record/printable.js';
import { ExitStatus } from './exit-status.js';
import { type NatsFlags, natsOptions, readNatsOptions } from './nats-options.js';

/** Which of the runs that go on. */
export interface RunFlags extends NatsFlags {
  run?: string;
}

/** Adds the options that say which run is meant; `askRun` takes them. */
export function runOptions(command: Command): Command {
  return natsOptions(command.option('--run <run>', 'id or name of the run, where several are under way'));
}

/**
 * Asks a run that goes on: one of this user on this machine, or with `--nats` one whose coordinator is on that NATS.
 * @throws RunError where there is none, InputError where it is not clear which
 */
export async function askRun(flags: RunFlags, request: RunRequest): Promise<ExitStatus> {
  const connection =
    flags.nats === undefined ? undefined : await connectNats(readNatsOptions(flags), 'c2m control');
  try {
    const { runs, silent } = await findLocalRuns();
    const known = new Set(runs.map(({ announcement }) => announcement.run));
    const overNats = connection ? await findRunsOverNats(connection) : [];
    // A run of this machine may be found on both ways.
    const all = [...runs, ...overNats.filter(({ announcement }) => !known.has(announcement.run))];
    const answer = await chooseRun(all, flags, silent).ask(request);
    if (answer.kind === 'done') {
      process.stdout.write(`${printableLines(answer.words)}\n`);
      return ExitStatus.Passed;
    }
    process.stderr.write(`${printableLines(answer.why)}\n`);
    return ExitStatus.Incomplete;
  } finally {
    await connection?.close();
  }
}

/** Who this is, for the record of the run. */
export function asker(): string {
  return `${userName()}@${hostname()}`.slice(0, LONGEST_WORDS);
}

function chooseRun(runs: readonly LiveRun[], { run, nats }: RunFlags, silent: readonly number[]): LiveRun {
  const meant = runs.filter(
    ({ announcement }) => run === undefined || run === announcement.run || run === announcement.name,
  );
  const [first, second] = meant;
  if (first && second) {
    throw new InputError(`several runs are under way; say with --run which is meant:\n${listed(meant)}`);
  }
  if (first) return first;
  const unheard = silent.map((pid) => `; process ${pid} has one, and does not answer`).join('');
  if (runs.length > 0) {
    throw new RunError('C2M_RUN', `no run "${run}" is under way${unheard}; those that are:\n${listed(runs)}`);
  }
  const elsewhere =
    nats === undefined ? '; --nats finds those that are coordinated elsewhere' : ', nor over NATS';
  throw new RunError('C2M_RUN', `no run of this user is under way on this machine${elsewhere}${unheard}`);
}

function listed(runs: readonly LiveRun[]): string {
  const rows = runs.map(({ announcement }) => {
    const { run, name, coordinator, startedAt, phase } = printableData(announcement);
    return [
      run,
      name,
      `on ${coordinator}`,
      `since ${startedAt}`,
      phase === null ? 'not begun' : `phase ${phase}`,
    ];
  });
  return rows.map((row) => `  ${row.join('  ')}`).join('\n');
}
