import { isIP } from 'node:net';
import { isLoopback } from '../protocol/address.js';
import type { Phase, Scenario } from '../scenarios/scenario.js';
import type { AgentPlan, DriverPlan, Endpoint } from './agent-messages.js';
import { SPARE_FILES } from './host-facts.js';
import { RunError } from './run-error.js';
import { loopbackSources } from './source-addresses.js';
import { MOST_PACKET_AGENTS } from './transports/packets/packet-addresses.js';

/** Fewer clients than this are not worth another process. */
const FEWEST_CLIENTS_AN_AGENT = 1000;

/** What a plan is made from beside the scenario. */
export interface PlanFacts {
  /** Empty: a server that has yet to be started, and chooses its ports itself. */
  endpoints: Endpoint[];
  cores: number;
  /** Descriptors that one process may hold; null: no limit. */
  openFiles: number | null;
  /** Workers of a server on this host, which want cores as well; 0: the server is elsewhere. */
  serverWorkers: number;
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
  if (scenario.generator.transport === 'packets') checkPackets(scenario);
  else for (const endpoint of facts.endpoints) refuseForeign(scenario, endpoint);
  const together = scenario.groups ? wholePairs(scenario.groups.members) : 2;
  const blocks = Math.ceil(clients.count / together);
  const agents = Math.min(blocks, countAgents(scenario, facts, together));
  const plans = Array.from({ length: agents }, (_, agent): AgentPlan => {
    const first = Math.floor((blocks * agent) / agents) * together;
    const end = Math.min(clients.count, Math.floor((blocks * (agent + 1)) / agents) * together);
    const count = end - first;
    const share = count / clients.count;
    return {
      agent,
      transport: scenario.generator.transport,
      seed: seed + agent * 7919,
      run: facts.run,
      firstUser: clients.firstUser + first,
      count,
      endpoints: [],
      sourceAddresses: [],
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
  return withEndpoints(plans, facts.endpoints, facts.run);
}

/** The same plans for a server that listens here. @param run seconds since 1970, as in `PlanFacts` */
export function withEndpoints(plans: readonly AgentPlan[], endpoints: Endpoint[], run: number): AgentPlan[] {
  const isLocal = endpoints.every(({ host }) => isLoopback(host) && isIP(host) === 4);
  return plans.map((plan) => ({
    ...plan,
    endpoints,
    sourceAddresses: isLocal ? loopbackSources(run, plan.agent, plan.count) : [],
  }));
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

/** @param together clients that one agent has all of, or none */
function countAgents({ clients, generator }: Scenario, facts: PlanFacts, together: number): number {
  // A client of the packet transport is no file of the agent; a second agent pays only with cores to spare.
  if (generator.transport === 'packets') {
    const useful = Math.max(
      1,
      Math.min(Math.floor(facts.cores / 2), Math.ceil(clients.count / FEWEST_CLIENTS_AN_AGENT)),
    );
    return Math.min(generator.agents === 'auto' ? useful : generator.agents, MOST_PACKET_AGENTS);
  }
  const perProcess = facts.openFiles === null ? clients.count : Math.max(1, facts.openFiles - SPARE_FILES);
  const blocksPerProcess = Math.max(1, Math.floor(perProcess / together));
  const needed = Math.ceil(Math.ceil(clients.count / together) / blocksPerProcess);
  if (generator.agents === 'auto') {
    const spareCores = Math.max(1, facts.cores - facts.serverWorkers);
    const useful = Math.ceil(clients.count / FEWEST_CLIENTS_AN_AGENT);
    return Math.max(needed, Math.min(spareCores, useful));
  }
  if (generator.agents >= needed) return generator.agents;
  throw new RunError(
    'C2M_INPUT',
    `generator.agents: ${generator.agents} agents cannot hold ${clients.count} clients with ` +
      `${facts.openFiles} open files a process; write ${needed} or more, or auto`,
  );
}

/** The namespace of the run holds its own server and nothing else. */
function checkPackets({ target }: Scenario): void {
  if (target.kind === 'embedded' && (target.protocol === 'tcp' || target.protocol === 'ws')) return;
  if (target.kind === 'command') {
    for (const address of target.addresses) checkPacketAddress(address);
    return;
  }
  throw new RunError(
    'C2M_INPUT',
    'generator.transport: packets takes an embedded target, or one that target.command starts, over tcp or ws; ' +
      'write target: embedded, or transport: sockets',
  );
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
