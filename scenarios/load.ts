import { dirname, resolve } from 'node:path';
import { type Document, isMap, isNode, isSeq, type LineCounter } from 'yaml';
import { z } from 'zod';
import { InputFileError, readTextFile } from '../record/input-file.js';
import { didYouMean } from '../record/near-match.js';
import type { DriverChoice } from './driver-schema.js';
import type { Finding } from './finding.js';
import { missingFiles } from './missing-files.js';
import { missingProgram } from './missing-program.js';
import { applyOverride, type Override, type Path } from './override.js';
import { rawTarget } from './raw-scenario.js';
import type { Action, Scenario } from './scenario.js';
import { ScenarioError, type ScenarioIssue } from './scenario-error.js';
import { scenarioSchema } from './schema.js';
import { locateScenario } from './shipped.js';
import { reachBeyondRun, reachOfDriver } from './trust.js';
import { untoldGateFindings, untoldGates, untoldNote } from './untold-gates.js';
import { findingsAcross } from './whole-scenario.js';
import { LARGEST_YAML_BYTES, parseYaml, type YamlInput, YamlInputError } from './yaml-input.js';

/** A scenario with the text that it came from, as a run record keeps it. */
export interface LoadedScenario {
  scenario: Scenario;
  source: {
    file: string;
    text: string;
    /** The `--set` overrides, as typed. */
    overrides: string[];
  };
  /** What a reader of its record must know, such as a gate that this target cannot be judged by. */
  notes: string[];
}

export interface LoadOptions {
  /** May it run code of its own, let the server read files, and listen beyond this machine? */
  isTrusted?: boolean;
  /** It is only planned, and no server is started: of its code, nothing but a driver of its own would run. */
  isOnlyPlanned?: boolean;
}

/**
 * Reads and checks a scenario file.
 * @param file a path, or the bare name of a scenario that ships with the lab, such as `quickstart`
 * @param overrides `path=value` each
 * @throws ScenarioError with everything that is wrong
 */
export async function loadScenario(
  file: string,
  overrides: readonly string[] = [],
  options: LoadOptions = {},
): Promise<LoadedScenario> {
  const { path, label } = await locateScenario(file);
  const text = await readTextFile(path, LARGEST_YAML_BYTES).catch((error: Error) => {
    if (!(error instanceof InputFileError)) throw error;
    throw new ScenarioError([{ place: label, path: '', message: error.reason }]);
  });
  return loadScenarioText(text, { label, folder: dirname(path) }, overrides, options);
}

/**
 * Checks a scenario that was read.
 * @param place how errors and the record name it, and where the files are that it names
 * @throws ScenarioError with everything that is wrong
 */
export function loadScenarioText(
  text: string,
  { label, folder }: { label: string; folder: string },
  overrides: readonly string[] = [],
  { isTrusted = false, isOnlyPlanned = false }: LoadOptions = {},
): LoadedScenario {
  const { scenario, notes } = checkScenario(text, label, overrides, (content) => {
    const reachOf = isOnlyPlanned ? reachOfDriver : reachBeyondRun;
    const reach = isTrusted ? [] : reachOf(content, folder);
    const missing = [...reach, ...missingFiles(content, folder, reach)];
    // Whoever only plans may do so on another host.
    return isOnlyPlanned ? missing : [...missing, ...missingProgram(content, folder, missing)];
  });
  return {
    scenario: withFiles(scenario, folder),
    source: { file: label, text, overrides: [...overrides] },
    notes,
  };
}

/** Files that a scenario names lie beside it. */
function withFiles(scenario: Scenario, folder: string): Scenario {
  const { target } = scenario;
  const actions = scenario.actions.map(
    (action): Action =>
      action.kind === 'reload' && action.handlers !== null
        ? { ...action, handlers: resolve(folder, action.handlers) }
        : action,
  );
  if (target.kind !== 'embedded') {
    const driver = withFile(target.driver, folder);
    if (target.kind === 'external') return { ...scenario, target: { ...target, driver }, actions };
    const command = { ...target.command, cwd: resolve(folder, target.command.cwd) };
    return { ...scenario, target: { ...target, driver, command }, actions };
  }
  if (typeof target.settings.handlers !== 'string') return { ...scenario, actions };
  const settings = { ...target.settings, handlers: resolve(folder, target.settings.handlers) };
  return { ...scenario, target: { ...target, settings }, actions };
}

function withFile(driver: DriverChoice, folder: string): DriverChoice {
  const { file } = driver.settings;
  if (driver.name !== 'own' || typeof file !== 'string') return driver;
  return { ...driver, settings: { ...driver.settings, file: resolve(folder, file) } };
}

/**
 * Checks the text of a scenario.
 * @param label names the file in errors
 * @throws ScenarioError with everything that is wrong
 */
export function parseScenario(text: string, label: string, overrides: readonly string[] = []): Scenario {
  return checkScenario(text, label, overrides, () => []).scenario;
}

/** @param ask what else there is to find fault with, told together with the rest */
function checkScenario(
  text: string,
  label: string,
  overrides: readonly string[],
  ask: (content: unknown) => Finding[],
): { scenario: Scenario; notes: string[] } {
  const { document, lines, content } = readYaml(text, label);
  const wasEmbedded = rawTarget(content).kind === 'embedded';
  const applied = applyOverrides(content, overrides);
  const placeOf = (path: Path): string => {
    const override = applied.findLast(({ path: set }) => startsWith(path, set) || startsWith(set, path));
    return override ? `--set ${override.text}` : `${label}:${lineOf(document, lines, path)}`;
  };
  const isAnother = wasEmbedded && rawTarget(content).kind !== 'embedded';
  // A gate that was written for an embedded server says nothing wrong about the one that `--set` names instead.
  const isForAnother = (gate: number): boolean =>
    isAnother && !applied.some(({ path: [key, index = gate] }) => key === 'gates' && index === gate);
  const untold = untoldGates(content);
  const parsed = scenarioSchema.safeParse(content);
  const findings = [
    ...(parsed.error?.issues.slice(0, MOST_ISSUES).flatMap(explain) ?? []),
    ...findingsAcross(content),
    ...untoldGateFindings(
      untold.filter((gate) => !isForAnother(gate)),
      content,
    ),
    ...ask(content),
  ].slice(0, MOST_ISSUES);
  if (findings.length > 0 || !parsed.data) throw issuesAt(placeOf, findings);
  const { gates } = parsed.data;
  return {
    scenario: { ...parsed.data, gates: gates.filter((_, index) => !untold.includes(index)) },
    notes: untold.map((index) => untoldNote(gates[index]?.expression ?? '')),
  };
}

function readYaml(text: string, label: string): YamlInput {
  try {
    return parseYaml(text);
  } catch (error) {
    if (!(error instanceof YamlInputError)) throw error;
    throw new ScenarioError(
      error.issues.map(({ line, message }) => ({ place: `${label}:${line}`, path: '', message })),
    );
  }
}

function issuesAt(placeOf: (path: Path) => string, findings: Finding[]): ScenarioError {
  return new ScenarioError(
    inOrder(findings.map(({ path, message }) => ({ place: placeOf(path), path: path.join('.'), message }))),
  );
}

/** Applies each to `content`; what is wrong with several of them is told together. */
function applyOverrides(content: unknown, overrides: readonly string[]): Override[] {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return [];
  const issues: ScenarioIssue[] = [];
  const applied = overrides.flatMap((text) => {
    try {
      return [applyOverride(content as Record<string, unknown>, text)];
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      issues.push(...error.issues);
      return [];
    }
  });
  if (issues.length > 0) throw new ScenarioError(issues);
  return applied;
}

/** More are not looked at: each takes a search, and nobody reads them. */
const MOST_ISSUES = 200;

/** What zod found, one issue for each key that nobody knows, in our words. */
function explain(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path);
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `is not a known key${didYouMean(key, known) || `; known here: ${known.join(', ')}`}`,
    }));
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && /^Invalid input/.test(issue.message)) {
    return [{ path, message: 'is missing' }];
  }
  return [{ path, message: issue.message.replace(/^Invalid input: expected (\w+).*/, 'must be of type $1') }];
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
}

let inputSchema: JsonSchema | undefined;

/** The keys that the schema has at `path`. */
function knownKeys(path: Path): string[] {
  inputSchema ??= z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  let schema: JsonSchema | undefined = inputSchema;
  for (const key of path) schema = typeof key === 'number' ? schema?.items : schema?.properties?.[key];
  return Object.keys(schema?.properties ?? {});
}

function startsWith(path: Path, beginning: Path): boolean {
  return beginning.every((key, index) => path[index] === key);
}

/** Line of the value at `path`; of its key where it is a map or a list; of the nearest parent where it is missing. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let line = isNode(node) ? lines.linePos(node.range?.[0] ?? 0).line : 1;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => (isNode(item.key) ? item.key.toJSON() : item.key) === key);
      if (!pair) break;
      if (isNode(pair.key)) line = lines.linePos(pair.key.range?.[0] ?? 0).line;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      if (isNode(node)) line = lines.linePos(node.range?.[0] ?? 0).line;
    } else {
      break;
    }
  }
  return Math.max(line, 1);
}

/** By line, as they stand in the file; the overrides last. */
function inOrder(issues: ScenarioIssue[]): ScenarioIssue[] {
  const line = ({ place }: ScenarioIssue): number => {
    return place.startsWith('--set ') ? Number.POSITIVE_INFINITY : Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
  };
  return issues
    .map((issue, index) => ({ issue, index, line: line(issue) }))
    .sort((one, other) => (one.line === other.line ? one.index - other.index : one.line - other.line))
    .map(({ issue }) => issue);
}
