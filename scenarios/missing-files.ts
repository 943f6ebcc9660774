import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { readCredentialsFile } from './drivers/nats-credentials.js';
import type { Finding } from './finding.js';
import type { Path } from './path.js';
import { mapOf, mapsOf, rawCredentialsFile, rawDriverFile, rawTarget } from './raw-scenario.js';
import { isTlsProblem, readTlsFiles } from './tls-files.js';
import { tlsSchema } from './tls-schema.js';

/**
 * Files and folders that a scenario names and that are not there.
 * @param folder of the scenario, where they are looked for
 * @param refused what may not be used anyway
 */
export function missingFiles(content: unknown, folder: string, refused: readonly Finding[]): Finding[] {
  return [
    ...missingCode(content, folder, refused),
    ...missingFolder(content, folder, refused),
    ...missingCredentials(content, folder),
    ...missingTls(content, folder, refused),
  ];
}

/** A driver, and handlers of the reference server. */
function missingCode(content: unknown, folder: string, refused: readonly Finding[]): Finding[] {
  const { settings } = mapOf(rawTarget(content).keys.embedded);
  const driver = rawDriverFile(content);
  const named: [Path, unknown][] = [
    ...(driver ? [[driver.path, driver.file] as [Path, unknown]] : []),
    [['target', 'embedded', 'settings', 'handlers'], mapOf(settings).handlers],
    ...mapsOf(mapOf(content).actions).map(({ handlers }, index): [Path, unknown] => [
      ['actions', index, 'handlers'],
      handlers,
    ]),
  ];
  return named.flatMap(([path, name]) => {
    if (typeof name !== 'string' || refused.some((each) => each.path.join() === path.join())) return [];
    const file = resolve(folder, name);
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return [];
    return [{ path, message: `${file} is no file; write a path from the scenario’s folder` }];
  });
}

/** Where `target.command` is to run. */
function missingFolder(content: unknown, folder: string, refused: readonly Finding[]): Finding[] {
  const { cwd } = mapOf(rawTarget(content).keys.command);
  if (typeof cwd !== 'string' || refused.some(({ path }) => path[1] === 'command')) return [];
  const place = resolve(folder, cwd);
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory()) return [];
  const message = `${place} is no folder; write a path from the scenario’s folder`;
  return [{ path: ['target', 'command', 'cwd'], message }];
}

/** Of NATS: the file is read here, and not where the clients are. */
function missingCredentials(content: unknown, folder: string): Finding[] {
  const named = rawCredentialsFile(content);
  if (!named) return [];
  const read = readCredentialsFile(resolve(folder, named.file));
  return typeof read === 'string' ? [{ path: named.path, message: read }] : [];
}

/** They are read here as well, and told to the agents. */
function missingTls(content: unknown, folder: string, refused: readonly Finding[]): Finding[] {
  const tls = tlsSchema.safeParse(mapOf(rawTarget(content).keys.tls));
  // What is wrong with its keys is told elsewhere.
  if (!tls.success || refused.some(({ path }) => path[1] === 'tls')) return [];
  const read = readTlsFiles(tls.data, (name) => resolve(folder, name));
  return isTlsProblem(read) ? [read] : [];
}
