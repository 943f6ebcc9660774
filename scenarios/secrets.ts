import { isNode, isScalar, Lexer, type Node, visit } from 'yaml';
import { parseYaml, YamlInputError } from './yaml-input.js';

/** Stands where a secret was. */
const HIDDEN = '…';
/** In place of a text that cannot be kept with certainty. */
const LEFT_OUT = '# left out, as it holds the token';

/** Keys whose values may not be told to whom a record is passed on. */
export function isSecretKey(key: unknown): boolean {
  return typeof key === 'string' && /(token|secret|password|passphrase)$/i.test(key);
}

/** Values at such keys, however deep. */
export function secretsIn(data: unknown): string[] {
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    const isLeaf = typeof value !== 'object' || value === null;
    if (!isSecretKey(key) || !isLeaf) return secretsIn(value);
    // `token: 12` is no text, but what was meant.
    return typeof value === 'string' || typeof value === 'number' ? [String(value)].filter(Boolean) : [];
  });
}

/** The secrets in a scenario's text and in its overrides, those that an override replaced included. */
export function secretsInSource(text: string, overrides: readonly string[]): string[] {
  return [
    ...secretsIn(contentOf(text)),
    ...overrides.flatMap((override) => {
      const [path, value] = partsOf(override);
      return secretsIn({ [lastKey(path)]: contentOf(value) });
    }),
  ];
}

/** Data of the same shape without the secrets. */
export function withoutSecrets(data: unknown, secrets: readonly string[]): unknown {
  if (typeof data === 'string') return holds(data, secrets) ? HIDDEN : data;
  if (Array.isArray(data)) return data.map((each) => withoutSecrets(each, secrets));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      isSecretKey(key) && value !== null && typeof value !== 'boolean'
        ? HIDDEN
        : withoutSecrets(value, secrets),
    ]),
  );
}

/** Text that is no YAML, without the secrets. */
export function hideInText(text: string, secrets: readonly string[]): string {
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);
}

/**
 * YAML without the secrets, however they are written there: quoted, escaped, folded over lines, behind an alias. What
 * holds one is found by its value and taken out by its place. Comments and tags have no value to look at, so all of
 * them go.
 */
export function hideInYaml(text: string, secrets: readonly string[]): string {
  if (secrets.length === 0) return text;
  try {
    const places = [...placesOfNodes(text, secrets), ...placesOfRemarks(text)];
    const hidden = hideInText(replaced(text, places), secrets);
    // What was found by reading is proven by reading once more.
    return valuesIn(hidden).some((value) => holds(value, secrets)) ? LEFT_OUT : hidden;
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    return LEFT_OUT;
  }
}

/** The override `path=value` without the secrets. */
export function hideInOverride(override: string, secrets: readonly string[]): string {
  const [path, value] = partsOf(override);
  return isSecretKey(lastKey(path)) ? `${path}=${HIDDEN}` : `${path}=${hideInYaml(value, secrets)}`;
}

interface Place {
  start: number;
  end: number;
  instead: string;
}

function placesOfNodes(text: string, secrets: readonly string[]): Place[] {
  const places: Place[] = [];
  const hide = (node: Node): void => {
    const [start, end] = node.range ?? [0, text.length];
    // A block scalar ends with the line that the next key begins after.
    places.push({ start, end, instead: text.slice(start, end).endsWith('\n') ? `${HIDDEN}\n` : HIDDEN });
  };
  visit(parseYaml(text).document, {
    Pair: (_, { key, value }) => {
      if (isNode(value) && isSecretKey(isScalar(key) ? key.value : key)) hide(value);
    },
    Scalar: (_, node) => {
      if (holds(String(node.value), secrets) || holds(String(node.source ?? ''), secrets)) hide(node);
    },
  });
  return places;
}

/** Comments and tags. */
function placesOfRemarks(text: string): Place[] {
  const places: Place[] = [];
  let offset = 0;
  let isScalarNext = false;
  for (const lexeme of new Lexer().lex(text)) {
    // The lexer says with a character of its own that a document or a scalar begins, or that a flow ended too early.
    const isMark: boolean = !isScalarNext && (lexeme === '\x02' || lexeme === '\x18' || lexeme === '\x1f');
    if (!isMark) {
      const end = offset + lexeme.length;
      if (!isScalarNext && /^[#!]./.test(lexeme)) {
        places.push({ start: offset, end, instead: `${lexeme[0]}${lexeme[0] === '#' ? ' ' : ''}${HIDDEN}` });
      }
      offset = end;
    }
    isScalarNext = lexeme === '\x1f' && isMark;
  }
  return places;
}

function replaced(text: string, places: Place[]): string {
  let result = '';
  let from = 0;
  for (const { start, end, instead } of places.sort((one, other) => one.start - other.start)) {
    // Within what is hidden already, such as a scalar of a list at a secret's key.
    if (start < from) continue;
    result += text.slice(from, start) + instead;
    from = end;
  }
  return result + text.slice(from);
}

function valuesIn(text: string): string[] {
  const values: string[] = [];
  visit(parseYaml(text).document, {
    Scalar: (_, node) => {
      values.push(String(node.value));
    },
    Node: (_, node) => {
      if (node.tag) values.push(node.tag);
    },
  });
  return values;
}

function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => text.includes(secret));
}

function contentOf(text: string): unknown {
  try {
    return parseYaml(text).content;
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    return undefined;
  }
}

function partsOf(override: string): [path: string, value: string] {
  const at = override.indexOf('=');
  return at < 0 ? [override, ''] : [override.slice(0, at), override.slice(at + 1)];
}

function lastKey(path: string): string {
  return path.split('.').at(-1) ?? '';
}
