import type { RunRecord } from '../record/run.js';

/** Where a gate stands. */
export interface GatePlace {
  /** As the record names it. */
  file: string;
  /** Undefined: it is in no line, as one of `--set`. */
  line: number | undefined;
}

/** In the scenario itself, else in one that it extends: of several, in the last, which goes over those before. */
export function gatePlace(
  { file, source, bases = [] }: RunRecord['scenario'],
  expression: string,
): GatePlace {
  for (const each of [{ file, source }, ...bases.toReversed()]) {
    const line = gateLine(each.source, expression);
    if (line !== undefined) return { file: each.file, line };
  }
  return { file, line: undefined };
}

/**
 * The line of a scenario's text that holds a gate, counted from 1; undefined where it is in none, as one of `--set`. The text
 * is looked through as it stands and not parsed: a record may be anybody's.
 */
export function gateLine(source: string, expression: string): number | undefined {
  const wanted = closed(expression);
  const found = linesOfGates(source).find(({ text }) => holds(closed(text), wanted));
  return found?.number;
}

interface Line {
  number: number;
  text: string;
}

/** From the key `gates` to the next key of its level; of JSON, all of it. */
function linesOfGates(source: string): Line[] {
  const lines = source.split(/\r\n|\r|\n/).map((text, index) => ({ number: index + 1, text }));
  const first = lines.findIndex(({ text }) => /^\s*["']?gates["']?\s*:/.test(text));
  if (first < 0) return [];
  const indent = indentOf(lines[first]?.text ?? '');
  const behind = lines
    .slice(first + 1)
    .findIndex(({ text }) => /^\s*["']?[A-Za-z]\w*["']?\s*:(\s|$)/.test(text) && indentOf(text) <= indent);
  return lines.slice(first, behind < 0 ? undefined : first + 1 + behind);
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}

/** Without the spaces that people write as they like. */
function closed(text: string): string {
  return text.replace(/\s+/g, '');
}

/** Not as the beginning or the end of another one. */
function holds(line: string, wanted: string): boolean {
  for (let at = line.indexOf(wanted); at >= 0; at = line.indexOf(wanted, at + 1)) {
    const [before, behind] = [line[at - 1], line[at + wanted.length]];
    if (!/[\w.]/.test(before ?? '') && !/[\w.%*]/.test(behind ?? '')) return true;
  }
  return false;
}
