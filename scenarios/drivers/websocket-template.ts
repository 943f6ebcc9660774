import { didYouMean } from '../../record/near-match.js';

/** A template is text with variables in it: `{"to":"{{to}}"}`. */
export type Piece = { text: string } | { variable: string };

const VARIABLE = /\{\{\s*([a-z][\w.]*)\s*\}\}/gi;

/** Variables of a message that is answered begin with this: `{{message.id}}`. */
export const MESSAGE_PREFIX = 'message.';

/** Variables of what the server has told the client begin with this: `{{session.token}}`. */
export const SESSION_PREFIX = 'session.';

/** Families of variables, by the word under which they are known: whatever stands behind the dot is looked at elsewhere. */
const FAMILIES = [
  { word: 'message', prefix: MESSAGE_PREFIX, shown: 'message.<path>' },
  { word: 'session', prefix: SESSION_PREFIX, shown: 'session.<name>' },
] as const;

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

/** What is wrong with a template that may have these variables; `message` and `session` stand for everything in them. */
export function templateProblem(template: string, variables: readonly string[]): string | undefined {
  for (const piece of parseTemplate(template)) {
    if ('text' in piece) {
      if (piece.text.includes('{{')) return 'has {{ without a variable behind it; write such as {{user}}';
      continue;
    }
    const { variable } = piece;
    const family = FAMILIES.find(({ word, prefix }) => variable === word || variable.startsWith(prefix));
    if (variables.includes(family?.word ?? variable) && variable !== family?.word) continue;
    const known = variables.map((each) => FAMILIES.find(({ word }) => word === each)?.shown ?? each);
    return `{{${piece.variable}}} is no variable here${didYouMean(piece.variable, variables) || `; known here: ${known.join(', ')}`}`;
  }
  return undefined;
}

/** Paths of the answered message that a template asks for. */
export function messagePaths(template: string): string[] {
  return behind(MESSAGE_PREFIX, template);
}

/** Names of the values of the session that a template asks for. */
export function sessionNames(template: string): string[] {
  return behind(SESSION_PREFIX, template);
}

function behind(prefix: string, template: string): string[] {
  return parseTemplate(template).flatMap((piece) =>
    'variable' in piece && piece.variable.startsWith(prefix) ? [piece.variable.slice(prefix.length)] : [],
  );
}

export function hasVariable(template: string, name: string): boolean {
  return parseTemplate(template).some((piece) => 'variable' in piece && piece.variable === name);
}
