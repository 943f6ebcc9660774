import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testFolder } from '../support/folder.js';
import { HostsLab, recordIn } from './lab.js';
import { describeHosts } from './rights.js';

/** This c2m in another folder, with another version in its package.json. @returns its program */
function c2mOfVersion(version: string): string {
  const folder = join(testFolder(), 'c2m');
  mkdirSync(folder);
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as object;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  return join(folder, 'dist/cli/c2m.js');
}

describeHosts('machines that do not take part', () => {
  let lab: HostsLab;
  beforeAll(async () => {
    lab = await HostsLab.start({ one: {} });
  });
  afterAll(() => lab?.close());

  test('one of another version is named, and not taken', async () => {
    const machine = await lab.lend('older', { program: c2mOfVersion('0.0.7') });
    const alone = await lab.run({ agents: { atLeast: 2, wait: '1s' } });
    expect(alone.status).toBe(1);
    expect(alone.record).toBeUndefined();
    expect(alone.stderr).toMatch(/older.*0\.0\.7/);

    const without = recordIn(await lab.run({ agents: { atLeast: 1 } }));
    expect(without.verdict).toBe('passed');
    expect(without.hosts.map(({ name }) => name)).toEqual(['one']);
    machine.daemon.kill('SIGTERM');
    await machine.daemon.ended;
  });

  test('a target that the owner of a machine did not allow is refused, and nothing is sent there', async () => {
    const machine = await lab.lend('careful', { allow: ['172.29.0.200'], labels: ['careful'] });
    const accepted = lab.serverStats().counters.connectionsAccepted;
    const { status, stderr, record } = await lab.run({ agents: { labels: ['careful'] } });
    expect([1, 2]).toContain(status);
    expect(stderr).toMatch(/careful/);
    expect(stderr).toContain(lab.server.address);
    expect(stderr).toContain('--allow');
    expect(record).toBeUndefined();
    expect(lab.serverStats().counters.connectionsAccepted).toBe(accepted);
    expect(machine.agents()).toEqual([]);
    await lab.whenFree('careful');
  });
});
