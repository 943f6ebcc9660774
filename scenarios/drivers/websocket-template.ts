import { didYouMean } from '../../record/near-match.js';

/** A template is text with variables in it: `{"to":"{{to}}"}`. */
export type Piece = { text: string } | { variable: string };

const VARIABLE = /\{\{\s*([a-z][\w.]*)\s*\}\}/gi;

/** Variables of a message that is answered begin with this: `{{message.id}}`. */
export const MESSAGE_PREFIX = 'message.';

export function parseTemplate(template: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const found of template.matchAll(VARIABLE)) {
    if (found.index > from) pieces.push({ text: template.slice(from, found.index) });
    pieces.push({ variable: found[1] as string });
    from = found.index + found[0].length;
  }
  if (from < template.length) pieces.push({ text: template.slice(from) });
  return pieces;
}

/** What is wrong with a template that may have these variables; `message` stands for everything in one. */
export function templateProblem(template: string, variables: readonly string[]): string | undefined {
  for (const piece of parseTemplate(template)) {
    if ('text' in piece) {
      if (piece.text.includes('{{')) return 'has {{ without a variable behind it; write such as {{user}}';
      continue;
    }
    const name = piece.variable.startsWith(MESSAGE_PREFIX) ? 'message' : piece.variable;
    if (variables.includes(name) && piece.variable !== 'message') continue;
    const known = variables.map((each) => (each === 'message' ? 'message.<path>' : each));
    return `{{${piece.variable}}} is no variable here${didYouMean(piece.variable, variables) || `; known here: ${known.join(', ')}`}`;
  }
  return undefined;
}

/** Paths of the answered message that a template asks for. */
export function messagePaths(template: string): string[] {
  return parseTemplate(template).flatMap((piece) =>
    'variable' in piece && piece.variable.startsWith(MESSAGE_PREFIX)
      ? [piece.variable.slice(MESSAGE_PREFIX.length)]
      : [],
  );
}

export function hasVariable(template: string, name: string): boolean {
  return parseTemplate(template).some((piece) => 'variable' in piece && piece.variable === name);
}
