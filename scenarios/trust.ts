import { realpathSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { isLoopback } from '../protocol/address.js';
import { printable } from '../record/printable.js';
import { quote } from '../record/quantity.js';
import type { Finding } from './finding.js';
import type { Path } from './path.js';
import { mapOf, mapsOf, rawCredentialsFile, rawDriverFile, rawTarget } from './raw-scenario.js';
import { SHIPPED_FOLDER } from './shipped.js';
import { bareHost, hostOf, hostOfUrl } from './target-address.js';

/** Of a command, what is shown to whoever has to decide. */
const LONGEST_COMMAND = 500;

const ASK = 'give --trust if you know whose scenario this is';

/** Settings of the server whose values are words, not names of files or hosts. */
const WORDS = new Set(['logLevel', 'store', 'token', 'protocol', 'types']);

/**
 * Programs that a scenario starts, code that it brings along, files that it lets the server read, addresses beyond
 * loopback: what a scenario from a stranger does only if asked to. What ships with the lab is no stranger's.
 * @param content the scenario as YAML holds it, whether it is one or not
 * @param folder of the scenario
 */
export function reachBeyondRun(content: unknown, folder: string): Finding[] {
  const { actions } = mapOf(content);
  const { keys } = rawTarget(content);
  const { settings } = mapOf(keys.embedded);
  return [
    ...reachOfDriver(content, folder),
    ...reachOfCredentials(content),
    ...reachOfCommand(keys.command),
    ...reachOfSettings(settings, ['target', 'embedded', 'settings'], folder),
    ...mapsOf(actions).flatMap(({ handlers }, index) =>
      typeof handlers === 'string' ? reachOfCode(handlers, ['actions', index, 'handlers'], folder) : [],
    ),
  ];
}

/** Variables of this name are meant for scenarios. */
const MEANT_FOR_SCENARIOS = /^C2M_/;

/**
 * What the environment holds may be a secret of this user; a scenario that talks to this machine alone keeps it here.
 * @param variables that it reads
 */
export function reachOfEnvironment(content: unknown, variables: readonly string[]): Finding[] {
  const read = variables.filter((name) => !MEANT_FOR_SCENARIOS.test(name));
  const beyond = read.length === 0 ? undefined : machinesBeyond(content)[0];
  if (!beyond) return [];
  const names = read.slice(0, 5).join(', ');
  return [
    {
      path: beyond.path,
      message: `may be told what the environment holds (${names}); name the variable C2M_${read[0]}, or ${ASK}`,
    },
  ];
}

/** Other machines that a scenario speaks to, and where it names them. */
function machinesBeyond(content: unknown): { path: Path }[] {
  const { keys } = rawTarget(content);
  const addresses = Array.isArray(keys.addresses) ? keys.addresses : [];
  const named: [Path, string | undefined][] = [
    ...addresses.map((address, index): [Path, string | undefined] => [
      ['target', 'addresses', index],
      hostOf(address),
    ]),
    [['target', 'admin'], hostOfUrl(keys.admin)],
    [['target', 'media'], hostOfUrl(keys.media)],
    [['target', 'metrics', 'url'], hostOfUrl(mapOf(keys.metrics).url)],
    [['agents', 'nats'], hostOfNats(mapOf(mapOf(content).agents).nats)],
  ];
  return named.flatMap(([path, host]) => (host === undefined || isLoopback(host) ? [] : [{ path }]));
}

function hostOfNats(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  return bareHost(new URL(url).hostname);
}

/** The code that is loaded as soon as a run is planned: its driver. */
export function reachOfDriver(content: unknown, folder: string): Finding[] {
  const driver = rawDriverFile(content);
  return driver ? reachOfCode(driver.file, driver.path, folder) : [];
}

/** Whoever is asked to log in signs what a server gives it to sign: on this machine nobody else learns who it is. */
function reachOfCredentials(content: unknown): Finding[] {
  const named = rawCredentialsFile(content);
  if (!named || machinesBeyond(content).length === 0) return [];
  const message = `logs in at another machine as who ${quote(named.file)} is; ${ASK}`;
  return [{ path: named.path, message }];
}

function reachOfCommand(command: unknown): Finding[] {
  if (command === undefined) return [];
  const { run = command } = mapOf(command);
  const words = Array.isArray(run) ? run.join(' ') : run;
  return [
    {
      path: ['target', 'command'],
      message: `starts "${printable(String(words)).slice(0, LONGEST_COMMAND)}" with the rights of this user; ${ASK}`,
    },
  ];
}

function reachOfSettings(node: unknown, path: Path, folder: string): Finding[] {
  if (typeof node === 'string') return reachOfText(node, path, folder);
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    reachOfSettings(value, [...path, Array.isArray(node) ? Number(key) : key], folder),
  );
}

function reachOfText(text: string, path: Path, folder: string): Finding[] {
  const key = path.findLast((part) => typeof part === 'string') ?? '';
  if (WORDS.has(key)) return [];
  switch (key) {
    case 'handlers':
      return reachOfCode(text, path, folder);
    case 'host':
    case 'listen':
      return isLoopback(hostIn(text))
        ? []
        : [{ path, message: `${quote(text)} lets the server listen beyond this machine; ${ASK}` }];
    default:
      return [{ path, message: `${quote(text)} may name a file or a host outside of the run; ${ASK}` }];
  }
}

function reachOfCode(file: string, path: Path, folder: string): Finding[] {
  if (isShipped(resolve(folder, file))) return [];
  return [{ path, message: `runs the code in ${quote(file)} with the rights of this user; ${ASK}` }];
}

/** Links are followed: what counts is where the code lies. */
function isShipped(file: string): boolean {
  try {
    return realpathSync(file).startsWith(join(realpathSync(SHIPPED_FOLDER), 'handlers') + sep);
  } catch {
    // Not there, or not to be read: that is told where it is looked for.
    return false;
  }
}

/** `tcp://127.0.0.1:0`, `[::1]` or a bare host. */
function hostIn(text: string): string {
  const [, host = text] = /^\w+:\/\/(.*):\d+$/.exec(text) ?? [];
  return host.replace(/^\[|\]$/g, '');
}
