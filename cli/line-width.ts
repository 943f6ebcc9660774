import stringWidth from 'string-width';

const ESCAPE = '\u001b';
/** What chalk puts around a text; the parentheses make `split` keep it. */
const COLOUR = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`);
const CHARACTERS = new Intl.Segmenter();
const CUT_MARK = '…';

/**
 * The line as far as the columns of a terminal reach, with `…` where something was cut off.
 * Colours take no room, and each that begins ends as well.
 */
export function cutLine(line: string, columns: number): string {
  if (stringWidth(line) <= columns) return line;
  if (columns < 1) return '';
  let room = columns - stringWidth(CUT_MARK);
  const kept = line.split(COLOUR).map((part) => {
    if (COLOUR.test(part)) return part;
    let text = '';
    for (const { segment } of CHARACTERS.segment(part)) {
      room -= stringWidth(segment);
      if (room < 0) break;
      text += segment;
    }
    return text;
  });
  return `${kept.join('')}${CUT_MARK}`;
}

/**
 * Items one behind the other, on as many lines as they need.
 * No item is broken; one that is wider than a line has a line of its own.
 */
export function filledLines(items: string[], separator: string, columns: number): string[] {
  const lines: string[] = [];
  for (const item of items) {
    const last = lines.at(-1);
    const longer = `${last}${separator}${item}`;
    if (last === undefined || stringWidth(longer) > columns) lines.push(item);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
