import { resolve } from 'node:path';
import type { Endpoint } from '../../loadgen/agent-messages.js';
import type { ServerCommand } from '../../scenarios/scenario.js';

export function endpointAt(port: number): Endpoint {
  return { protocol: 'tcp', host: '127.0.0.1', port };
}

/** A file of test/fixtures/commands, run by this Node. */
export function fixtureCommand(
  file: string,
  args: string[],
  change: Partial<ServerCommand> = {},
): ServerCommand {
  return {
    run: [process.execPath, resolve('test/fixtures/commands', file), ...args],
    cwd: process.cwd(),
    env: {},
    readyWithinMs: 10_000,
    stopWithinMs: 5000,
    ...change,
  };
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
