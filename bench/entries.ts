import { createRequire } from 'node:module';

/** Built files that only the benchmarks start processes from; those of the lab itself are in ../entries.ts. */
const ENTRIES = {
  abuseServer: 'abuse/server-launcher.js',
  attacker: 'abuse/attacker-process.js',
  bystander: 'abuse/bystander-process.js',
  clusterBus: 'cluster-bus-process.js',
  coordinatorAgents: 'coordinator-agents.js',
  countingServer: 'peers/counting-server.js',
  flood: 'flood-process.js',
  relay: 'relay-process.js',
} as const;

export type BenchEntry = keyof typeof ENTRIES;

/** Their names, for whoever checks that all of them are there. */
export const BENCH_ENTRY_NAMES = Object.keys(ENTRIES) as BenchEntry[];

export function builtBenchEntry(entry: BenchEntry): string {
  return createRequire(import.meta.url).resolve(`#dist/bench/${ENTRIES[entry]}`);
}
