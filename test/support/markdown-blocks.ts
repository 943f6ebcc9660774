/** A fenced block: ```language file. */
export interface MarkdownBlock {
  language: string;
  /** What stands behind the language; empty: nothing. */
  file: string;
  text: string;
}

/** The fenced blocks under a heading, up to the next heading of its level or above. */
export function blocksUnder(markdown: string, heading: string): MarkdownBlock[] {
  const blocks: MarkdownBlock[] = [];
  let level = 0;
  let open: MarkdownBlock | undefined;
  for (const line of markdown.split('\n')) {
    const [, language, file = ''] = /^```(\w*) ?(.*)$/.exec(line) ?? [];
    if (language !== undefined) {
      if (open) {
        if (level > 0) blocks.push(open);
        open = undefined;
      } else {
        open = { language, file, text: '' };
      }
    } else if (open) {
      open.text += `${line}\n`;
    } else {
      const [, marks, title] = /^(#+) (.*)$/.exec(line) ?? [];
      if (marks === undefined) continue;
      if (title === heading) level = marks.length;
      else if (marks.length <= level) level = 0;
    }
  }
  return blocks;
}
