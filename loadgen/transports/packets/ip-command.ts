import { spawnSync } from 'node:child_process';
import { PacketsError } from './packets-error.js';

const ANSWERS_WITHIN_MS = 10_000;
/** Of a user who became root without root's own path. */
const WHERE_IT_IS = '/usr/sbin:/sbin';

/**
 * Runs `ip` of iproute2 in the network namespace that this process is in.
 * @returns what it printed
 * @throws PacketsError with what it said
 */
export function ip(...args: string[]): string {
  return run(args);
}

/**
 * Several of them by one process: on a busy machine each takes its time, and whoever waits answers nobody. Those after one that
 * fails are not done.
 */
export function ipAll(commands: readonly string[], ...options: string[]): string {
  return commands.length === 0 ? '' : run([...options, '-batch', '-'], `${commands.join('\n')}\n`);
}

function run(args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync('ip', args, {
    encoding: 'utf8',
    input,
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:${WHERE_IT_IS}` },
    timeout: ANSWERS_WITHIN_MS,
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new PacketsError('the program ip is missing here; install iproute2');
  if (status === 0) return stdout;
  const words = [args.join(' '), ...input.trim().split('\n')].filter(Boolean).join('; ');
  throw new PacketsError(`ip ${words}: ${error?.message ?? stderr.trim().replace(/\n/g, '; ')}`);
}

/** An interface as `ip -j address` tells it. */
export interface IpInterface {
  ifname: string;
  addr_info: { local: string; prefixlen: number }[];
}

/** A route as `ip -j route` tells it. */
export interface IpRoute {
  /** `local`: to this machine itself. */
  type?: string;
  /** `default`, a network with its length, or an address. */
  dst: string;
  gateway?: string;
  dev?: string;
  /** Of this machine, from which it sends there. */
  prefsrc?: string;
}

export function interfaces(): IpInterface[] {
  return JSON.parse(ip('-j', '-4', 'address', 'show')) as IpInterface[];
}

export function routes(): IpRoute[] {
  return JSON.parse(ip('-j', '-4', 'route', 'show')) as IpRoute[];
}

/**
 * The ways that the kernel would take.
 * @throws PacketsError where there is none
 */
export function routesTo(addresses: readonly string[]): IpRoute[] {
  // A line for each, with one route in a list.
  return ipAll(
    addresses.map((address) => `route get ${address}`),
    '-j',
    '-4',
  )
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => JSON.parse(line) as IpRoute[]);
}
