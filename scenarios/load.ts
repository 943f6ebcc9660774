import { dirname, resolve } from 'node:path';
import { checkComposition } from './check-composition.js';
import { type Composition, composeScenario, composeText, type Place } from './compose.js';
import type { DriverChoice } from './driver-schema.js';
import { readCredentialsFile } from './drivers/nats-credentials.js';
import { environmentSecrets } from './environment.js';
import { missingFiles } from './missing-files.js';
import { missingProgram } from './missing-program.js';
import { tlsFrom } from './named-files.js';
import { mapOf } from './raw-scenario.js';
import type { Action, Scenario } from './scenario.js';
import { parseScenarioText } from './scenario-file.js';
import { secretsOf } from './secrets.js';
import { locateScenario } from './shipped.js';
import { reachBeyondRun, reachOfDriver, reachOfEnvironment } from './trust.js';

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

/** All that must not be told to whom something about the scenario is passed on. */
export function secretsOfLoaded({ scenario, source, secrets = [] }: LoadedScenario): string[] {
  const texts = [source.text, ...(source.bases ?? []).map(({ text }) => text)];
  return secretsOf(scenario, texts, source.overrides, secrets);
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
  return loaded(await composeScenario(located), place, overrides, options);
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
  return loaded(await composeText(text, place), place, overrides, options);
}

function loaded(
  composition: Composition,
  { label, folder }: Place,
  overrides: readonly string[],
  { isTrusted = false, isOnlyPlanned = false }: LoadOptions,
): LoadedScenario {
  const { scenario, notes, variables } = checkComposition(composition, overrides, (content, read) => {
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
    secrets: environmentSecrets(variables),
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
    const tls = tlsFrom(target.tls, folder);
    if (target.kind === 'external') return { ...scenario, target: { ...target, driver, tls }, actions };
    const command = { ...target.command, cwd: resolve(folder, target.command.cwd) };
    return { ...scenario, target: { ...target, driver, tls, command }, actions };
  }
  if (typeof target.settings.handlers !== 'string') return { ...scenario, actions };
  const settings = { ...target.settings, handlers: resolve(folder, target.settings.handlers) };
  return { ...scenario, target: { ...target, settings }, actions };
}

/** The file of a driver by its whole path; what the file of credentials holds in place of it. */
function withFile(driver: DriverChoice, folder: string): DriverChoice {
  const { file, credentialsFile, ...settings } = driver.settings;
  // Agents may be on machines that have no such file.
  if (driver.name === 'nats' && typeof credentialsFile === 'string') {
    const credentials = readCredentialsFile(resolve(folder, credentialsFile));
    if (typeof credentials === 'string') throw new Error(credentials);
    return { ...driver, settings: { ...settings, ...credentials } };
  }
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
  return checkComposition(composition, overrides, (content) =>
    mapOf(content).extends === undefined
      ? []
      : [{ path: ['extends'], message: 'names another file, and this scenario is in none' }],
  ).scenario;
}
