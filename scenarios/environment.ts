import { type Alias, type Document, isMap, isNode, isPair, isScalar, isSeq, type Node, visit } from 'yaml';
import type { Path } from './path.js';
import { findableIn, HIDDEN, isSecretVariable } from './secret-places.js';
import type { YamlInput } from './yaml-input.js';

/** What became of a text with variables of the environment in its values. */
export interface Filled {
  /** The whole as plain data. */
  content: unknown;
  /** Names of the variables, each once. */
  variables: string[];
  /** Paths of the values that they stand in. */
  filled: Path[];
  /** One for each variable that is not set, and for what looks like one and is none. */
  problems: { line: number; path: Path; message: string }[];
}

/** `$${` is a `${` that stays; `${NAME}` and `${NAME:-default}` are filled in; anything else behind `${` is a mistake. */
const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_]\w*)(?::-([^}]*))?\}|([^}]{0,40}\}?))/g;

/** Nobody keeps more than that in a variable that is meant for a value here. */
const LONGEST_VALUE = 64 * 1024;

/**
 * Fills in the variables of the environment in the values of a text, not in its keys. A value that becomes a number, `true` or
 * `false` is one, as if it had been written there, also in quotes, which it needs within braces; where a text is wanted it is
 * made one again (load.ts).
 */
export function fillFromEnvironment(
  input: YamlInput,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Filled {
  const variables = new Set<string>();
  const filled = new Set<Node>();
  const problems: Filled['problems'] = [];
  let isChanged = false;
  visit(input.document, {
    Scalar: (key, node, ancestors) => {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const path = pathOf(ancestors, node);
      const { text, names, wrong } = substituted(node.value, environment);
      const line = input.lines.linePos(node.range?.[0] ?? 0).line;
      problems.push(...wrong.map((message) => ({ line, path, message })));
      for (const name of names) variables.add(name);
      if (names.length > 0) filled.add(node);
      node.value = names.length > 0 ? asWritten(text) : text;
      isChanged = true;
    },
  });
  return {
    content: isChanged ? input.document.toJS({ maxAliasCount: 100 }) : input.content,
    variables: [...variables],
    filled: filled.size > 0 ? pathsOf(filled, input.document, input.document.contents, []) : [],
    problems,
  };
}

function substituted(
  value: string,
  environment: Readonly<Record<string, string | undefined>>,
): { text: string; names: string[]; wrong: string[] } {
  const names: string[] = [];
  const wrong: string[] = [];
  const text = value.replace(REFERENCE, (whole, name?: string, fallback?: string) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      // What stands there may be a secret that happens to hold these characters.
      wrong.push('has ${ with no variable behind it; write ${NAME}, or $${ for these two characters');
      return whole;
    }
    names.push(name);
    const set = environment[name];
    // As a shell has it: what is empty has the default as well.
    const told = fallback !== undefined && (set === undefined || set === '') ? fallback : set;
    if (told === undefined) {
      wrong.push(
        `the variable ${name} is not set; set it (${name}=… c2m run …), or write a default: \${${name}:-…}`,
      );
    } else if (told.length > LONGEST_VALUE) {
      wrong.push(`the variable ${name} holds more than ${LONGEST_VALUE / 1024} KiB; is it the right one?`);
    }
    return told ?? '';
  });
  return { text, names, wrong };
}

/** Only what is written again as it was: of `007` and `1e3` nobody knows whether they are meant as numbers. */
function asWritten(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d{1,15}(\.\d+)?$/.test(text) && String(Number(text)) === text ? Number(text) : text;
}

/** Where the nodes stand below `root`, each also where an alias repeats it. */
function pathsOf(nodes: ReadonlySet<Node>, document: Document, root: Node | null, above: Path): Path[] {
  const paths: Path[] = [];
  visit(root, {
    Scalar: (_, node, ancestors) => {
      if (nodes.has(node)) paths.push([...above, ...pathOf(ancestors, node)]);
    },
    Alias: (_, alias: Alias, ancestors) => {
      const repeated = alias.resolve(document);
      if (isNode(repeated))
        paths.push(...pathsOf(nodes, document, repeated, [...above, ...pathOf(ancestors, alias)]));
    },
  });
  return paths;
}

function pathOf(ancestors: readonly unknown[], node: Node): Path {
  const below = [...ancestors.slice(1), node];
  return ancestors.flatMap((each, depth): Path => {
    if (isSeq(each)) return [each.items.indexOf(below[depth] as never)];
    if (!isMap(each)) return [];
    const pair = below[depth];
    const key = isPair(pair) && isScalar(pair.key) ? pair.key.value : undefined;
    return [typeof key === 'number' ? key : String(key)];
  });
}

/** Of a variable that is called a secret the value is one wherever it stands. @returns the texts by which it is found */
export function environmentSecrets(variables: readonly string[]): string[] {
  return variables
    .filter(isSecretVariable)
    .flatMap((name) => findableIn(process.env[name] ?? '', name, true));
}

/** Of a long one a message quotes the beginning. */
const QUOTED = 40;

/** A message that may quote a value, without what such variables hold. */
export function withoutEnvironment(message: string, variables: readonly string[]): string {
  return environmentSecrets(variables).reduce((text, secret) => {
    const at = text.indexOf(secret.slice(0, QUOTED));
    if (at < 0) return text;
    const rest = text.slice(at + QUOTED).replace(/^[^\s"]*/, '');
    return secret.length > QUOTED ? `${text.slice(0, at)}${HIDDEN}${rest}` : text.replaceAll(secret, HIDDEN);
  }, message);
}
