import { type SpawnOptions, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, processTree } from '../process-tree.js';

/** A program that the bench has started, with the end of what it printed. */
export interface Child {
  pid: number;
  /** The last 16 KiB of both outputs. */
  output(): string;
  /** Resolves when it has ended. */
  ended: Promise<number | null>;
  /** Ends it and all that came from it, by their ids; harmless if it has ended. */
  end(): Promise<void>;
}

const OUTPUT_LENGTH = 16_384;
const GRACE_MS = 3000;

export function startChild(program: string, words: string[], options: SpawnOptions = {}): Child {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output = (output + chunk).slice(-OUTPUT_LENGTH);
    });
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', (error) => {
      output += error.message;
      resolve(null);
    });
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    output: () => output,
    ended,
    end: async () => {
      if (pid === 0 || child.exitCode !== null || child.signalCode !== null) return;
      // Looked up before the parent dies: its children would no longer be known as such.
      const tree = processTree(pid).map((each) => ({ pid: each, program: commandLine(each) }));
      for (const each of tree) signal(each.pid, 'SIGTERM');
      await Promise.race([ended, sleep(GRACE_MS)]);
      // By the same id another program may run by now.
      for (const each of tree) if (commandLine(each.pid) === each.program) signal(each.pid, 'SIGKILL');
      await ended;
    },
  };
}

/** Of a process that may have ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
