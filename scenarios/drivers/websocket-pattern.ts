/** A dot means any character: messages may have more than one line. */
export const PATTERN_FLAGS = 's';

const GROUP_PREFIX = /\?(?:[:=!]|<[=!]|<\w+>)/y;
const COUNTED = /\{\d+(?:,\d*)?\}/y;

/**
 * Why a regular expression is not taken. One that repeats what repeats itself can take longer than the world lasts for a
 * message of a few dozen bytes; those that are left take time like a power of the length of the message, and are watched
 * where that could be long (loadgen/drivers/websocket/watched-pattern.ts).
 */
export function patternProblem(source: string): string | undefined {
  try {
    new RegExp(source, PATTERN_FLAGS);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `is no regular expression: ${error.message.replace(/^Invalid regular expression: /, '')}`;
  }
  return slowProblem(source);
}

/** Names of the groups, `(?<name>…)`. */
export function groupsOf(source: string): string[] {
  return [...source.matchAll(/\(\?<([a-z_]\w*)>/gi)].map((found) => found[1] as string);
}

function slowProblem(source: string): string | undefined {
  /** Of each group that is open, whether what it matches can be matched in more than one way. */
  const open = [false];
  for (let at = 0; at < source.length; at += 1) {
    const inner = open.length - 1;
    switch (source[at]) {
      case '\\':
        at += 1;
        if (/[1-9k]/.test(source[at] ?? '')) return 'must not refer back to a group: that can take for ever';
        break;
      case '[':
        at = endOfClass(source, at);
        break;
      case '(':
        at += matchAt(GROUP_PREFIX, source, at + 1);
        open.push(false);
        break;
      case ')': {
        const isManifold = open.pop();
        if (isManifold && repeats(source, at + 1))
          return 'repeats a group that has choices or repetitions of its own, which can take for ever; write it without, such as [ab]+ for (a|b)+';
        if (isManifold) open[open.length - 1] = true;
        break;
      }
      case '|':
      case '*':
      case '+':
      case '?':
        open[inner] = true;
        break;
      case '{':
        if (matchAt(COUNTED, source, at) > 0) open[inner] = true;
        break;
    }
  }
  return undefined;
}

function endOfClass(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
  return at;
}

function repeats(source: string, at: number): boolean {
  return source[at] === '*' || source[at] === '+' || matchAt(COUNTED, source, at) > 0;
}

/** How long the match at that place is. */
function matchAt(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0].length ?? 0;
}
