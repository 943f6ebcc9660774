import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { didYouMean } from '../record/near-match.js';
import { type Composition, composeScenario, composeText, type Place } from './compose.js';
import type { DriverChoice } from './driver-schema.js';
import type { Finding } from './finding.js';
import { missingFiles } from './missing-files.js';
import { missingProgram } from './missing-program.js';
import { originAt, placeAt } from './origin.js';
import { applyOverride, type Override, type Path, startsWith } from './override.js';
import { mapOf, rawTarget } from './raw-scenario.js';
import type { Action, Scenario } from './scenario.js';
import { ScenarioError, type ScenarioIssue } from './scenario-error.js';
import { parseScenarioText } from './scenario-file.js';
import { scenarioSchema } from './schema.js';
import { findableIn, isSecretKey } from './secret-places.js';
import { locateScenario } from './shipped.js';
import { reachBeyondRun, reachOfDriver, reachOfEnvironment } from './trust.js';
import { untoldGateFindings, untoldGates, untoldNote } from './untold-gates.js';
import { findingsAcross } from './whole-scenario.js';

/** A scenario with the text that it came from, as a run record keeps it. */
export interface LoadedScenario {
  scenario: Scenario;
  source: {
    file: string;
    text: string;
    /** The `--set` overrides, as typed. */
    overrides: string[];
    /** Files that it extends or imports; left out: it is one file. */
    bases?: { file: string; text: string }[];
  };
  /** Names of the variables of the environment that it reads. */
  variables?: string[];
  /** What those hold that is told to nobody; the keys of a scenario say what else that is. */
  secrets?: string[];
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
  const located = await locateScenario(file);
  const place = { label: located.label, folder: dirname(located.path) };
  return checkComposition(await composeScenario(located), place, overrides, options);
}

/**
 * Checks a scenario that was read.
 * @param place how errors and the record name it, and where the files are that it names
 * @throws ScenarioError with everything that is wrong
 */
export async function loadScenarioText(
  text: string,
  place: Place,
  overrides: readonly string[] = [],
  options: LoadOptions = {},
): Promise<LoadedScenario> {
  return checkComposition(await composeText(text, place), place, overrides, options);
}

function checkComposition(
  composition: Composition,
  { label, folder }: Place,
  overrides: readonly string[],
  { isTrusted = false, isOnlyPlanned = false }: LoadOptions,
): LoadedScenario {
  const { scenario, notes, variables } = checkScenario(composition, overrides, (content, read) => {
    if (isOnlyPlanned) {
      // Whoever only plans may do so on another host.
      const reach = isTrusted ? [] : reachOfDriver(content, folder);
      return [...reach, ...missingFiles(content, folder, reach)];
    }
    const reach = isTrusted ? [] : [...reachBeyondRun(content, folder), ...reachOfEnvironment(content, read)];
    const missing = [...reach, ...missingFiles(content, folder, reach)];
    return [...missing, ...missingProgram(content, folder, missing)];
  });
  const [main, ...bases] = composition.files;
  return {
    scenario: withFiles(scenario, folder),
    source: {
      file: label,
      text: main?.text ?? '',
      overrides: [...overrides],
      ...(bases.length > 0 && { bases: bases.map(({ label, text }) => ({ file: label, text })) }),
    },
    notes,
    variables,
    secrets: secretsOf(variables),
  };
}

/** Of a variable that is called a secret the value is one wherever it stands. */
function secretsOf(variables: readonly string[]): string[] {
  return variables.filter(isSecretKey).flatMap((name) => findableIn(process.env[name] ?? '', name));
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
 * Checks the text of a scenario that is in no file, and so can name no other.
 * @param label names the text in errors
 * @throws ScenarioError with everything that is wrong
 */
export function parseScenario(text: string, label: string, overrides: readonly string[] = []): Scenario {
  const file = parseScenarioText(text, label);
  const composition = { content: file.content, origin: { file, path: [] }, files: [file] };
  return checkScenario(composition, overrides, (content) =>
    mapOf(content).extends === undefined
      ? []
      : [{ path: ['extends'], message: 'names another file, and this scenario is in none' }],
  ).scenario;
}

/** @param ask what else there is to find fault with, told together with the rest */
function checkScenario(
  { content, origin, files }: Composition,
  overrides: readonly string[],
  ask: (content: unknown, variables: readonly string[]) => Finding[],
): { scenario: Scenario; notes: string[]; variables: string[] } {
  const wasEmbedded = rawTarget(content).kind === 'embedded';
  const applied = applyOverrides(content, overrides);
  const overrideOf = (path: Path): Override | undefined =>
    applied.findLast(({ path: set }) => startsWith(path, set) || startsWith(set, path));
  const placeOf = (path: Path): string => {
    const override = overrideOf(path);
    return override ? `--set ${override.text}` : placeAt(origin, path);
  };
  const isAnother = wasEmbedded && rawTarget(content).kind !== 'embedded';
  // A gate that was written for an embedded server says nothing wrong about the one that `--set` names instead.
  const isForAnother = (gate: number): boolean =>
    isAnother && !applied.some(({ path: [key, index = gate] }) => key === 'gates' && index === gate);
  const untold = untoldGates(content);
  const isFilled = (path: Path): boolean => {
    const override = overrideOf(path);
    if (override) return override.variables.length > 0;
    const { file, path: there } = originAt(origin, path);
    return file.filled.some((each) => each.join('\0') === there.join('\0'));
  };
  const parsed = parseWithTexts(content, isFilled);
  const variables = [...new Set([...files, ...applied].flatMap((each) => each.variables))];
  const findings = [
    ...(parsed.error?.issues.slice(0, MOST_ISSUES).flatMap(explain) ?? []),
    ...findingsAcross(content),
    ...untoldGateFindings(
      untold.filter((gate) => !isForAnother(gate)),
      content,
    ),
    ...ask(content, variables),
  ].slice(0, MOST_ISSUES);
  if (findings.length > 0 || !parsed.data)
    throw issuesAt(
      placeOf,
      findings,
      files.map(({ label }) => label),
    );
  const { gates } = parsed.data;
  return {
    scenario: { ...parsed.data, gates: gates.filter((_, index) => !untold.includes(index)) },
    notes: untold.map((index) => untoldNote(gates[index]?.expression ?? '')),
    variables,
  };
}

/**
 * What a variable of the environment holds is a number or a text as the scenario needs it: a password of digits is a password.
 * @param isFilled whether the value at a path came from a variable
 */
function parseWithTexts(content: unknown, isFilled: (path: Path) => boolean) {
  const parsed = scenarioSchema.safeParse(content);
  const meantAsTexts = (parsed.error?.issues ?? [])
    .filter((issue) => issue.code === 'invalid_type' && issue.expected === 'string')
    .map(({ path }) => path as Path)
    .filter(isFilled);
  for (const path of meantAsTexts) makeText(content, path);
  return meantAsTexts.length > 0 ? scenarioSchema.safeParse(content) : parsed;
}

function makeText(content: unknown, path: Path): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], content);
  const key = path.at(-1) as string;
  // A short form has no parts: there the value is another one than this.
  if (typeof parent !== 'object' || parent === null || !Object.hasOwn(parent, key)) return;
  const parts = parent as Record<string, unknown>;
  parts[key] = String(parts[key]);
}

function issuesAt(
  placeOf: (path: Path) => string,
  findings: Finding[],
  files: readonly string[],
): ScenarioError {
  return new ScenarioError(
    inOrder(
      findings.map(({ path, message }) => ({ place: placeOf(path), path: path.join('.'), message })),
      files,
    ),
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

/** File by file, and by line as they stand there; the overrides last. */
function inOrder(issues: ScenarioIssue[], files: readonly string[]): ScenarioIssue[] {
  const fileOf = ({ place }: ScenarioIssue): string => place.replace(/:\d+$/, '');
  const line = ({ place }: ScenarioIssue): number => {
    return place.startsWith('--set ') ? Number.POSITIVE_INFINITY : Number(/:(\d+)$/.exec(place)?.[1] ?? 0);
  };
  const file = (issue: ScenarioIssue): number =>
    issue.place.startsWith('--set ') ? files.length : files.indexOf(fileOf(issue));
  return issues
    .map((issue, index) => ({ issue, index, line: line(issue), file: file(issue) }))
    .sort(
      (one, other) =>
        one.file - other.file || (one.line === other.line ? one.index - other.index : one.line - other.line),
    )
    .map(({ issue }) => issue);
}
