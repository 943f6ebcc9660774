import { didYouMean } from '../record/near-match.js';
import { quote } from '../record/quantity.js';
import { type Filled, fillFromEnvironment } from './environment.js';
import type { Path } from './path.js';
import { ScenarioError } from './scenario-error.js';
import { expandTarget } from './target-schema.js';
import { parseYaml, YamlInputError } from './yaml-input.js';

/** A scenario has five levels. */
const MOST_KEYS = 50;

/** One `--set path=value`, applied. */
export interface Override {
  /** As typed. */
  text: string;
  /** Where the value went: names of phases have become indexes. */
  path: Path;
  /** Of the environment, that its value has. */
  variables: readonly string[];
}

/**
 * Sets `path=value` in a scenario as YAML holds it. A path is made of keys and, for lists, indexes or the names of
 * elements: `phases.0.rate`, `phases[0].rate` and `phases.talk.rate` are the same where `talk` is the first.
 * The value is YAML: `20000`, `500/s`, `{uniform: [64B, 1KiB]}`.
 * @throws ScenarioError where the path cannot exist or the value is no YAML
 */
export function applyOverride(scenario: Record<string, unknown>, text: string): Override {
  const refuse = (message: string): never => {
    throw new ScenarioError([{ place: `--set ${text}`, path: '', message }]);
  };
  const match = /^([^=\s]+?)=(.*)$/s.exec(text);
  if (!match) return refuse('is not an override; write path=value, such as clients.count=20000');
  const [, dotted = '', source = ''] = match;
  const keys = dotted.replaceAll(/\[(\d+)\]/g, '.$1').split('.');
  if (keys.length > MOST_KEYS || keys.some((key) => key === '' || key === '__proto__')) {
    refuse(`${dotted} is not a path; write keys with dots between them, such as clients.count`);
  }
  let node: Record<string, unknown> | unknown[] = scenario;
  const path: Path = [];
  let variables: readonly string[] = [];
  keys.forEach((key, depth) => {
    const here = path.join('.');
    const at: string | number = Array.isArray(node) ? elementIndex(node, key, here, refuse) : key;
    path.push(at);
    const parent = node as Record<string | number, unknown>;
    if (depth === keys.length - 1) {
      const { content, variables: read, problems } = readValue(source, refuse);
      if (problems[0]) refuse(problems[0].message);
      parent[at] = content;
      variables = read;
      return;
    }
    if (path.length === 1 && at === 'target') parent[at] = expandTarget(parent[at]);
    // A key that the file leaves out; the schema says whether it may exist. What every object inherits is none.
    if (!Object.hasOwn(parent, at) || parent[at] === null) parent[at] = {};
    const next = parent[at];
    if (typeof next !== 'object' || next === null) {
      refuse(`${path.join('.')} is ${quote(next)}, which has no parts; set it as a whole`);
    }
    node = next as Record<string, unknown> | unknown[];
  });
  return { text, path, variables };
}

function elementIndex(
  list: unknown[],
  key: string,
  path: string,
  refuse: (message: string) => never,
): number {
  const names = list.map((element) => String((element as { name?: unknown } | null)?.name ?? ''));
  const index = /^\d+$/.test(key) ? Number(key) : names.indexOf(key);
  if (index >= 0 && index < list.length) return index;
  if (/^\d+$/.test(key)) {
    const range = list.length === 0 ? 'nothing' : `elements 0 to ${list.length - 1}`;
    refuse(`${path} has ${range}, but no ${key}`);
  }
  return refuse(`${path} has no element named ${key}${didYouMean(key, names.filter(Boolean))}`);
}

function readValue(source: string, refuse: (message: string) => never): Filled {
  try {
    return fillFromEnvironment(parseYaml(source));
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    return refuse(`the value ${error.issues[0]?.message}`);
  }
}
