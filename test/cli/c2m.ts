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

afterEachTest('users', () => {
  for (const command of running) command.kill('SIGKILL');
});
