import { Namespace } from './namespaces.js';
import { childOf, type XmlElement } from './xml-element.js';

const OF_CONDITIONS: ReadonlySet<string> = new Set([
  Namespace.StreamErrors,
  Namespace.StanzaErrors,
  Namespace.Sasl,
]);

/** A server may make up conditions, and failures are counted by them. */
const LONGEST_CONDITION = 40;

/**
 * The defined condition of an error, as a reason: `not-authorized` is NotAuthorized. All errors have theirs as a child: of a
 * stream (RFC 6120, section 4.9), of SASL (section 6.5) and of a stanza (section 8.3).
 */
export function reasonOf(error: XmlElement | undefined): string {
  const condition = error?.children.find(
    ({ name, namespace }) => name !== 'text' && OF_CONDITIONS.has(namespace),
  );
  return (condition?.name ?? 'undefined-condition')
    .slice(0, LONGEST_CONDITION)
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** The `<error/>` of a stanza. */
export function errorIn(stanza: XmlElement): XmlElement | undefined {
  return childOf(stanza, Namespace.Client, 'error');
}
