import { type LevelRange, levelBetween, levelBeyond, levelNear } from './level-range.js';

/** Trials of a level in which the generator may be too slow: at one that it has managed before, and at another. */
const CHANCES_OF_ABLE = 5;
const CHANCES = 2;

/** What a trial at one level came to. `lab`: the generator was the limit, so that nothing is known of the server. */
export type TrialVerdict = 'held' | 'broke' | 'lab';

/** `short`: to find about where the limit is; `full`: to be sure of it. */
export type TrialLength = 'short' | 'full';

/** The next trial that is wanted. */
export interface WantedTrial {
  level: number;
  length: TrialLength;
}

/** What is known of one level: the longest of its trials count. */
export interface KnownLevel {
  level: number;
  length: TrialLength;
  verdict: TrialVerdict;
}

/** What is known until now; a search that is ended early leaves it as it is. */
export interface Bracket {
  /** The highest that held. */
  holds: KnownLevel | null;
  /** The lowest above it that did not; null: none is known. */
  breaks: KnownLevel | null;
}

/**
 * How a search ended. `found`: between two levels that are near enough. `lab`: above the level that held, or
 * at every one, the generator gave way. `most`: the highest that may be asked for held. `least`: the lowest did not.
 */
export type SearchEnd = 'found' | 'lab' | 'most' | 'least';

/**
 * Looks for the highest level that holds. It asks for one trial at a time (`yield`) and is given its verdict (`next`); nothing
 * in here runs anything.
 *
 * Short trials double the level, or halve it, until one holds and the other does not, and then halve the gap. A short trial
 * misses what takes longer to break, so that full trials have the last word: the level that held and the one that broke are
 * each tried at full length. One that holds as the short one did is believed; that a level breaks, or that a full trial says
 * something else than a short one, is decided by several: two that hold, or three that do not. The search goes from there, in
 * steps that grow. That is the plan of the Multiple Loss
 * Ratio Search (M. Konstantynowicz and V. Polák, draft-ietf-bmwg-mlrsearch), of which RFC 2544, 26.1 is the ancestor.
 *
 * @param bracket what is known is kept in there
 */
export function* searchCapacity(
  from: number,
  range: LevelRange,
  bracket: Bracket,
): Generator<WantedTrial, SearchEnd, TrialVerdict> {
  const search = { range, bracket, ableTo: 0 };
  yield* findBracket(search, levelNear(from, range));
  yield* narrow(search, 'short');
  return yield* confirm(search);
}

interface Search {
  range: LevelRange;
  bracket: Bracket;
  /** The highest level at which the generator has done its part. */
  ableTo: number;
}

type Asking<Result> = Generator<WantedTrial, Result, TrialVerdict>;

function* findBracket(search: Search, from: number): Asking<void> {
  const { range, bracket } = search;
  let level = from;
  while (true) {
    learn(bracket, level, 'short', yield* once(search, level, 'short'));
    if (bracket.holds && bracket.breaks) return;
    const next = levelNear(bracket.holds ? level * 2 : level / 2, range);
    if (next === level) return;
    level = next;
  }
}

/** Halves the gap between what held and what did not. */
function* narrow(search: Search, length: TrialLength): Asking<void> {
  const { range, bracket } = search;
  while (bracket.holds && bracket.breaks) {
    const level = levelBetween(bracket.holds.level, bracket.breaks.level, range);
    if (level === undefined) return;
    const verdict = length === 'short' ? yield* once(search, level, length) : yield* decide(search, level);
    learn(bracket, level, length, verdict);
  }
}

/** Makes sure of both ends at full length, moves them where they do not stand, and narrows what has become wide. */
function* confirm(search: Search): Asking<SearchEnd> {
  const { range, bracket } = search;
  if (!bracket.holds) return nothingHeld(bracket);
  const firstGuess = bracket.breaks;
  for (let steps = 1, level = bracket.holds.level; ; steps *= 2) {
    learn(bracket, level, 'full', yield* expecting(search, level, steps === 1 ? 'held' : undefined));
    if (bracket.holds?.length === 'full') break;
    const lower = levelBeyond(level, -steps, range);
    if (lower === level) return nothingHeld(bracket);
    level = lower;
  }
  for (let steps = 1; bracket.breaks?.length !== 'full'; steps *= 2) {
    const held = (bracket.holds as KnownLevel).level;
    const guess = firstGuess && firstGuess.level > held && steps === 1 ? firstGuess : undefined;
    const level = guess?.level ?? levelBeyond(held, steps, range);
    if (level === held) return 'most';
    learn(bracket, level, 'full', yield* expecting(search, level, guess?.verdict));
  }
  yield* narrow(search, 'full');
  return bracket.breaks.verdict === 'lab' ? 'lab' : 'found';
}

function nothingHeld({ breaks }: Bracket): SearchEnd {
  return breaks?.verdict === 'lab' ? 'lab' : 'least';
}

/**
 * A full trial is believed that holds where it was expected to: nothing that disturbs a machine makes a server faster. That a level
 * breaks may be a disturbance, so that several decide, as they do where a trial says what was not expected.
 */
function* expecting(search: Search, level: number, expected: TrialVerdict | undefined): Asking<TrialVerdict> {
  if (expected === undefined || expected === 'broke') return yield* decide(search, level);
  const first = yield* once(search, level, 'full');
  return first === expected ? first : yield* decide(search, level, first);
}

/**
 * Full trials until two have held, or three have not: what disturbs a machine makes levels break, so that it takes more to say so.
 * Of a level that did not hold, a trial in which the generator did its part tells why.
 */
function* decide(search: Search, level: number, first?: TrialVerdict): Asking<TrialVerdict> {
  const verdicts = first === undefined ? [] : [first];
  while (true) {
    verdicts.push(yield* once(search, level, 'full'));
    const broken = verdicts.filter((verdict) => verdict !== 'held');
    if (verdicts.length - broken.length >= 2) return 'held';
    if (broken.length >= 3) return broken.includes('broke') ? 'broke' : 'lab';
  }
}

/**
 * A generator that was too slow may have been disturbed, and proves nothing: the level is tried once more. Where it has done
 * its part at as high a level before, it was disturbed for sure, and is given more chances.
 */
function* once(search: Search, level: number, length: TrialLength): Asking<TrialVerdict> {
  const chances = level <= search.ableTo ? CHANCES_OF_ABLE : CHANCES;
  for (let chance = 1; ; chance += 1) {
    const verdict = yield { level, length };
    if (verdict !== 'lab') search.ableTo = Math.max(search.ableTo, level);
    if (verdict !== 'lab' || chance === chances) return verdict;
  }
}

/** What a longer trial says of a level takes the place of what a shorter one said. */
function learn(bracket: Bracket, level: number, length: TrialLength, verdict: TrialVerdict): void {
  const known = { level, length, verdict };
  if (verdict === 'held') {
    bracket.holds = known;
    if (bracket.breaks && bracket.breaks.level <= level) bracket.breaks = null;
    return;
  }
  bracket.breaks = known;
  if (bracket.holds && bracket.holds.level >= level) bracket.holds = null;
}
