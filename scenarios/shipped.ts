import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { nearMatches } from '../record/near-match.js';
import { ScenarioError } from './scenario-error.js';

/** The folder of the scenarios that ship with the lab; the built code lies elsewhere than they do. */
export const SHIPPED_FOLDER = join(dirname(createRequire(import.meta.url).resolve('#package')), 'scenarios');

export interface ShippedScenario {
  /** What to give to `c2m run`. */
  name: string;
  path: string;
  text: string;
}

/** The scenarios that ship with the lab, by name. */
export async function listShippedScenarios(): Promise<ShippedScenario[]> {
  return Promise.all(
    (await shippedNames()).map(async (name) => {
      const path = join(SHIPPED_FOLDER, `${name}.yaml`);
      return { name, path, text: await readFile(path, 'utf8') };
    }),
  );
}

/**
 * Finds a scenario by path, or a shipped one by its bare name. A file in the way of the name wins.
 * @param beside where its file would be, for a name that stands in another scenario; left out: as the name says
 * @throws ScenarioError that names what may have been meant
 */
export async function locateScenario(
  file: string,
  beside = { path: file, label: file },
): Promise<{ path: string; label: string }> {
  if (await isFile(beside.path)) return beside;
  const names = await shippedNames();
  const isShipped = names.includes(file);
  if (isShipped) {
    const path = join(SHIPPED_FOLDER, `${file}.yaml`);
    const fromHere = relative(process.cwd(), path);
    // A record should not tell where the lab is installed.
    return { path, label: fromHere.startsWith('..') ? `scenarios/${file}.yaml` : fromHere };
  }
  const near = nearMatches(basename(file, '.yaml'), names, 2);
  const hint =
    near.length > 0 ? `did you mean ${near.join(' or ')}?` : `shipped scenarios: ${names.join(', ')}`;
  throw new ScenarioError([{ place: file, path: '', message: `there is no such scenario; ${hint}` }]);
}

async function shippedNames(): Promise<string[]> {
  const files = await readdir(SHIPPED_FOLDER);
  return files
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** Not a folder: `chat` beside a folder of that name means the scenario. */
async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => !found.isDirectory(),
    () => false,
  );
}
