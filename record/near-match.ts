/** No key, metric or name that anybody could have meant is longer. */
const LONGEST_WORD = 200;

/**
 * The candidates that somebody who typed `word` may have meant, best first; at most `limit`, often none.
 * Near means few typing errors, or all parts of a dotted path: `latency.p99` is near `latency.delivered.p99`.
 */
export function nearMatches(word: string, candidates: Iterable<string>, limit = 3): string[] {
  // Distances take the product of both lengths.
  if (word.length > LONGEST_WORD) return [];
  const wanted = word.toLowerCase();
  const parts = wanted.split('.');
  const scored: { candidate: string; score: number }[] = [];
  for (const candidate of candidates) {
    const text = candidate.toLowerCase();
    const distance = editDistance(wanted, text);
    const hasAllParts = parts.every((part) => text.split('.').includes(part));
    const isPrefix = wanted.length > 1 && text.startsWith(wanted);
    // A third of the letters wrong is still a typing error; more is another word.
    if (hasAllParts || isPrefix || distance <= Math.max(1, Math.floor(wanted.length / 3))) {
      scored.push({ candidate, score: hasAllParts || isPrefix ? 0 : distance });
    }
  }
  scored.sort((one, other) => one.score - other.score);
  return scored.slice(0, limit).map(({ candidate }) => candidate);
}

/** `; did you mean a or b?` to end a message with, or nothing where nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>, limit = 3): string {
  const near = nearMatches(word, candidates, limit);
  if (near.length === 0) return '';
  const last = near.at(-1);
  return near.length === 1
    ? `; did you mean ${last}?`
    : `; did you mean ${near.slice(0, -1).join(', ')} or ${last}?`;
}

/** Letters to insert, delete, replace or swap (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap =
        row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      if (isSwap) best = Math.min(best, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[other.length] ?? 0;
}
