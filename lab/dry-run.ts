import { THIS_HOST } from '../loadgen/coordination/local-agents.js';
import { type HostFacts, readHostFacts, SPARE_FILES } from '../loadgen/host-facts.js';
import { clientBytes, PROCESS_BYTES } from '../loadgen/plan-host.js';
import { formatAddress } from '../protocol/address.js';
import { RECORD_FILES } from '../record/folder.js';
import { type LoadedScenario, secretsOfLoaded } from '../scenarios/load.js';
import { offeredMessages } from '../scenarios/offered-load.js';
import type { Phase, Scenario } from '../scenarios/scenario.js';
import { hideInTexts } from '../scenarios/secrets.js';
import type { PlannedRun } from './plan-run.js';
import { fitOf } from './scenario-fit.js';

/** What a run would do, as far as its plan tells; plain data. */
export interface DryRun {
  scenario: string;
  file: string;
  target: {
    kind: Scenario['target']['kind'];
    /** Where clients connect to; empty: a server that has yet to be started, and chooses its ports itself. */
    addresses: string[];
    driver: string;
    /** How clients reach the reference server; null: it is another one. */
    protocol: string | null;
    /** Of each node. */
    serverWorkers: number | null;
    /** Null: it is no cluster of the run's own. */
    nodes: number | null;
    store: string | null;
    command: string[] | null;
  };
  clients: number;
  agents: { agent: number; host: string; clients: number; firstUser: number }[];
  /** Descriptors. Null: there is no limit, or no server of the run's own on this host. */
  openFiles: { limit: number | null; perAgent: number; perServerWorker: number | null };
  memory: {
    /** An estimate, of what is on this host. */
    bytes: number;
    availableBytes: number;
    /** What would not be enough; null: all of it is, as far as is known. */
    short: string | null;
  };
  /** In seconds since the first connect, as long as the server keeps up. */
  timeline: {
    name: string;
    startSeconds: number;
    seconds: number;
    /** Connects or messages that fall due a second; of a ramp, from the one to the other. */
    perSecond: number | null;
    perSecondTo: number | null;
    messages: number;
  }[];
  /** How long the drain may take at most. */
  drainSeconds: number;
  /** A message to a group is for each of its other members. */
  messages: { due: number; deliveries: number; peakPerSecond: number };
  actions: { atSeconds: number; what: string }[];
  gates: { expression: string; endsRunAfterSeconds: number | null }[];
  /** Of the environment, that the scenario reads. */
  variables: string[];
  notes: string[];
  writes: { folder: string; files: string[] };
}

/** Tells a plan without the secrets in it; nothing is started for it, and nothing written. */
export function describePlan(loaded: LoadedScenario, planned: PlannedRun, folder: string): DryRun {
  return hideInTexts(planOf(loaded, planned, folder), secretsOfLoaded(loaded));
}

function planOf(
  { scenario, source, variables = [], notes }: LoadedScenario,
  { target, gates, hosts }: PlannedRun,
  folder: string,
): DryRun {
  const { clients, phases, actions, generator, groups } = scenario;
  const due = phases.reduce((sum, phase) => sum + offeredMessages(phase), 0);
  const facts = readHostFacts();
  const names = new Map(hosts.map(({ id, name }) => [id, name]));
  const { server: files, agents: perAgent } = descriptors(scenario, target);
  return {
    scenario: scenario.name,
    file: source.file,
    target: {
      kind: scenario.target.kind,
      addresses: target.kind === 'embedded' ? [] : target.endpoints.map(formatAddress),
      driver: target.driver.name,
      protocol: scenario.target.kind === 'embedded' ? scenario.target.protocol : null,
      nodes: (scenario.target.kind === 'embedded' && scenario.target.cluster?.nodes) || null,
      serverWorkers: target.kind === 'embedded' ? target.config.workers : null,
      store: target.kind === 'embedded' ? target.config.store : null,
      command: scenario.target.kind === 'command' ? scenario.target.command.run : null,
    },
    clients: clients.count,
    agents: target.plans.map(({ agent, host, count, firstUser }) => ({
      agent,
      host: names.get(host) ?? host,
      clients: count,
      firstUser,
    })),
    openFiles: { limit: facts.openFiles.soft, perAgent, perServerWorker: files },
    memory: memoryOf(scenario, target, facts),
    timeline: timelineOf(scenario),
    drainSeconds: generator.drainMs / 1000,
    messages: {
      due,
      deliveries: groups ? due * (1 - groups.share + groups.share * (groups.members - 1)) : due,
      peakPerSecond: Math.max(
        ...phases.map(({ messageRate, messageRateTo = 0 }) => Math.max(messageRate, messageRateTo)),
      ),
    },
    actions: actions.map(({ atMs, kind }) => ({ atSeconds: atMs / 1000, what: kind })),
    gates: gates.map(({ expression, abort }) => ({
      expression,
      endsRunAfterSeconds: abort ? abort.forMs / 1000 : null,
    })),
    variables,
    notes,
    writes: { folder, files: filesOf(scenario) },
  };
}

type Target = PlannedRun['target'];

/** Open files of a process: its connections, and some for itself. */
function descriptors(
  { clients, generator }: Scenario,
  target: Target,
): { server: number | null; agents: number } {
  const most = Math.max(...target.plans.map(({ count }) => count));
  const workers = target.kind === 'embedded' ? target.config.workers : null;
  return {
    // Over packets a client is no file of its agent.
    agents: (generator.transport === 'packets' ? 0 : most) + SPARE_FILES,
    server: workers === null ? null : Math.ceil(clients.count / workers) + SPARE_FILES,
  };
}

function memoryOf(scenario: Scenario, target: Target, facts: HostFacts): DryRun['memory'] {
  const { availableBytes } = facts;
  if (target.kind === 'embedded') {
    const { bytes, short } = fitOf(scenario, target, facts);
    return { bytes, availableBytes, short };
  }
  // What its server takes only that knows.
  const here = target.plans.filter(({ host }) => host === THIS_HOST);
  const clients = here.reduce((sum, { count }) => sum + count, 0);
  const bytes = clients * clientBytes(scenario, target.endpoints) + here.length * PROCESS_BYTES;
  return { bytes, availableBytes, short: bytes > availableBytes ? 'memory' : null };
}

function timelineOf({ clients, phases }: Scenario): DryRun['timeline'] {
  const connectSeconds = clients.count / clients.connectRate;
  let startSeconds = connectSeconds;
  const of = (phase: Phase) => {
    const seconds = phase.durationMs / 1000;
    const told = {
      name: phase.name,
      startSeconds,
      seconds,
      perSecond: phase.messageRate,
      perSecondTo: phase.messageRateTo ?? null,
      messages: offeredMessages(phase),
    };
    startSeconds += seconds;
    return told;
  };
  const connect = {
    name: 'connect',
    startSeconds: 0,
    seconds: connectSeconds,
    perSecond: clients.connectRate,
    perSecondTo: null,
    messages: 0,
  };
  return [connect, ...phases.map(of)];
}

function filesOf({ target }: Scenario): string[] {
  const { serverLog, ...others } = RECORD_FILES;
  return [...Object.values(others), ...(target.kind === 'command' ? [serverLog] : [])];
}
