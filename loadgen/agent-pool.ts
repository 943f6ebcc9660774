import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import type { LedgerTotals } from './agent/ledger.js';
import type { AgentPlan, AgentSample, FromAgent, ToAgent } from './agent-messages.js';
import { readPrivateBytes } from './process-usage.js';

/** Two million goodbyes take a moment. */
const EXIT_TIMEOUT_MS = 20_000;

export interface PoolListener {
  sample(agent: number, sample: AgentSample): void;
  /** An agent ended that was not asked to, or said that it cannot go on. */
  died(agent: number, reason: string): void;
}

/** Agent processes of one run: forked, told what to do, and ended in any case. */
export class AgentPool {
  readonly plans: AgentPlan[];
  readonly #agents: ChildProcess[];
  readonly #listener: PoolListener;
  readonly #waiting = new Map<string, (message: FromAgent) => void>();
  readonly #totals = new Map<number, LedgerTotals>();
  readonly #faults = new Set<number>();
  #isEnding = false;

  /** @param script the agent's entry; tests give one of their own */
  constructor(
    plans: AgentPlan[],
    listener: PoolListener,
    script = createRequire(import.meta.url).resolve('#dist/loadgen/agent/agent-process.js'),
  ) {
    this.plans = plans;
    this.#listener = listener;
    this.#agents = plans.map((_, index) => {
      const agent = fork(script, [], {
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      if (plans[index]?.transport === 'packets') goFirst(agent);
      agent.on('message', (message: FromAgent) => this.#listen(index, message));
      agent.once('exit', (code, signal) => this.#ended(index, signal ?? `exit ${code}`));
      return agent;
    });
  }

  /** Hands every agent its plan; resolves when all are ready. */
  async prepare(): Promise<void> {
    const ready = this.all('ready');
    this.#agents.forEach((_, index) => {
      this.tell(index, { kind: 'plan', plan: this.plans[index] as AgentPlan });
    });
    await ready;
  }

  tell(agent: number, message: ToAgent): void {
    const process = this.#agents[agent];
    // Without a callback, an agent that was killed meanwhile would be an error that nobody handles.
    if (process?.connected) process.send(message, () => undefined);
  }

  tellAll(message: ToAgent): void {
    this.#agents.forEach((_, index) => {
      this.tell(index, message);
    });
  }

  /** Resolves when every agent has said so, with what they said; never, if one of them ends before. */
  all<Kind extends FromAgent['kind']>(kind: Kind): Promise<Extract<FromAgent, { kind: Kind }>[]> {
    return Promise.all(this.#agents.map((_, index) => this.#heard(index, kind)));
  }

  /** Private memory of all agents in bytes; null where it cannot be read. */
  privateBytes(): number | null {
    let sum = 0;
    for (const { pid } of this.#agents) {
      const bytes = pid === undefined ? undefined : readPrivateBytes(pid);
      if (bytes === undefined) return null;
      sum += bytes;
    }
    return sum;
  }

  /** What an agent said at the end; undefined if it did not get so far. */
  totals(agent: number): LedgerTotals | undefined {
    return this.#totals.get(agent);
  }

  /** Lets every agent finish and leave; who does not within `timeoutMs` is killed. */
  async finish(timeoutMs = EXIT_TIMEOUT_MS): Promise<void> {
    this.#isEnding = true;
    const finals = this.#agents.map((agent, index) =>
      Promise.race([this.#heard(index, 'final'), exited(agent)]),
    );
    this.tellAll({ kind: 'finish' });
    await Promise.race([Promise.all(finals), delay(timeoutMs)]);
    for (const agent of this.#agents) if (agent.connected) agent.disconnect();
    await Promise.race([Promise.all(this.#agents.map(exited)), delay(timeoutMs)]);
    this.kill();
  }

  kill(): void {
    this.#isEnding = true;
    for (const agent of this.#agents) if (agent.exitCode === null) agent.kill('SIGKILL');
  }

  #heard<Kind extends FromAgent['kind']>(
    agent: number,
    kind: Kind,
  ): Promise<Extract<FromAgent, { kind: Kind }>> {
    return new Promise((resolve) => {
      this.#waiting.set(`${kind}#${agent}`, (message) =>
        resolve(message as Extract<FromAgent, { kind: Kind }>),
      );
    });
  }

  #listen(agent: number, message: FromAgent): void {
    if (message.kind === 'sample') this.#listener.sample(agent, message.sample);
    else if (message.kind === 'final') this.#totals.set(agent, message.totals);
    else if (message.kind === 'error') {
      this.#faults.add(agent);
      this.#listener.died(agent, `agent ${agent} cannot go on: ${message.message}`);
    }
    this.#waiting.get(`${message.kind}#${agent}`)?.(message);
  }

  #ended(agent: number, how: string): void {
    if (this.#isEnding) return;
    // What it could not go on for was told already.
    if (this.#faults.has(agent)) return;
    this.#listener.died(agent, `agent ${agent} ended (${how}); its clients are gone`);
  }
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

async function exited(agent: ChildProcess): Promise<void> {
  if (agent.exitCode === null && agent.signalCode === null) await once(agent, 'exit');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
