import { fileURLToPath } from 'node:url';
import { InputError } from '../record/input-error.js';
import { type LoadedScenario, type LoadOptions, loadScenarioText } from './load.js';
import { loadCells } from './matrix.js';
import { mapOf } from './raw-scenario.js';

/** How errors and records name a scenario that is in no file. */
const IN_NO_FILE = 'scenario';

/**
 * A scenario for a program: from a file, by the name of one that ships, or as plain data.
 * @param set values by path, in place of those of the scenario
 * @throws ScenarioError with everything that is wrong, InputError for what stands for several runs
 */
export async function loadOne(
  scenario: string | URL | Readonly<Record<string, unknown>>,
  set: Readonly<Record<string, unknown>>,
  options: LoadOptions,
): Promise<LoadedScenario> {
  const overrides = Object.entries(set).map(([path, value]) => `${path}=${plainJson(path, value)}`);
  if (typeof scenario !== 'string' && !(scenario instanceof URL)) {
    if (mapOf(scenario).matrix !== undefined) throw severalRuns(IN_NO_FILE);
    const text = `${plainJson(IN_NO_FILE, scenario, 2)}\n`;
    return loadScenarioText(text, { label: IN_NO_FILE, folder: process.cwd() }, overrides, options);
  }
  if (scenario instanceof URL && scenario.protocol !== 'file:')
    throw new InputError(`${scenario.href}: is no file; give a path, or a URL that begins with file:`);
  const file = typeof scenario === 'string' ? scenario : fileURLToPath(scenario);
  const [cell, ...others] = await loadCells(file, overrides, options);
  if (!cell || others.length > 0) throw severalRuns(file);
  return cell.loaded;
}

function severalRuns(file: string): InputError {
  return new InputError(
    `${file}: its matrix stands for several runs, and this makes one; leave it out and set the values (c2m run makes all of them)`,
  );
}

/** @throws InputError for what YAML could not hold */
function plainJson(place: string, value: unknown, indent?: number): string {
  try {
    const text = JSON.stringify(value, null, indent);
    if (text !== undefined) return text;
  } catch (error) {
    throw new InputError(`${place}: is no plain data: ${(error as Error).message.split('\n', 1)[0]}`);
  }
  throw new InputError(`${place}: is no plain data; give text, numbers, lists or maps of them`);
}
