/**
 * Text that others wrote (a scenario, a record, a server) on its way to a terminal or a report. A terminal obeys
 * control characters, and text that runs from right to left can show something else than it says: so each of them is
 * shown as `\u001b`, and not sent.
 */

/** Control (C0, C1, DEL) and format characters, separators of lines; the joiners that scripts need stay. */
const UNSEEN = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const UNSEEN_BUT_LINES = /(?!\u200c|\u200d|\n|\t)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What a CI runner takes for a command: `::error::…` where a line begins, `##[…]` anywhere. */
const CI_COMMAND = /^([^\S\r\n]*):(?=:)|(#)(?=#\[)/gm;

/** One line: ends of lines within it become spaces. */
export function printable(text: string): string {
  return withoutCommands(onOneLine(text)).replace(UNSEEN, escaped);
}

/** The same for text of several lines, which stay. */
export function printableLines(text: string): string {
  return withoutCommands(text.replace(/\r\n/g, '\n')).replace(UNSEEN_BUT_LINES, escaped);
}

/** A copy of plain data in which every text, keys included, is `printable`. */
export function printableData<Data>(data: Data): Data {
  if (typeof data === 'string') return printable(data) as Data;
  if (Array.isArray(data)) return data.map((each) => printableData(each)) as Data;
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [printable(key), printableData(value)]),
  ) as Data;
}

/** JSON of the same value for whoever parses it, with nothing in it that a terminal would obey. */
export function printableJson(value: unknown, indent?: number): string {
  const json = JSON.stringify(value, null, indent).replace(UNSEEN_BUT_LINES, jsonEscaped);
  return json.replaceAll('##[', '#\\u0023[');
}

function onOneLine(text: string): string {
  const lines = text.split(/[\r\n]+/);
  if (lines.length === 1) return text;
  return lines
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');
}

function withoutCommands(text: string): string {
  return text.replace(CI_COMMAND, (_, space?: string) =>
    space === undefined ? '\\u0023' : `${space}\\u003a`,
  );
}

function escaped(character: string): string {
  const code = character.codePointAt(0) as number;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** JSON knows no `\u{…}`: characters past U+FFFF are two escapes. */
function jsonEscaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => escaped(character.charAt(index))).join('');
}
