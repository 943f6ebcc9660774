import { spawnSync } from 'node:child_process';

/** Where Debian has the programs that only root needs. */
export const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Runs `ip`. @returns what it prints. @throws with what it says */
export function ip(...argv: string[]): string {
  return run('ip', argv);
}

/** Runs a program to its end in a network namespace. @returns what it prints. @throws with what it says */
export function inNamespace(namespace: string, program: string, ...argv: string[]): string {
  return run('ip', ['netns', 'exec', namespace, program, ...argv]);
}

function run(program: string, argv: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { encoding: 'utf8', env: environment });
  if (status === 0) return stdout;
  throw new Error(`${[program, ...argv].join(' ')}: ${error?.message ?? stderr.trim()}`);
}
