import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';

/** The line as far as the columns of a terminal reach, with `…` where something was cut off. Colours take no room. */
export function cutLine(line: string, columns: number): string {
  const cut = cliTruncate(line, columns);
  // A character of two columns that begins on the last one is left in, and is one column too much.
  return stringWidth(cut) <= columns ? cut : cliTruncate(line, columns - 1);
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
