import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { quote } from '../record/quantity.js';
import { environmentSecrets } from './environment.js';
import { knownKeys, MOST_ISSUES, unknownKey } from './issues.js';
import { merged } from './merge.js';
import { withWholePaths } from './named-files.js';
import { type Origin, originAt, type Part } from './origin.js';
import type { Path } from './path.js';
import { mapOf } from './raw-scenario.js';
import { ScenarioError } from './scenario-error.js';
import { parseScenarioText, placeIn, readScenarioFile, type ScenarioFile } from './scenario-file.js';
import { locateScenario } from './shipped.js';

/** A scenario as YAML holds it, with what it extends and imports in it. */
export interface Composition extends Part {
  /** The file that was named comes first. */
  files: ScenarioFile[];
}

/** More is a mistake, or somebody's joke. */
const MOST_FILES = 50;

/** How errors and the record name a scenario, and where the files are that it names. */
export interface Place {
  label: string;
  folder: string;
}

interface Located {
  path: string;
  label: string;
}

/** What reads one scenario: which files it has read, and for which folder. */
interface Reading {
  files: ScenarioFile[];
  /** Of the scenario that was asked for; files that others name are whole paths. */
  folder: string;
}

/**
 * Reads a scenario with all that it extends (`extends: common.yaml`) and whose phases it imports
 * (`phases: [{import: warm-up.yaml}]`).
 * @throws ScenarioError
 */
export async function composeScenario(located: Located): Promise<Composition> {
  const reading: Reading = { files: [], folder: dirname(located.path) };
  const part = await compose(located, reading, [], located.label);
  return { ...part, files: reading.files };
}

/** The same of a text that is in no file; what it names is looked for in the folder. @throws ScenarioError */
export async function composeText(text: string, { label, folder }: Place): Promise<Composition> {
  const reading: Reading = { files: [], folder };
  const located = { path: join(folder, label), label };
  const part = await composeFile(parseScenarioText(text, label), located, reading, []);
  return { ...part, files: reading.files };
}

/** @param chain of those that name one another, down to this one @param namedAt where this one is named */
async function compose(
  located: Located,
  reading: Reading,
  chain: readonly Located[],
  namedAt: string,
): Promise<Part> {
  if (reading.files.length >= MOST_FILES) {
    throw fault(namedAt, 'extends', `makes a scenario of more than ${MOST_FILES} files; name fewer`);
  }
  const file = await readScenarioFile(located.path, located.label, namedAt);
  return composeFile(file, located, reading, [...chain, located]);
}

/** @param links files that name one another, down to this one */
async function composeFile(
  file: ScenarioFile,
  located: Located,
  reading: Reading,
  links: readonly Located[],
): Promise<Part> {
  reading.files.push(file);
  const folder = dirname(located.path);
  const isElsewhere = folder !== reading.folder;
  const content = isElsewhere ? withWholePaths(file.content, folder) : file.content;
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return { content, origin: { file, path: [] } };
  if (reading.files.length > 1) refuseOtherFile(file, Object.keys(content));
  const follow = async (name: unknown, path: Path): Promise<Part> => {
    const place = placeIn(file, path);
    refuseSecret(name, file, place, path);
    const next = await locate(name, located, place, path);
    await refuseCycle(next, links, place, path);
    return compose(next, reading, links, place);
  };
  const { extends: bases = [], ...own } = content as Record<string, unknown>;
  const whole = await withImportedPhases({ content: own, origin: { file, path: [] } }, follow);
  let below: Part | undefined;
  for (const [index, name] of [bases].flat().entries()) {
    const path = Array.isArray(bases) ? ['extends', index] : ['extends'];
    const base = await follow(name, path);
    if (mapOf(base.content) !== base.content) {
      throw fault(placeIn(file, path), path.join('.'), `${name} is no scenario: it is not a map of keys`);
    }
    below = below ? merged(below, base) : base;
  }
  return below ? merged(below, whole) : whole;
}

/**
 * The record keeps every file that a scenario is made of, so that a stranger's must not name what is none (a configuration with
 * keys in it, say), and then take its content away again with null.
 */
function refuseOtherFile(file: ScenarioFile, keys: readonly string[]): void {
  const known = knownKeys([]);
  const issues = keys
    .filter((key) => !known.includes(key))
    .slice(0, MOST_ISSUES)
    .map((key) => ({ place: placeIn(file, [key]), path: key, message: unknownKey([], key).message }));
  if (issues.length > 0) throw new ScenarioError(issues);
}

/** Which files a scenario is made of is told in errors, and in the record. */
function refuseSecret(name: unknown, { variables }: ScenarioFile, place: string, path: Path): void {
  const isTold = environmentSecrets(variables).some((secret) => String(name).includes(secret));
  if (isTold)
    throw fault(place, path.join('.'), 'holds a secret of the environment, and names of files are told');
}

async function locate(name: unknown, from: Located, place: string, path: Path): Promise<Located> {
  if (typeof name !== 'string' || name === '') {
    const message = `${quote(name)} is no file; write the path of a scenario, such as common.yaml`;
    throw fault(place, path.join('.'), message);
  }
  const beside = (folder: string): string => (isAbsolute(name) ? name : join(folder, name));
  try {
    return await locateScenario(name, {
      path: beside(dirname(from.path)),
      label: beside(dirname(from.label)),
    });
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    const [issue] = error.issues;
    throw fault(place, path.join('.'), `${quote(name)}: ${issue?.message}`);
  }
}

/** Links are followed: the same file by another name is the same file. */
async function refuseCycle(
  next: Located,
  links: readonly Located[],
  place: string,
  path: Path,
): Promise<void> {
  const real = await realpath(next.path);
  for (const [index, link] of links.entries()) {
    if ((await realpath(link.path)) !== real) continue;
    const round = [...links.slice(index), next].map(({ label }) => label).join(' -> ');
    throw fault(place, path.join('.'), `goes round in a circle: ${round}; leave one of them out`);
  }
}

/** An entry of `phases` that names a file stands for the phases of that file. */
async function withImportedPhases(
  own: Part,
  follow: (name: unknown, path: Path) => Promise<Part>,
): Promise<Part> {
  const { phases } = mapOf(own.content);
  if (!Array.isArray(phases) || !phases.some(isImport)) return own;
  const { file } = own.origin;
  const content: unknown[] = [];
  const parts = new Map<number, Origin>();
  const add = (phase: unknown, origin: Origin): void => {
    parts.set(content.length, origin);
    content.push(phase);
  };
  for (const [index, entry] of phases.entries()) {
    const path = ['phases', index, 'import'];
    if (!isImport(entry)) {
      add(entry, { file, path: ['phases', index] });
      continue;
    }
    if (Object.keys(entry).length > 1) {
      const message = 'stands for all phases of that file; write nothing beside it';
      throw fault(placeIn(file, path), path.join('.'), message);
    }
    const other = await follow(entry.import, path);
    const imported = mapOf(other.content).phases;
    if (!Array.isArray(imported)) {
      throw fault(placeIn(file, path), path.join('.'), `${entry.import} has no list of phases`);
    }
    imported.forEach((phase, number) => {
      add(phase, originAt(other.origin, ['phases', number]));
    });
  }
  return {
    content: { ...mapOf(own.content), phases: content },
    origin: { ...own.origin, parts: new Map([['phases', { file, path: ['phases'], parts }]]) },
  };
}

function isImport(entry: unknown): entry is { import: unknown } {
  return mapOf(entry).import !== undefined;
}

function fault(place: string, path: string, message: string): ScenarioError {
  return new ScenarioError([{ place, path, message }]);
}
