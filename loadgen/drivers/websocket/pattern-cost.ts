import { PATTERN_FLAGS } from '../../../scenarios/drivers/websocket-pattern.js';

/** What matches one character is one token, and so are the quantifiers, each with its `?`, and the openings of groups. */
const TOKEN =
  /\\(?:x[\da-f]{2}|u[\da-f]{4}|c[a-z]|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[*+?]\??|\{\d+(?:,\d*)?\}\??|./gis;
const REPETITION = /^(?:[*+]|\{\d+,)/;
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})/;
const LITERAL = /^(?:[^\\^$.*+?()[\]{}|]|\\[^a-z\d])$/i;
const LOOKBEHIND = /^\(\?<[=!]/;

/** Steps of the engine that take some hundredths of a second. */
const FEW_STEPS = 10_000_000;

/**
 * How long a text may be that a pattern cannot be slow for: the engine takes at most so many steps as there are ways to divide
 * the text between the repetitions, times its length.
 * @param source of a pattern that `patternProblem` takes: none of its repetitions is repeated itself
 */
export function longestSwiftText(source: string): number {
  const tokens: readonly string[] = source.match(TOKEN) ?? [];
  const choices = tokens.filter((token) => token === '|' || token.startsWith('?')).length;
  const repetitions = tokens.filter(
    (token, at) => REPETITION.test(token) && !endsInOneWay(tokens, at),
  ).length;
  // Elsewhere it may begin at every character.
  const beginsOnce = tokens[0] === '^' && !tokens.includes('|');
  const degree = 1 + repetitions + (beginsOnce ? 0 : 1);
  return Math.floor((FEW_STEPS / 2 ** choices) ** (1 / degree));
}

/** Whether a repetition has but one place to end: at the end, or before a character that is none of its own, as in `[^,]*,`. */
function endsInOneWay(tokens: readonly string[], at: number): boolean {
  const repeated = tokens[at - 1] ?? '';
  // A look behind reads backwards, and what is in a group may be more than a character.
  if (repeated === ')' || tokens.some((token) => LOOKBEHIND.test(token))) return false;
  let next = at + 1;
  for (; tokens[next] === ')'; next += 1) if (QUANTIFIER.test(tokens[next + 1] ?? '')) return false;
  const follows = tokens[next];
  if (follows === undefined || follows === '$') return true;
  if (!LITERAL.test(follows) || QUANTIFIER.test(tokens[next + 1] ?? '')) return false;
  return !new RegExp(`^${repeated}$`, PATTERN_FLAGS).test(follows.replace('\\', ''));
}
