import { type ChildProcess, fork } from 'node:child_process';
import { constants, hostname, setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import { builtEntry, inheritedFlags } from '../../entries.js';
import { BEAT_DESCRIPTOR } from '../agent/beat.js';
import { IS_LENT, type Renewal } from '../agent/lease.js';
import type { AgentPlan, FromAgent, ToAgent } from '../agent-messages.js';
import { type HostFacts, readHostFacts } from '../host-facts.js';
import { readPrivateBytes } from '../process-usage.js';
import { describeEnvironment } from '../recording/environment.js';
import type { AgentHost, AgentLink, Coordinator } from './coordinator.js';

/**
 * The young generation of the heap grows to 48 MiB by default, once in every agent: more than ten thousand idle clients
 * need. The second lets an agent throw away what the logins left behind.
 */
const NODE_FLAGS = ['--max-semi-space-size=4', '--expose-gc'];

/** How plans name this machine. */
export const THIS_HOST = 'local';

export function thisHost(version: string, facts: HostFacts = readHostFacts()): AgentHost {
  return {
    id: THIS_HOST,
    name: hostname(),
    labels: [],
    facts,
    environment: describeEnvironment(facts, version),
    clock: null,
  };
}

/** Agents are processes that this one forks, and that never outlive it. */
export class LocalAgents implements Coordinator {
  readonly isRemote = false;
  readonly leadMs = 150;
  readonly #host: AgentHost;
  readonly #script: string;
  #links: ForkedAgent[] = [];

  /** @param script the agent's entry; tests give one of their own */
  constructor(host: AgentHost, script = builtEntry('agent')) {
    this.#host = host;
    this.#script = script;
  }

  async hosts(): Promise<AgentHost[]> {
    return [this.#host];
  }

  async start(plans: readonly AgentPlan[]): Promise<AgentLink[]> {
    this.#links = plans.map((plan) => new ForkedAgent(this.#host, plan, { script: this.#script }));
    return this.#links;
  }

  async clocks(): Promise<[]> {
    return [];
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.kill();
  }
}

export interface ForkOptions {
  /** The agent's entry; tests give one of their own. */
  script?: string;
  /** What makes the process, in a network namespace of its own, say. */
  inside?: <T>(make: () => T) => T;
  /** For somebody else: it beats, and ends when it is not told to go on (agent/beat.ts, agent/lease.ts). */
  isLent?: boolean;
}

/** The way to an agent process over Node's IPC. Its clock is that of this process. */
export class ForkedAgent implements AgentLink {
  readonly host: AgentHost;
  readonly plan: AgentPlan;
  readonly ended: Promise<string>;
  /** Where it beats, if it does. */
  readonly beats: Readable | null;
  readonly #process: ChildProcess;
  readonly #early: FromAgent[] = [];
  #listener: (message: FromAgent) => void = (message) => this.#early.push(message);

  constructor(host: AgentHost, plan: AgentPlan, options: ForkOptions = {}) {
    const { script = builtEntry('agent'), inside = (make) => make(), isLent = false } = options;
    this.host = host;
    this.plan = plan;
    this.#process = inside(() =>
      fork(script, isLent ? [IS_LENT] : [], {
        execArgv: [...inheritedFlags(), ...NODE_FLAGS],
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...(isLent ? (['pipe'] as const) : [])],
      }),
    );
    this.ended = endOf(this.#process);
    // One that could not be started has no pipes.
    this.beats = (isLent && (this.#process.stdio?.[BEAT_DESCRIPTOR] as Readable | undefined)) || null;
    if (plan.transport === 'packets') goFirst(this.#process);
    this.#process.on('message', (message: FromAgent) => this.#listener(message));
    this.tell({ kind: 'plan', plan });
  }

  tell(message: ToAgent | Renewal): void {
    // Without a callback, an agent that was killed meanwhile would be an error that nobody handles.
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  onMessage(listener: (message: FromAgent) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  privateBytes(): number | null {
    const { pid } = this.#process;
    return (pid === undefined ? undefined : readPrivateBytes(pid)) ?? null;
  }

  async part(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.ended;
  }

  kill(): void {
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL');
  }
}

/** How it ended, once all that it said has been read: both come in any order. */
async function endOf(agent: ChildProcess): Promise<string> {
  const hasSaidAll = new Promise<void>((resolve) => {
    if (agent.connected) agent.once('disconnect', resolve);
    else resolve();
  });
  const how = await new Promise<string>((resolve) => {
    agent.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
    // Later ones are of what was told to a process that was ending.
    agent.on('error', (error) => {
      if (agent.pid === undefined) resolve(`could not be started: ${error.message}`);
    });
  });
  if (agent.pid !== undefined) await hasSaidAll;
  return how;
}

/**
 * An agent that speaks TCP itself has deadlines that a kernel would keep for it: kept waiting by a busy server, it
 * would repeat what nobody lost.
 */
function goFirst(agent: ChildProcess): void {
  if (agent.pid === undefined) return;
  try {
    setPriority(agent.pid, constants.priority.PRIORITY_HIGH);
  } catch (error) {
    // Root in a container may lack CAP_SYS_NICE; the run's own lag then tells whether it mattered.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SYSTEM_ERROR') throw error;
  }
}
