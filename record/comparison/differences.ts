import type { RunRecord } from '../run.js';

/** What is not the same in two sets of runs: `faults` make them no comparison, `warnings` may explain a figure. */
export interface Differences {
  faults: string[];
  warnings: string[];
}

/** Of the scenario, what is no part of the load; where a server of another address listens is told as a warning. */
const NO_WORKLOAD = new Set(['name', 'description', 'gates', 'reference', 'seed', 'agents']);
/** By how many processes the same load is made; how many there were, and where, is told of the hosts. */
const HOW_MADE = new Set(['generator.agents']);
const GIB = 1024 ** 3;
const WHERE = /^target\.(addresses|admin|media|allow)\b/;

/** @param differing paths of the resolved scenario that are meant to differ */
export function differencesOf(
  base: readonly RunRecord[],
  current: readonly RunRecord[],
  differing: readonly string[] = [],
): Differences {
  const [first] = base;
  if (!first) return { faults: [], warnings: [] };
  const all = [...base, ...current];
  const paths = new Set(all.flatMap((run) => differingPaths(workloadOf(first), workloadOf(run))));
  const isMeant = (path: string): boolean =>
    differing.some((meant) => path === meant || path.startsWith(`${meant}.`));
  const workload = [...paths].filter((path) => !isMeant(path) && !HOW_MADE.has(path));
  const faults = workload
    .filter((path) => !WHERE.test(path))
    .map(
      (path) =>
        `another workload: ${path} is ${each(all, (run) => valueAt(workloadOf(run), path, 'not set'))}`,
    );
  const protocols = new Set(all.map(protocolOf));
  const changed = all.filter(({ rateChanges = [] }) => rateChanges.length > 0).length;
  if (changed > 0)
    faults.push(
      `another workload: the rate of messages was changed by hand in ${changed} of the ${all.length} runs`,
    );
  if (protocols.size > 1 && !isMeant('target'))
    faults.push(`another protocol: ${[...protocols].join(' and ')}`);
  const where = workload.filter((path) => WHERE.test(path));
  return {
    faults,
    warnings: [
      ...(where.length > 0 ? [`the targets are at different addresses: ${where.join(', ')}`] : []),
      ...differing.map((path) => `meant to differ: ${path}`),
      ...hostWarnings(first, all),
    ],
  };
}

function workloadOf({ scenario }: RunRecord): Record<string, unknown> {
  return Object.fromEntries(Object.entries(scenario.resolved).filter(([key]) => !NO_WORKLOAD.has(key)));
}

function protocolOf({ target }: RunRecord): string {
  const schemes = target.addresses.map((address) => address.slice(0, Math.max(0, address.indexOf(':'))));
  return [...new Set(schemes)].sort().join(', ');
}

function hostWarnings(first: RunRecord, all: readonly RunRecord[]): string[] {
  const hostOf = (run: RunRecord) => {
    // Another c2m is what one compares for; another machine is not.
    const { c2m: _, ...host } = run.environment;
    const { target, generator } = run;
    return {
      ...host,
      serverWorkers: target.serverWorkers,
      agents: generator.agents,
      'hosts of the agents': agentHosts(run),
    };
  };
  const paths = new Set(all.flatMap((run) => differingPaths(hostOf(first), hostOf(run))));
  return [...paths].map((path) => `different ${path}: ${each(all, (run) => valueAt(hostOf(run), path))}`);
}

/**
 * Machines that the clients were on, those of a kind together: `2 (AMD EPYC 7B13, 8 cores, 32 GiB, Linux 6.8.0, v22.12.0)`.
 * Their names are not in it: a machine of a pool has another one each time.
 */
function agentHosts({ hosts }: RunRecord): string {
  // What that is, the other figures say; older records tell of no other.
  if (hosts.every(({ clock }) => clock === null)) return 'the machine of the coordinator';
  const all = hosts.map(({ environment }) => environment);
  const kinds = new Map<string, number>();
  for (const { cpuModel, cores, memoryBytes, kernel, node } of all) {
    const memory = `${Math.round((memoryBytes / GIB) * 10) / 10} GiB`;
    const kind = [cpuModel, `${cores} ${cores === 1 ? 'core' : 'cores'}`, memory, kernel, node].join(', ');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const words = [...kinds].sort(([one], [other]) => one.localeCompare(other));
  return words.map(([kind, count]) => `${count} (${kind})`).join(' and ');
}

/** The different values, in the order in which they first appear. */
function each(runs: readonly RunRecord[], of: (run: RunRecord) => string): string {
  return [...new Set(runs.map(of))].join(', ');
}

/** Paths of the leaves that are not the same in both, arrays walked by index. */
export function differingPaths(one: unknown, other: unknown, path = ''): string[] {
  if (isContainer(one) && isContainer(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].flatMap((key) => differingPaths(one[key], other[key], path ? `${path}.${key}` : key));
  }
  return JSON.stringify(one) === JSON.stringify(other) ? [] : [path];
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function valueAt(root: unknown, path: string, missing = 'not known'): string {
  let node = root;
  for (const key of path.split('.')) node = isContainer(node) ? node[key] : undefined;
  if (node === undefined || node === null) return missing;
  return typeof node === 'object' ? JSON.stringify(node) : String(node);
}
