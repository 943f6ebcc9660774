import { isAlias, isNode, isPair, isScalar, Lexer, type Node, visit } from 'yaml';
import {
  findableIn,
  findableInUrls,
  HIDDEN,
  isSecretPlace,
  isTelling,
  type KeyPath,
  withoutUrlSecrets,
} from './secret-places.js';
import { parseYaml, YamlInputError } from './yaml-input.js';

/** In place of a text that cannot be kept with certainty. */
const LEFT_OUT = '# left out, as it holds the token';

/** Values at secret places, however deep, by which they are found elsewhere. @param path of `data` */
export function secretsIn(data: unknown, path: KeyPath = []): string[] {
  if (typeof data === 'object' && data !== null) {
    const isList = Array.isArray(data);
    // Of a list at such a place, each element is what the key says.
    return Object.entries(data).flatMap(([key, value]) => secretsIn(value, isList ? path : [...path, key]));
  }
  if (isSecretPlace(path)) {
    // `token: 123456` is no text, but what was meant.
    return typeof data === 'string' || typeof data === 'number' ? findableIn(String(data), path.at(-1)) : [];
  }
  return typeof data === 'string' ? findableInUrls(data) : [];
}

/** The secrets in a scenario's text and in its overrides, those that an override replaced included. */
export function secretsInSource(text: string, overrides: readonly string[]): string[] {
  return [
    ...secretsIn(contentOf(text)),
    ...overrides.flatMap((override) => {
      const { keys, value } = partsOf(override);
      return secretsIn(contentOf(value), keys);
    }),
  ];
}

/**
 * All of a scenario, the longest first: a secret that another one begins with would leave the rest of that one.
 * @param texts of its files
 * @param further that no key of it tells
 */
export function secretsOf(
  resolved: unknown,
  texts: readonly string[],
  overrides: readonly string[],
  further: readonly string[],
): string[] {
  const [own = '', ...bases] = texts;
  const found = [
    ...further,
    ...secretsIn(resolved),
    ...secretsInSource(own, overrides),
    ...bases.flatMap((text) => secretsInSource(text, [])),
  ];
  return [...new Set(found)].sort((one, other) => other.length - one.length);
}

/** Data of the same shape with the secrets hidden in its texts, wherever they stand. */
export function hideInTexts<Data>(data: Data, secrets: readonly string[]): Data {
  if (typeof data === 'string') return hideInText(data, secrets) as Data;
  if (Array.isArray(data)) return data.map((each) => hideInTexts(each, secrets)) as Data;
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, hideInTexts(value, secrets)]),
  ) as Data;
}

/** Data of the same shape without the secrets. @param path of `data` */
export function withoutSecrets(data: unknown, secrets: readonly string[], path: KeyPath = []): unknown {
  if (isSecretPlace(path)) return isTelling(data, path) ? HIDDEN : data;
  if (typeof data === 'string') {
    return tellable(data, secrets);
  }
  if (Array.isArray(data)) return data.map((each) => withoutSecrets(each, secrets, path));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, withoutSecrets(value, secrets, [...path, key])]),
  );
}

/** Text that is no YAML, without the secrets. */
export function hideInText(text: string, secrets: readonly string[]): string {
  return withoutUrlSecrets(replaceAll(text, secrets));
}

/**
 * YAML without the secrets, however they are written there: quoted, escaped, folded over lines, behind an alias. What
 * holds one is found by its key or its value, and taken out by its place. Comments and tags have neither to look at, so
 * all of them go.
 * @param path of what the text is the value of
 */
export function hideInYaml(text: string, secrets: readonly string[], path: KeyPath = []): string {
  try {
    const nodes = placesOfNodes(text, secrets, path);
    if (secrets.length === 0 && nodes.length === 0) return text;
    const hidden = replaceAll(replaced(text, [...nodes, ...placesOfRemarks(text)]), secrets);
    // What was found by reading is proven by reading once more.
    const isLeft =
      valuesIn(hidden).some((value) => holds(value, secrets)) ||
      placesOfNodes(hidden, secrets, path).length > 0;
    return isLeft ? LEFT_OUT : hidden;
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    return LEFT_OUT;
  }
}

/** The override `path=value` without the secrets. */
export function hideInOverride(override: string, secrets: readonly string[]): string {
  const { dotted, keys, value } = partsOf(override);
  return isSecretPlace(keys) ? `${dotted}=${HIDDEN}` : `${dotted}=${hideInYaml(value, secrets, keys)}`;
}

interface Place {
  start: number;
  end: number;
  instead: string;
}

/** What is hidden or told in part; nothing of what is hidden already. */
function placesOfNodes(text: string, secrets: readonly string[], above: KeyPath): Place[] {
  const places: Place[] = [];
  const put = (node: Node, instead: string): void => {
    const [start, end] = node.range ?? [0, text.length];
    // A block scalar ends with the line that the next key begins after.
    places.push({ start, end, instead: text.slice(start, end).endsWith('\n') ? `${instead}\n` : instead });
  };
  visit(parseYaml(text).document, {
    Pair: (_, { key, value }, ancestors) => {
      const path = [...above, ...keysOf(ancestors), keyOf(key)];
      const isSaid = isAlias(value) || !isScalar(value) || isTelling(value.value, path);
      if (isNode(value) && isSaid && isSecretPlace(path)) put(value, HIDDEN);
    },
    Scalar: (_, node) => {
      const value = String(node.value);
      const told = tellable(value, secrets);
      if (value === HIDDEN) return;
      if (told === HIDDEN || tellable(String(node.source ?? ''), secrets) === HIDDEN) put(node, HIDDEN);
      else if (told !== value) put(node, JSON.stringify(told));
    },
  });
  return places;
}

function keysOf(ancestors: readonly unknown[]): string[] {
  return ancestors.flatMap((each) => (isPair(each) ? [keyOf(each.key)] : []));
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
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

/** Of a URL the host and the path stay, unless it is a secret as a whole. */
function tellable(text: string, secrets: readonly string[]): string {
  const told = withoutUrlSecrets(text);
  const urls = secrets.filter((secret) => secret.includes('://'));
  return holds(told, secrets) || holds(text, urls) ? HIDDEN : told;
}

function replaceAll(text: string, secrets: readonly string[]): string {
  return secrets.reduce((hidden, secret) => hidden.replaceAll(secret, HIDDEN), text);
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

function partsOf(override: string): { dotted: string; keys: string[]; value: string } {
  const at = override.indexOf('=');
  const [dotted, value] = at < 0 ? [override, ''] : [override.slice(0, at), override.slice(at + 1)];
  return { dotted, keys: dotted.replaceAll(/\[(\d+)\]/g, '.$1').split('.'), value };
}
