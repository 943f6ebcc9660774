import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, vi } from 'vitest';
import { environment, inNamespace, ip } from './ip.js';
import { cleanNetworks } from './network.js';

/** Why hosts cannot be made here, and what would be needed; null: they can. */
export const missingForHosts: string | null = findMissing();

/** Why a host cannot have a clock of its own here; null: it can. */
export const missingForClocks: string | null = clockProblem();

/** Tests that need hosts; where there can be none they are skipped, and their name says why. */
export function describeHosts(title: string, tests: () => void): void {
  // A dozen processes start for each, on few cores.
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
  // Also where the network was not whole when it was given up.
  afterAll(cleanNetworks);
  if (missingForHosts === null) describe(title, tests);
  else describe.skip(`${title}: skipped, because ${missingForHosts}`, tests);
}

function findMissing(): string | null {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.geteuid?.() !== 0) return 'network namespaces need root';
  const programs = { ip: 'iproute2', tc: 'iproute2', ss: 'iproute2', 'nats-server': 'nats-server' };
  for (const [program, name] of Object.entries(programs)) {
    if (!environment.PATH.split(':').some((folder) => existsSync(join(folder, program))))
      return `${program} is not installed (Debian: apt-get install ${name})`;
  }
  return kernelProblem();
}

/** What the kernel, or the container that this runs in, refuses. */
function kernelProblem(): string | null {
  const name = `c2mprobe-${process.pid}`;
  try {
    ip('netns', 'add', name);
  } catch (error) {
    return `a network namespace cannot be made, which needs CAP_SYS_ADMIN: ${(error as Error).message}`;
  }
  try {
    ip('-n', name, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'two');
    inNamespace(
      name,
      'tc',
      'qdisc',
      'add',
      'dev',
      'one',
      ...'root tbf rate 1mbit burst 16kb latency 1s'.split(' '),
    );
    return null;
  } catch (error) {
    return `the kernel lacks veth, bridges or tbf: ${(error as Error).message}`;
  } finally {
    ip('netns', 'del', name);
  }
}

function clockProblem(): string | null {
  const { status, stderr, error } = spawnSync('unshare', ['--time', '--monotonic', '1000', 'true'], {
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return `time namespaces need Linux 5.6, CAP_SYS_ADMIN, and unshare of util-linux 2.36: ${error?.message ?? stderr.trim()}`;
}
