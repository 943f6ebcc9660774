import { createInterface } from 'node:readline';
import chalk from 'chalk';
import { InputError } from '../record/input-error.js';

/**
 * Asks until there is an answer that holds.
 * @param usual what an empty line means
 * @param check returns the answer as it is taken; throws InputError with what is wrong with it
 * @throws Unanswered
 */
export type Ask = (question: string, usual: string, check: (text: string) => string) => Promise<string>;

/** Whoever was asked went away: the input ended, or Ctrl-C. */
export class Unanswered extends Error {
  readonly code = 'C2M_UNANSWERED';
}

export function askAtTerminal(): { ask: Ask; end(): void } {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ended = new Promise<never>((_, reject) => {
    lines.once('close', () => reject(new Unanswered('nobody answered')));
  });
  // It counts while somebody waits for an answer.
  ended.catch(() => undefined);
  lines.on('SIGINT', () => lines.close());
  const line = (prompt: string): Promise<string> =>
    new Promise((resolve) => {
      lines.question(prompt, resolve);
    });
  return {
    ask: async (question, usual, check) => {
      for (;;) {
        const answer = await Promise.race([line(`${question} ${chalk.dim(`[${usual}]`)} `), ended]);
        try {
          return check(answer.trim() || usual);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          process.stdout.write(`${chalk.yellow('!')} ${error.message}\n`);
        }
      }
    },
    end: () => lines.close(),
  };
}
