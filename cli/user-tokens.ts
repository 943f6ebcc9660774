import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { userToken } from '../protocol/user-token.js';
import { InputError } from '../record/input-error.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { readSecretFile, readSecretInput } from './input-files.js';

/** What the server asks of a secret. */
const SHORTEST_SECRET = 16;

export function tokenCommand(finish: Finish): Command {
  return new Command('token')
    .description(
      'Prints a line "USER TOKEN" for each user: what the user logs in with where the server has `tokenPerUser`. ' +
        'The secret is that of the server (`token`, or `c2m serve --token-file`). It comes from a file or from ' +
        'standard input, never from the command line, which every user of this machine can read.',
    )
    .argument('<users...>', 'user ids, or ranges of them such as 1-1000')
    .option('--secret-file <file>', 'file with the secret of the server (default: standard input)')
    .addHelpText(
      'after',
      `
Whoever has a token can log in as its user: keep what is printed as you keep the secret.

Examples:
  c2m token 7 --secret-file token.txt
  c2m token 1-1000 --secret-file token.txt > tokens.txt
  pass show c2m | c2m token 4915112345678
`,
    )
    .action(async (users: string[], options: { secretFile?: string }) => {
      const ranges = users.map(readRange);
      const secret = await readSecret(options.secretFile);
      await print(linesFor(ranges, secret));
      finish(ExitStatus.Passed);
    });
}

interface Range {
  first: number;
  last: number;
}

function* linesFor(ranges: Range[], secret: string): Generator<string> {
  for (const { first, last } of ranges) {
    for (let user = first; user <= last; user += 1) yield `${user} ${userToken(secret, user)}\n`;
  }
}

/** No faster than they are read; `c2m token 1-1000000 | head` closes our output early, and that is no fault. */
async function print(lines: Iterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(lines), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

async function readSecret(file: string | undefined): Promise<string> {
  if (file === undefined && process.stdin.isTTY) {
    throw new InputError('the secret is missing; give --secret-file FILE, or hand it over on standard input');
  }
  const secret = file === undefined ? await readSecretInput(process.stdin) : await readSecretFile(file);
  if (secret.length >= SHORTEST_SECRET) return secret;
  throw new InputError(
    `the secret is ${secret.length} characters long; a server takes one of ${SHORTEST_SECRET} or more`,
  );
}

/** A user, or a range of them. @throws InputError */
export function readRange(text: string): Range {
  const [, from = '', to = from] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from !== '' && Number.isSafeInteger(first) && Number.isSafeInteger(last) && first <= last) {
    return { first, last };
  }
  throw new InputError(
    `"${text}" is no user; write the number of one, such as 7, or a range, such as 1-1000`,
  );
}
