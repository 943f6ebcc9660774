/** Of a sentence of a server, how much is looked at, and how many of its words make a reason. */
const MOST_CHARACTERS = 200;
const MOST_WORDS = 6;

/**
 * What a server says in words, as a reason that failures are counted under: `Authorization Violation` is
 * `AuthorizationViolation`. Numbers, and what stands in quotes, are of one client, and go: reasons have to be few.
 */
export function reasonFrom(text: string, otherwise: string): string {
  const said = text.slice(0, MOST_CHARACTERS).replace(/".*/s, '');
  const words = said.match(/[A-Za-z]+/g) ?? [];
  const reason = words.slice(0, MOST_WORDS).map((word) => word[0]?.toUpperCase() + word.slice(1));
  return reason.length > 0 ? reason.join('') : otherwise;
}
