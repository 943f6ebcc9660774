import { spawn } from 'node:child_process';

/** How a command ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A command that runs. */
export interface RunningCommand {
  pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once stdout holds a text that matches; rejects when the command ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** What it has said until now, stdout and then stderr. */
  words(): string;
  ended: Promise<Ended>;
}

export interface CommandOptions {
  environment?: NodeJS.ProcessEnv;
  /** Where it runs; default: here. */
  cwd?: string;
  /** In a session of its own: no Ctrl-C of ours reaches it, and the kernel gives it CPU time as it gives it to us. */
  detached?: boolean;
}

/** Starts a program in a process of its own, with nothing to read and in plain text. */
export function startCommand(
  program: string,
  argv: readonly string[],
  { environment = process.env, cwd = process.cwd(), detached = false }: CommandOptions = {},
): RunningCommand {
  const child = spawn(program, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd,
    detached,
    env: { ...environment, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
  return {
    pid: child.pid as number,
    kill: (signal) => child.kill(signal),
    ended,
    words: () => `${stdout}${stderr}`,
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
