import { dirname, join, relative, resolve, sep } from 'node:path';
import { SHIPPED_FOLDER } from './shipped.js';

/** What `c2m schema` prints, as it ships. */
export const SCHEMA_FILE = join(SHIPPED_FOLDER, 'scenario.schema.json');

/**
 * Where an editor finds the schema of a scenario: in the package, where that lies in the folder that somebody works in, and else
 * on the web.
 * @param version of c2m
 */
export function schemaReference(file: string, version: string, folder = process.cwd()): string {
  const isWithin = (path: string): boolean => !relative(folder, path).startsWith('..');
  if (!isWithin(SCHEMA_FILE) || !isWithin(resolve(folder, file)))
    return `https://unpkg.com/c2m@${version}/scenarios/scenario.schema.json`;
  const path = relative(dirname(resolve(folder, file)), SCHEMA_FILE)
    .split(sep)
    .join('/');
  return path.startsWith('.') ? path : `./${path}`;
}
