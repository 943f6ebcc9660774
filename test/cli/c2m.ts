import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { afterEach } from 'vitest';

/** How a command ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A command of the built command line that runs. */
export interface RunningCommand {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once stdout holds a text that matches; rejects when the command ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  ended: Promise<Ended>;
}

const children = new Set<ChildProcessByStdio<null, Readable, Readable>>();

/** Starts `c2m` as a user would: the built file, in a process of its own. It is killed after the test. */
export function startC2m(...argv: string[]): RunningCommand {
  const child = spawn(process.execPath, ['dist/cli/c2m.js', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (status) => {
      children.delete(child);
      resolve({ status, stdout, stderr });
    });
  });
  return {
    pid: child.pid as number,
    kill: (signal) => child.kill(signal),
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout);
          if (match) resolve(match);
        };
        child.stdout.on('data', look);
        look();
        ended.then(() => reject(new Error(`ended before it said ${pattern}: ${stdout}${stderr}`)));
      }),
  };
}

/** Runs `c2m` to its end. */
export function c2m(...argv: string[]): Promise<Ended> {
  return startC2m(...argv).ended;
}

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
});
