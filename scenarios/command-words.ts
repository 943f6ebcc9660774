/** A line that cannot be taken for a program and its arguments; the message says why. */
export class CommandLineError extends Error {
  readonly code = 'C2M_COMMAND_LINE';
}

/** What means something to a shell, of which there is none. */
const FOR_A_SHELL = /[|&;<>()$`]/;
const FOR_A_SHELL_IN_QUOTES = /[$`]/;
/** What a backslash takes its meaning from between double quotes; before others it stands for itself. */
const ESCAPED_IN_QUOTES = /["\\$`]/;

/**
 * Splits a line into words as a shell would, for plain words, quotes and backslashes. What only a shell could do is
 * refused, so that nobody wonders about a file named `>`.
 * @throws CommandLineError
 */
export function splitCommandLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      word ??= '';
    } else if (character === quote) {
      quote = '';
    } else if (character === '\\' && quote !== "'") {
      const next = line.charAt(at + 1);
      if (next === '') throw new CommandLineError('ends with a backslash');
      const isEscape = quote === '' || ESCAPED_IN_QUOTES.test(next);
      word = (word ?? '') + (isEscape ? next : `\\${next}`);
      at += 1;
    } else {
      refuseShell(character, quote);
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') throw new CommandLineError(`has no end of what begins with ${quote}`);
  if (word !== undefined) words.push(word);
  return words;
}

function refuseShell(character: string, quote: string): void {
  const special = quote === '' ? FOR_A_SHELL : FOR_A_SHELL_IN_QUOTES;
  if (quote === "'" || !special.test(character)) return;
  throw new CommandLineError(
    `has ${character}, which is for a shell, and none is used; quote it with ', or write [sh, -c, '…']`,
  );
}
