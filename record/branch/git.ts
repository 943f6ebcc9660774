import { execFile } from 'node:child_process';
import { InputError } from '../input-error.js';
import { printable } from '../printable.js';

/** What git said where it could not do what it was asked for. */
export class GitError extends Error {
  readonly code = 'C2M_INPUT';
}

export interface GitOptions {
  /** The repository; undefined: that of the folder that we are in. */
  cwd?: string | undefined;
  input?: string | Buffer;
  /** Beside those of this process. */
  environment?: Record<string, string>;
  /** More than so many bytes of answer are refused. */
  mostBytes?: number;
}

const MOST_BYTES = 1024 * 1024;
/** Of a repository on a disk nothing takes so long. */
const TIMEOUT_MS = 60_000;

/**
 * Runs git and gives what it prints.
 * @throws InputError where there is no git; GitError with its first words where it fails
 */
export function git(
  words: readonly string[],
  { cwd, input, environment = {}, mostBytes = MOST_BYTES }: GitOptions = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      words,
      {
        cwd,
        encoding: 'buffer',
        maxBuffer: mostBytes,
        timeout: TIMEOUT_MS,
        // Git asks nobody, and says the same in every country.
        env: { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', ...environment },
      },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        const { code } = error as { code?: unknown };
        if (code === 'ENOENT')
          return reject(new InputError('there is no git here, which reads branches; install it'));
        if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
          return reject(new InputError(`git ${words[0]} says more than ${mostBytes} bytes`));
        const [first = ''] = stderr.toString().trim().split('\n');
        reject(new GitError(`git ${words[0]}: ${printable(first || error.message)}`));
      },
    );
    // Git may end before it has read all of it, and says itself why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** The same, as text without the end of its line. */
export async function gitText(words: readonly string[], options: GitOptions = {}): Promise<string> {
  return (await git(words, options)).toString('utf8').trimEnd();
}
