import { existsSync } from 'node:fs';
import type { HostFacts } from '../loadgen/host-facts.js';
import { expectedDurationMs } from '../scenarios/expected-duration.js';
import type { Scenario, WireProtocol } from '../scenarios/scenario.js';
import { type ConnectionCost, capacityOf, clientsPerProcess } from './host-capacity.js';
import type { PlannedTarget } from './target.js';

/** How a scenario would sit on this host. */
export interface Fit {
  scenario: string;
  clients: number;
  protocol: WireProtocol;
  serverWorkers: number | null;
  agents: number;
  /** What each connection costs whom; null where the transport's ends are not told apart. */
  cost: ConnectionCost | null;
  bytes: number;
  /** Settings of this host that the scenario needs, and does not find: `sysctl -w` takes them. */
  sysctls: string[];
  expectedSeconds: number;
  fits: boolean;
  /** What is short, where it does not fit. */
  short: string | null;
}

/** @param target as `planTarget` has planned it for this host */
export function fitOf(scenario: Scenario, target: PlannedTarget, facts: HostFacts): Fit {
  const { count } = scenario.clients;
  const protocol =
    scenario.target.kind === 'embedded'
      ? scenario.target.protocol
      : target.kind === 'embedded'
        ? 'tcp'
        : (target.endpoints[0]?.protocol ?? 'tcp');
  const { transport } = scenario.generator;
  const capacity = capacityOf(facts, protocol, transport);
  const perProcess = clientsPerProcess(facts);
  const serverWorkers = target.kind === 'embedded' ? target.config.workers : null;
  const short =
    (transport === 'packets' ? whatPacketsLack() : null) ??
    (count > capacity.connections
      ? capacity.boundBy
      : serverWorkers !== null && count > serverWorkers * perProcess
        ? 'open files of the server workers'
        : null);
  return {
    scenario: scenario.name,
    clients: count,
    protocol,
    serverWorkers,
    agents: target.plans.length,
    cost: capacity.cost,
    bytes: count * capacity.bytesPerConnection,
    sysctls: missingSysctls(count * capacity.filesPerConnection, facts),
    expectedSeconds: expectedDurationMs(scenario) / 1000,
    fits: short === null,
    short,
  };
}

/** What the packet transport needs of a host beside Linux; null where all is there. */
export function whatPacketsLack(): string | null {
  if (process.geteuid?.() !== 0) return 'the rights of this user (root, for a namespace and a TUN device)';
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun, which is missing here,';
  return null;
}

/** Files that are open in the whole system beside connections. */
const OTHER_FILES = 50_000;

function missingSysctls(files: number, { fileMax, filesInUse }: HostFacts): string[] {
  const needed = files + OTHER_FILES + (filesInUse ?? 0);
  return fileMax !== null && fileMax < needed ? [`fs.file-max=${Math.ceil(needed / 1e5) * 1e5}`] : [];
}
