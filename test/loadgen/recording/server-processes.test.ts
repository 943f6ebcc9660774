import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProcessesReading } from '../../../loadgen/recording/process-sum.js';
import { ProcessGroup, ProcessTree } from '../../../loadgen/recording/server-processes.js';
import { fixtureCommand } from '../../support/commands.js';
import { testFolder } from '../../support/folder.js';

const MIB = 2 ** 20;
const children = new Set<ChildProcess>();

/** Starts test/fixtures/commands/listener.mjs; it says when it has done what it was told. */
async function start(...args: string[]): Promise<{ child: ChildProcess; pid: number }> {
  const [program = '', ...rest] = fixtureCommand('listener.mjs', args).run;
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  children.add(child);
  await once(child, 'spawn');
  return { child, pid: child.pid as number };
}

afterEach(() => {
  for (const { pid } of children) {
    try {
      // The group, which is of this test alone.
      process.kill(-(pid as number), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  children.clear();
});

/** Reads until it is so. */
async function until(
  processes: { read(): ProcessesReading | null },
  isSo: (reading: ProcessesReading | null) => boolean,
): Promise<ProcessesReading | null> {
  let reading: ProcessesReading | null = null;
  await expect
    .poll(
      () => {
        reading = processes.read();
        return isSo(reading);
      },
      { timeout: 10_000, interval: 50 },
    )
    .toBe(true);
  return reading;
}

describe.skipIf(process.platform !== 'linux')('a tree of processes', () => {
  test('has the memory and the CPU of its root, as much as that holds and burns', async () => {
    const { pid } = await start('--hold', '150', '--burn', '800');
    const tree = new ProcessTree(() => pid);
    const reading = await until(
      tree,
      (each) =>
        each !== null && each.cpuSeconds > 0.6 && each.privateBytes > 150 * MIB && (each.openFiles ?? 0) > 5,
    );
    expect(reading?.privateBytes).toBeLessThan(300 * MIB);
    expect(reading?.cpuSeconds).toBeLessThan(3);
    expect(reading).toMatchObject({ processes: 1 });
    expect(reading?.threads).toBeGreaterThan(3);
  });

  test('has its children too, and keeps the CPU of those that have ended', async () => {
    const { pid } = await start('--children', '2', '--burn', '500');
    const tree = new ProcessTree(() => pid);
    const before = await until(tree, (each) => each?.processes === 3 && each.cpuSeconds > 0.4);
    for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
    const after = await until(tree, (each) => each?.processes === 1);
    expect(after?.cpuSeconds).toBeGreaterThanOrEqual(before?.cpuSeconds ?? Number.NaN);
    // What the root has taken over of its children is not counted a second time.
    expect(after?.cpuSeconds).toBeLessThan((before?.cpuSeconds ?? Number.NaN) + 0.3);
  });

  test('still has those whose parent has ended, and is nothing once all have', async () => {
    const { child, pid } = await start('--children', '1');
    const tree = new ProcessTree(() => pid);
    const before = await until(tree, (each) => each?.processes === 2);
    const [orphan = 0] = childrenOf(pid);
    child.kill('SIGKILL');
    const after = await until(tree, (each) => each?.processes === 1);
    expect(after?.cpuSeconds).toBeGreaterThanOrEqual(before?.cpuSeconds ?? Number.NaN);
    process.kill(orphan, 'SIGKILL');
    await until(tree, (each) => each === null);
  });

  test('goes on with another root, as a server that was killed and is back', async () => {
    let { pid } = await start('--burn', '400');
    const tree = new ProcessTree(() => pid, { leadsSession: true });
    const before = await until(tree, (each) => (each?.cpuSeconds ?? 0) > 0.3);
    process.kill(pid, 'SIGKILL');
    await until(tree, (each) => each === null);
    ({ pid } = await start());
    const after = await until(tree, (each) => each !== null);
    expect(after?.cpuSeconds).toBeGreaterThanOrEqual(before?.cpuSeconds ?? Number.NaN);
  });

  test('of a process that is not there is nothing', () => {
    expect(new ProcessTree(() => 2 ** 22 + 1).read()).toBeNull();
    expect(new ProcessTree(() => undefined, { leadsSession: true }).read()).toBeNull();
  });
});

describe.skipIf(process.platform !== 'linux')('a control group', () => {
  test('has the processes in it and below it, and the CPU that the kernel counted for it', async () => {
    const [one, other] = [await start(), await start('--hold', '50')];
    const folder = testFolder();
    const below = join(folder, 'worker');
    mkdirSync(below);
    writeFileSync(join(folder, 'cgroup.procs'), `${one.pid}\n`);
    writeFileSync(join(below, 'cgroup.procs'), `${other.pid}\n`);
    const group = new ProcessGroup(folder);
    const reading = await until(group, (each) => (each?.privateBytes ?? 0) > 50 * MIB);
    expect(reading).toMatchObject({ processes: 2 });
    appendFileSync(join(folder, 'cpu.stat'), 'usage_usec 12500000\nuser_usec 5\n');
    expect(group.read()?.cpuSeconds).toBe(12.5);
  });

  test('that is gone has nothing', () => {
    expect(new ProcessGroup('/sys/fs/cgroup/there-is-no-such-group').read()).toBeNull();
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
