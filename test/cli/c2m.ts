import { createRequire } from 'node:module';
import chalk from 'chalk';
import { vi } from 'vitest';
import { afterEachTest } from '../support/clean-up.js';
import { type Ended, type RunningCommand, startCommand } from '../support/running-command.js';

export type { Ended, RunningCommand };

const running = new Set<RunningCommand>();

/** Starts `c2m` as a user would: the built file, in a process of its own. It is killed after the test. */
export function startC2m(...argv: string[]): RunningCommand {
  const command = startCommand(process.execPath, ['dist/cli/c2m.js', ...argv]);
  running.add(command);
  command.ended.then(() => running.delete(command));
  return command;
}

/** Runs `c2m` to its end. */
export function c2m(...argv: string[]): Promise<Ended> {
  return startC2m(...argv).ended;
}

let before: Promise<unknown> = Promise.resolve();

/**
 * The same within the process of the test, which saves what a process takes to load: for what the command says and ends with.
 * Nothing belongs here that ends or changes its process: a signal, a network of its own, code of a driver that throws at large.
 */
export function c2mHere(...argv: string[]): Promise<Ended> {
  // One after another, or nobody knew which of them has said what.
  const ended = before.then(() => runHere(argv));
  before = ended.catch(() => undefined);
  return ended;
}

async function runHere(argv: string[]): Promise<Ended> {
  // As Node loads it: what it says of code that it cannot load is what Node says.
  const { main } = createRequire(import.meta.url)(
    '#dist/cli/program.js',
  ) as typeof import('../../cli/program.js');
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk, ...rest) => {
      said[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      const written = rest.find((each) => typeof each === 'function');
      if (written) process.nextTick(written);
      return true;
    }),
  );
  const { level } = chalk;
  const { FORCE_COLOR } = process.env;
  chalk.level = 0;
  delete process.env.FORCE_COLOR;
  try {
    const status = await main([process.execPath, 'c2m', ...argv]);
    return { status, ...said };
  } finally {
    chalk.level = level;
    if (FORCE_COLOR !== undefined) process.env.FORCE_COLOR = FORCE_COLOR;
    for (const spy of spies) spy.mockRestore();
  }
}

afterEachTest('users', () => {
  for (const command of running) command.kill('SIGKILL');
});
