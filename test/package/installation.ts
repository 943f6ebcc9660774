import { execFile, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What npm tells those that it runs is about this package, and would be taken for settings by the npm of another folder. */
const OF_THIS_PACKAGE = /^npm_(package|lifecycle|command|config_(local|global)_prefix)|^INIT_CWD$/;

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_THIS_PACKAGE.test(name)));
}

/** As somebody would: `npm ARGV` in a folder. @returns what it printed @throws with what it said */
export async function npm(folder: string, ...argv: string[]): Promise<string> {
  const { stdout } = await execute('npm', [...argv, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    env: environment(),
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout;
}

/** Makes the types of the package. @returns what is said where the report of the API in the tree is another; nothing: it is that */
export function makeTypes(): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['scripts/api.mjs', '--check'], {
    encoding: 'utf8',
  });
  return stdout + stderr;
}

/** Packs this package into `folder`. @returns its file */
export async function pack(folder: string): Promise<string> {
  const output = await npm('.', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder);
  const [{ filename }] = JSON.parse(output) as [{ filename: string }];
  return join(folder, filename);
}

/** Installs a file of a package into an empty folder, as a project would; what npm has in its cache is not asked for again. */
export async function install(folder: string, file: string): Promise<void> {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'project', type: 'module' }));
  await npm(folder, 'install', '--prefer-offline', file);
}

export interface NodeVersion {
  version: string;
  program: string;
}

/** Kept between the runs of the tests: each is 40 MB and more to fetch. */
const NODES = join(tmpdir(), 'c2m-test-nodes');
/** The oldest that c2m is for, and what others have. */
const WANTED = { oldest: '20.19.0', before: '22', current: '24' };

/** Programs of Node from the npm registry. @returns why they cannot be had, otherwise */
export async function otherNodes(): Promise<NodeVersion[] | string> {
  const { platform, arch } = process;
  const folders = Object.keys(WANTED).map((name) => join(NODES, 'node_modules', name));
  const programs = folders.map((folder) => join(folder, 'bin/node'));
  if (!programs.every(existsSync)) {
    const packages = Object.entries(WANTED).map(
      ([name, version]) => `${name}@npm:node-${platform}-${arch}@${version}`,
    );
    try {
      const argv = [
        'install',
        '--prefix',
        NODES,
        '--prefer-offline',
        '--ignore-scripts',
        '--no-package-lock',
      ];
      await npm('.', ...argv, ...packages);
    } catch (error) {
      return `other versions of Node cannot be had from the npm registry: ${(error as Error).message.split('\n')[1]}`;
    }
  }
  const versions = programs.map((program) => {
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
    return { version: stdout?.trim() ?? '', program };
  });
  return versions.some(({ version }) => version === '')
    ? 'the Node of the npm registry does not run here'
    : versions;
}
