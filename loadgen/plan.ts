import { isIPv4 } from 'node:net';
import { formatAddress, isLoopback } from '../protocol/address.js';
import type { Phase, Scenario } from '../scenarios/scenario.js';
import type { AgentPlan, DriverPlan, Endpoint } from './agent-messages.js';
import { THIS_HOST } from './coordination/local-agents.js';
import { SPARE_FILES } from './host-facts.js';
import { RunError } from './run-error.js';
import {
  CLIENT_NETWORK,
  MOST_PACKET_AGENTS,
  MOST_PACKET_CLIENTS,
  overlap,
} from './transports/packets/packet-addresses.js';

/** Fewer clients than this are not worth another process. */
const FEWEST_CLIENTS_AN_AGENT = 1000;

const MOST_AGENTS = { sockets: Number.POSITIVE_INFINITY, packets: MOST_PACKET_AGENTS };

/** What counts of a machine for how many clients it holds. */
export interface PlanHost {
  id: string;
  /** For people. */
  name: string;
  cores: number;
  /** Descriptors that one process may hold; null: no limit. */
  openFiles: number | null;
  /** Workers of a server on this host, which want cores as well; 0: the server is elsewhere. */
  serverWorkers: number;
}

/** What a plan is made from beside the scenario. */
export interface PlanFacts {
  /** Empty: a server that has yet to be started, and chooses its ports itself. */
  endpoints: Endpoint[];
  /** Machines that agents may be put on; one of them, or more. */
  hosts: readonly PlanHost[];
  driver: DriverPlan;
  /** Seconds since 1970. Differs between runs; see source-addresses.ts. */
  run: number;
}

/**
 * Divides the clients and the rates of a scenario among agents. Every agent but the last has whole pairs and whole
 * groups, because those are neighbours.
 * @throws RunError `C2M_INPUT` for a target that is neither on this host nor allowed by the scenario
 */
export function planAgents(scenario: Scenario, facts: PlanFacts): AgentPlan[] {
  const { clients, seed, target } = scenario;
  if (scenario.generator.transport === 'packets') checkPackets(scenario, facts);
  else for (const endpoint of facts.endpoints) refuseForeign(scenario, endpoint);
  const together = scenario.groups ? wholePairs(scenario.groups.members) : 2;
  const blocks = Math.ceil(clients.count / together);
  const seats = agentHosts(scenario, facts, together, blocks);
  const agents = seats.length;
  const plans = Array.from({ length: agents }, (_, agent): AgentPlan => {
    const first = Math.floor((blocks * agent) / agents) * together;
    const end = Math.min(clients.count, Math.floor((blocks * (agent + 1)) / agents) * together);
    const count = end - first;
    const share = count / clients.count;
    return {
      agent,
      host: (seats[agent] as PlanHost).id,
      transport: scenario.generator.transport,
      seed: seed + agent * 7919,
      run: facts.run,
      firstUser: clients.firstUser + first,
      count,
      endpoints: facts.endpoints,
      driver: facts.driver,
      webSocket: target.kind === 'embedded' ? null : target.websocket,
      insecure: target.kind === 'embedded' || target.insecure,
      connectRate: clients.connectRate * share,
      reconnectRate: clients.reconnectRate * share,
      connectTimeoutMs: clients.connectTimeoutMs,
      heartbeatMs: clients.heartbeatMs,
      messages: scenario.messages,
      groups: scenario.groups,
      isServerFresh: target.kind === 'embedded',
      attachments: [],
    };
  });
  return plans;
}

/** The same plans for a server that listens here. */
export function withEndpoints(plans: readonly AgentPlan[], endpoints: Endpoint[]): AgentPlan[] {
  return plans.map((plan) => ({ ...plan, endpoints }));
}

/** The share of a phase that falls to an agent with `count` of `total` clients. */
export function phaseShare(phase: Phase, count: number, total: number): Phase {
  const share = count / total;
  return { ...phase, messageRate: phase.messageRate * share, churnRate: phase.churnRate * share };
}

/** The fewest clients that are whole groups and whole pairs. */
function wholePairs(members: number): number {
  return members % 2 === 0 ? members : 2 * members;
}

/**
 * The host of each agent, those of one host next to each other.
 * @param together clients that one agent has all of, or none
 */
function agentHosts(scenario: Scenario, { hosts }: PlanFacts, together: number, blocks: number): PlanHost[] {
  const { clients, generator } = scenario;
  const used = hosts.slice(0, generator.agents === 'auto' ? blocks : Math.min(blocks, generator.agents));
  const spare = used.map(spareCores);
  const allSpare = spare.reduce((sum, cores) => sum + cores, 0);
  const shares = spare.map((cores) => Math.ceil((clients.count * cores) / allSpare));
  const wanted = used.map((host, index) => ({
    host,
    fewest: fewestAgents(scenario, host, shares[index] as number, together),
    useful: usefulAgents(scenario, host, shares[index] as number),
  }));
  const needed = wanted.reduce((sum, { fewest }) => sum + fewest, 0);
  if (generator.agents === 'auto') {
    const seats = wanted.flatMap(({ host, fewest, useful }) =>
      new Array<PlanHost>(Math.max(fewest, useful)).fill(host),
    );
    return seats.slice(0, Math.min(blocks, MOST_AGENTS[generator.transport]));
  }
  if (generator.agents < needed)
    throw new RunError(
      'C2M_INPUT',
      `generator.agents: ${generator.agents} agents cannot hold ${clients.count} clients with ` +
        `${used[0]?.openFiles} open files a process; write ${needed} or more, or auto`,
    );
  const agents = Math.min(blocks, generator.agents, MOST_AGENTS[generator.transport]);
  return Array.from(
    { length: agents },
    (_, agent) => used[Math.floor((agent * used.length) / agents)] as PlanHost,
  );
}

function spareCores({ cores, serverWorkers }: PlanHost): number {
  return Math.max(1, cores - serverWorkers);
}

/** As many as hold that many clients. A client of the packet transport is no file of the agent. */
function fewestAgents({ generator }: Scenario, host: PlanHost, clients: number, together: number): number {
  if (generator.transport === 'packets') return Math.ceil(clients / MOST_PACKET_CLIENTS);
  if (host.openFiles === null) return 1;
  const perProcess = Math.max(1, host.openFiles - SPARE_FILES);
  const blocksPerProcess = Math.max(1, Math.floor(perProcess / together));
  return Math.ceil(Math.ceil(clients / together) / blocksPerProcess);
}

function usefulAgents({ generator }: Scenario, host: PlanHost, clients: number): number {
  const worthwhile = Math.ceil(clients / FEWEST_CLIENTS_AN_AGENT);
  // Packets are the kernel's work as well; a second agent pays only with cores to spare.
  const cores = generator.transport === 'packets' ? Math.floor(host.cores / 2) : spareCores(host);
  return Math.max(1, Math.min(cores, worthwhile, MOST_AGENTS[generator.transport]));
}

/** On this host the namespace of the run holds its own server and nothing else; other machines send packets to theirs. */
function checkPackets(scenario: Scenario, { hosts, endpoints }: PlanFacts): void {
  const { target } = scenario;
  if (!hosts.some(({ id }) => id === THIS_HOST)) {
    checkPacketsBetweenHosts(scenario, endpoints);
    return;
  }
  if (target.kind === 'embedded' && (target.protocol === 'tcp' || target.protocol === 'ws')) return;
  if (target.kind === 'command') {
    for (const address of target.addresses) checkPacketAddress(address);
    return;
  }
  throw new RunError(
    'C2M_INPUT',
    'generator.transport: packets takes an embedded target, or one that target.command starts, over tcp or ws; ' +
      'write target: embedded, or transport: sockets; or take agents on other machines (--agents)',
  );
}

function checkPacketsBetweenHosts(scenario: Scenario, endpoints: readonly Endpoint[]): void {
  if (scenario.target.kind !== 'external')
    throw new RunError(
      'C2M_INPUT',
      'generator.transport: packets of agents on other machines takes a target that listens already; ' +
        'write target: tcp://host:port with target.allow, or transport: sockets',
    );
  for (const endpoint of endpoints) {
    const { protocol, host } = endpoint;
    const why =
      protocol !== 'tcp' && protocol !== 'ws'
        ? 'is not over tcp or ws'
        : !isIPv4(host)
          ? 'has no IPv4 address'
          : isLoopback(host) || host === '0.0.0.0'
            ? 'is on each machine its own loopback'
            : overlap(host, CLIENT_NETWORK)
              ? `is within ${CLIENT_NETWORK}, where the clients are`
              : undefined;
    if (why !== undefined)
      throw new RunError(
        'C2M_INPUT',
        `target.addresses: ${formatAddress(endpoint)} ${why}, so packets of other machines do not get there; ` +
          "write the server's address on their network, such as tcp://192.0.2.7:4000, or transport: sockets",
      );
    refuseForeign(scenario, endpoint);
  }
}

/** In the namespace it is reached at an address of that alone, so what the scenario names is the port. */
function checkPacketAddress(address: string): void {
  if (/^(tcp|ws):\/\/(0\.0\.0\.0|127\.0\.0\.1|localhost):/i.test(address)) return;
  throw new RunError(
    'C2M_INPUT',
    `target.addresses: ${address} is not carried by packets; write tcp:// or ws:// with 0.0.0.0, where the server then has to listen`,
  );
}

function refuseForeign({ target }: Scenario, { host }: Endpoint): void {
  if (isLoopback(host)) return;
  const allowed = target.kind === 'embedded' ? [] : target.allow;
  const names = target.kind === 'embedded' ? [] : target.addresses;
  if (allowed.includes(host) || names.some((name) => allowed.some((each) => name.includes(`//${each}:`))))
    return;
  throw new RunError(
    'C2M_INPUT',
    `target: ${host} is not on this host, and load goes elsewhere only on purpose; ` +
      'add the host to target.allow if it is yours to load',
  );
}
