import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { adviceFor } from '../../lab/host-capacity.js';
import type { HostFacts } from '../../loadgen/host-facts.js';
import { parseYaml } from '../../scenarios/yaml-input.js';
import { parseServerConfig } from '../../server/config.js';
import { testFolder } from '../support/folder.js';

const run = promisify(execFile);
const UNITS = ['c2m-agent.service', 'c2m-server.service'];

/** A machine on which every limit is too low. */
const NARROW: HostFacts = {
  cores: 2,
  memoryBytes: 2 ** 30,
  availableBytes: 2 ** 29,
  openFiles: { soft: 1024, hard: 1024 },
  openFilesCeiling: 4096,
  fileMax: 10_000,
  filesInUse: 1000,
  ephemeralPorts: 28_232,
  somaxconn: 128,
  tcpMaxSynBacklog: 128,
  conntrackMax: 65_536,
};

/** The settings of a sysctl.d file. */
async function sysctls(file: string): Promise<Map<string, string>> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => /^[^#\s]/.test(line));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^-?([\w.]+)\s*=\s*(.*)$/.exec(line) ?? [];
      return [name, value];
    }),
  );
}

/** The units as they would be installed, but with the Node of this machine and this build. */
async function installed(unit: string): Promise<string> {
  const folder = testFolder();
  const text = await readFile(join('deploy/systemd', unit), 'utf8');
  const here = text.replaceAll('/usr/bin/node', process.execPath).replaceAll('/opt/c2m', resolve('.'));
  const file = join(folder, unit);
  await writeFile(file, here);
  return file;
}

test('the sysctls and limits of the units are all that doctor asks for where every limit is too low', async () => {
  const set = await sysctls('deploy/systemd/90-c2m.conf');
  const asked = adviceFor(NARROW).flatMap(({ commands }) => commands);
  const [limits, rest] = [
    asked.filter((each) => each.startsWith('ulimit')),
    asked.filter((each) => each.startsWith('sysctl')),
  ];
  expect(limits.length + rest.length).toBe(asked.length);

  expect(Object.fromEntries(set)).toEqual(
    Object.fromEntries(
      rest.map((command) => {
        const [, name = '', value = ''] = /^sysctl -w ([\w.]+)="?([^"]*)"?$/.exec(command) ?? [];
        return [name, value];
      }),
    ),
  );
  for (const unit of UNITS) {
    const text = await readFile(join('deploy/systemd', unit), 'utf8');
    expect(limits).toEqual([`ulimit -n ${/^LimitNOFILE=(\d+)$/m.exec(text)?.[1]}`]);
  }
});

test('no setting of the sysctl file is one that this kernel does not know', async () => {
  const known = await run('/sbin/sysctl', ['-a', '-N']).then(({ stdout }) => new Set(stdout.split('\n')));
  for (const name of (await sysctls('deploy/systemd/90-c2m.conf')).keys()) {
    // Its module is not loaded everywhere, which the file says.
    if (name !== 'net.netfilter.nf_conntrack_max') expect(known).toContain(name);
  }
});

test.each(UNITS)('%s is understood by systemd', async (unit) => {
  const { stdout, stderr } = await run('systemd-analyze', [
    'verify',
    '--man=no',
    '--recursive-errors=no',
    await installed(unit),
  ]);
  expect(stdout + stderr).toBe('');
});

test.each(UNITS)('%s is exposed to little', async (unit) => {
  const words = await run('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    '--threshold=20',
    await installed(unit),
  ]);
  expect(words.stdout).toMatch(/Overall exposure level for .*: \d\.\d OK/);
});

test('the configuration beside the unit of the server is one that it takes', async () => {
  const text = await readFile('deploy/systemd/server.yaml', 'utf8');
  expect(parseServerConfig(parseYaml(text).content as object)).toMatchObject({
    listen: [{ protocol: 'tcp', host: '0.0.0.0', port: 4000 }],
  });
});
