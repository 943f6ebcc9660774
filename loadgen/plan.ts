import { isIPv4 } from 'node:net';
import { formatAddress, isLoopback } from '../protocol/address.js';
import type { Scenario } from '../scenarios/scenario.js';
import type { AgentPlan, DriverPlan, Endpoint, TlsPlan } from './agent-messages.js';
import { THIS_HOST } from './coordination/local-agents.js';
import { boundOf, clientsPerAgent, type PlanHost, words } from './plan-host.js';
import { RunError } from './run-error.js';
import { CLIENT_NETWORK, MOST_PACKET_AGENTS, overlap } from './transports/packets/packet-addresses.js';
import { fillByWeight } from './water-filling.js';

export type { PlanHost } from './plan-host.js';

/** Fewer clients than this are not worth another process. */
const FEWEST_CLIENTS_AN_AGENT = 1000;

const MOST_AGENTS = { sockets: Number.POSITIVE_INFINITY, packets: MOST_PACKET_AGENTS };

/** What a plan is made from beside the scenario. */
export interface PlanFacts {
  /** Empty: a server that has yet to be started, and chooses its ports itself. */
  endpoints: Endpoint[];
  /** Machines that agents may be put on; one of them, or more. */
  hosts: readonly PlanHost[];
  driver: DriverPlan;
  /** Left out: nothing but what Node does by itself. */
  tls?: TlsPlan;
  /** Seconds since 1970. Differs between runs; see source-addresses.ts. */
  run: number;
}

/**
 * Divides the clients and the connects of a scenario among agents, those of one host next to each other. Every agent but the
 * last has whole pairs and whole groups, because those are neighbours.
 * @throws RunError `C2M_INPUT` for a target that is neither on this host nor allowed by the scenario, and where the hosts
 * together hold too few clients
 */
export function planAgents(scenario: Scenario, facts: PlanFacts): AgentPlan[] {
  const { clients, seed, target } = scenario;
  if (scenario.generator.transport === 'packets') checkPackets(scenario, facts);
  else for (const endpoint of facts.endpoints) refuseForeign(scenario, endpoint);
  const together = scenario.groups ? wholePairs(scenario.groups.members) : 2;
  let first = 0;
  return agentSeats(scenario, facts, together).map(({ host, blocks }, agent): AgentPlan => {
    const firstUser = clients.firstUser + first;
    const count = Math.min(clients.count - first, blocks * together);
    const share = count / clients.count;
    first += count;
    return {
      agent,
      host: host.id,
      transport: scenario.generator.transport,
      seed,
      run: facts.run,
      firstUser,
      count,
      population: { firstUser: clients.firstUser, count: clients.count },
      endpoints: facts.endpoints,
      partnersApart: hasNodes(target, facts.endpoints),
      driver: facts.driver,
      webSocket: target.kind === 'embedded' ? null : target.websocket,
      insecure: target.kind === 'embedded' || target.insecure,
      tls: facts.tls ?? {},
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
}

/** The addresses of one server of our own are its workers; those of a cluster, and those that a scenario names, are nodes. */
function hasNodes(target: Scenario['target'], endpoints: readonly Endpoint[]): boolean {
  return target.kind === 'embedded' ? (target.cluster?.nodes ?? 1) > 1 : endpoints.length > 1;
}

/** The same plans for a server that listens here. */
export function withEndpoints(plans: readonly AgentPlan[], endpoints: Endpoint[]): AgentPlan[] {
  return plans.map((plan) => ({ ...plan, endpoints }));
}

/** The fewest clients that are whole groups and whole pairs. */
function wholePairs(members: number): number {
  return members % 2 === 0 ? members : 2 * members;
}

/** One agent: where it is, and how many blocks of neighbours it has, at least one. */
interface Seat {
  host: PlanHost;
  blocks: number;
}

/** @param together clients of a block, which one agent has all of, or none */
function agentSeats(scenario: Scenario, facts: PlanFacts, together: number): Seat[] {
  return hostParts(scenario, facts, together).flatMap(({ host, blocks, agents }) =>
    Array.from({ length: agents }, (_, agent) => ({
      host,
      blocks: Math.floor((blocks * (agent + 1)) / agents) - Math.floor((blocks * agent) / agents),
    })),
  );
}

/** What falls to one host. */
interface HostPart {
  host: PlanHost;
  blocks: number;
  agents: number;
}

function hostParts(scenario: Scenario, { hosts, endpoints }: PlanFacts, together: number): HostPart[] {
  const { clients, generator } = scenario;
  const blocks = Math.ceil(clients.count / together);
  const mostAgents = Math.min(
    blocks,
    MOST_AGENTS[generator.transport],
    generator.agents === 'auto' ? Number.POSITIVE_INFINITY : generator.agents,
  );
  const used = hosts.slice(0, mostAgents);
  const bounds = used.map((host) => boundOf(scenario, host, endpoints));
  // The last block may be short: whoever holds the clients that there are holds it as well.
  const most = bounds.map((bound) =>
    bound.clients >= clients.count ? blocks : Math.floor(bound.clients / together),
  );
  if (most.reduce((sum, count) => sum + count, 0) < blocks) {
    const each = used.map(({ name }, index) => {
      const { clients: held, why } = bounds[index] as (typeof bounds)[number];
      return `${name} holds ${words(held)} (${why})`;
    });
    const remedies = [
      ...new Set(bounds.map(({ remedy }) => remedy)),
      ...(used.length < hosts.length ? ['write generator.agents: auto, for all machines to be used'] : []),
    ];
    throw new RunError(
      'C2M_INPUT',
      `clients.count: ${words(clients.count)} are more than there is room for: ${each.join('; ')}; ` +
        `${remedies.join(', or ')}, take more machines, or write fewer clients`,
    );
  }
  const filled = fillByWeight(
    blocks,
    used.map((host, index) => ({ weight: spareCores(host), most: most[index] as number })),
  );
  const parts = used
    .map((host, index) => partOf(scenario, host, filled[index] as number, together))
    .filter((part) => part.blocks > 0);
  if (generator.agents === 'auto') {
    for (const part of parts) part.agents = Math.max(part.agents, usefulAgents(scenario, part, together));
    return withinAgents(parts, mostAgents);
  }
  const needed = parts.reduce((sum, { agents }) => sum + agents, 0);
  if (generator.agents < needed)
    throw new RunError(
      'C2M_INPUT',
      `generator.agents: ${generator.agents} agents cannot hold ${clients.count} clients with ` +
        `${used[0]?.openFiles} open files a process; write ${needed} or more, or auto`,
    );
  return withAgents(parts, mostAgents);
}

/** With the fewest agents that hold so many clients. */
function partOf(scenario: Scenario, host: PlanHost, blocks: number, together: number): HostPart {
  const blocksPerAgent = Math.max(1, Math.floor(clientsPerAgent(scenario, host) / together));
  return { host, blocks, agents: Math.ceil(blocks / blocksPerAgent) };
}

/** Further agents go where each has the most to do. */
function withAgents(parts: HostPart[], agents: number): HostPart[] {
  let left = agents - parts.reduce((sum, part) => sum + part.agents, 0);
  for (; left > 0; left -= 1) {
    const busiest = parts
      .filter((part) => part.agents < part.blocks)
      .reduce<HostPart | undefined>(
        (most, part) => (most && most.blocks / most.agents >= part.blocks / part.agents ? most : part),
        undefined,
      );
    if (!busiest) break;
    busiest.agents += 1;
  }
  return parts;
}

/** No more than that together: one is taken where each has the least to do. */
function withinAgents(parts: HostPart[], mostAgents: number): HostPart[] {
  let over = parts.reduce((sum, part) => sum + part.agents, 0) - mostAgents;
  for (; over > 0; over -= 1) {
    const idlest = parts
      .filter((part) => part.agents > 1)
      .reduce<HostPart | undefined>(
        (least, part) => (least && least.blocks / least.agents <= part.blocks / part.agents ? least : part),
        undefined,
      );
    if (!idlest) break;
    idlest.agents -= 1;
  }
  return parts;
}

function spareCores({ cores, serverWorkers }: PlanHost): number {
  return Math.max(1, cores - serverWorkers);
}

function usefulAgents({ generator }: Scenario, { host, blocks }: HostPart, together: number): number {
  const worthwhile = Math.ceil((blocks * together) / FEWEST_CLIENTS_AN_AGENT);
  // Packets are the kernel's work as well; a second agent pays only with cores to spare.
  const cores = generator.transport === 'packets' ? Math.floor(host.cores / 2) : spareCores(host);
  return Math.max(1, Math.min(cores, worthwhile, blocks));
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
