import type { RecordedAgent, RecordedHost, RunRecord } from '../../record/run.js';

/** A machine that clients were on, and what its agents come to. */
export interface HostLoad {
  host: RecordedHost;
  /** Those that were lost first, then by lag, the slowest first. */
  agents: RecordedAgent[];
  /** How many of them were lost. */
  lost: number;
  clients: number;
  messagesPerSecond: number | null;
  /** Of its slowest agent: percentiles are not added up. */
  lagP99Ms: number | null;
  /** All its agents together, on average while the phases ran. */
  cores: number | null;
  /** The peaks of its agents together, which need not have come at one time. */
  privateBytes: number | null;
}

/** An agent and where it was. */
export interface PlacedAgent extends RecordedAgent {
  host: string;
}

/** All agents of a run; none in older records. */
export function agentsOf({ hosts }: RunRecord): PlacedAgent[] {
  return hosts.flatMap(({ name, agents }) => agents.map((agent) => ({ ...agent, host: name })));
}

/** A run in one process of this machine has nothing to tell of where its load came from. */
export function hasLoadSources(record: RunRecord): boolean {
  const agents = agentsOf(record);
  return agents.length > 1 || areClientsElsewhere(record) || agents.some(({ lost }) => lost !== null);
}

/** Whether clients were on another machine than that of the coordinator. */
export function areClientsElsewhere({ hosts }: Pick<RunRecord, 'hosts'>): boolean {
  return hosts.some(({ clock }) => clock !== null);
}

/** The hosts, those with losses first, then by lag, the slowest first. */
export function hostLoads({ hosts }: RunRecord): HostLoad[] {
  return hosts.map(hostLoad).sort((one, other) => other.lost - one.lost || byLag(one, other));
}

function hostLoad(host: RecordedHost): HostLoad {
  const agents = [...host.agents].sort(
    (one, other) => Number(other.lost !== null) - Number(one.lost !== null) || byLag(one, other),
  );
  const lags = agents.map(({ lagP99Ms }) => lagP99Ms).filter((lag) => lag !== null);
  return {
    host,
    agents,
    lost: agents.filter(({ lost }) => lost !== null).length,
    clients: agents.reduce((sum, { clients }) => sum + clients, 0),
    messagesPerSecond: sumOf(agents.map(({ messagesPerSecond }) => messagesPerSecond)),
    lagP99Ms: lags.length === 0 ? null : Math.max(...lags),
    cores: sumOf(agents.map(({ cpuCores }) => cpuCores.mean)),
    privateBytes: sumOf(agents.map(({ privateBytesPeak }) => privateBytesPeak)),
  };
}

function byLag(one: { lagP99Ms: number | null }, other: { lagP99Ms: number | null }): number {
  return (other.lagP99Ms ?? -1) - (one.lagP99Ms ?? -1);
}

/** Of those that told; null where none did. */
export function sumOf(values: readonly (number | null)[]): number | null {
  const told = values.filter((value) => value !== null);
  return told.length === 0 ? null : told.reduce((sum, value) => sum + value, 0);
}
