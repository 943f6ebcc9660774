import type { LedgerTotals } from '../agent/ledger.js';
import type { AgentPlan, AgentSample, FromAgent, ToAgent } from '../agent-messages.js';
import { monotonicMs } from '../monotonic-clock.js';
import { RunError } from '../run-error.js';
import { within } from '../within.js';
import type { AgentHost, AgentLink, Coordinator } from './coordinator.js';

/** Two million goodbyes take a moment. */
const EXIT_TIMEOUT_MS = 20_000;
/** By then every agent has its population allocated. */
const READY_TIMEOUT_MS = 60_000;
/** One that cannot begin is not alone, as a rule: the others have so long to say why they cannot either. */
const OTHERS_MS = 1000;

export interface PoolListener {
  sample(agent: number, sample: AgentSample): void;
  /** An agent that was ready ended unasked, was cut off, or said that it cannot go on. */
  lost(loss: AgentLoss): void;
}

/** An agent that was there, and was gone before it had given account. */
export interface AgentLoss {
  agent: number;
  host: AgentHost;
  /** Monotonic, when it was noticed. */
  atMs: number;
  /** `ended (SIGKILL)`, `cannot go on: …` */
  why: string;
}

type Said<Kind extends FromAgent['kind']> = Extract<FromAgent, { kind: Kind }>;

/** The agents of one run, wherever they are: told what to do, heard, and ended in any case. */
export class AgentPool {
  readonly plans: readonly AgentPlan[];
  readonly losses: AgentLoss[] = [];
  readonly #coordinator: Coordinator;
  readonly #listener: PoolListener;
  #links: AgentLink[] = [];
  readonly #totals = new Map<number, LedgerTotals>();
  readonly #said = new Map<string, FromAgent>();
  readonly #waiting = new Set<() => void>();
  #isReady = false;
  #isFinishing = false;
  #isEnding = false;

  constructor(coordinator: Coordinator, plans: readonly AgentPlan[], listener: PoolListener) {
    this.#coordinator = coordinator;
    this.plans = plans;
    this.#listener = listener;
  }

  /**
   * Starts every agent with its plan, and resolves when all are ready.
   * @throws RunError naming those that are not, and why: refused, ended, not heard of within `timeoutMs`
   */
  async prepare(timeoutMs = READY_TIMEOUT_MS): Promise<Said<'ready'>[]> {
    this.#links = await this.#coordinator.start(this.plans);
    this.#links.forEach((link, agent) => {
      link.onMessage((message) => this.#listen(agent, message));
      void link.ended.then((how) => this.#lost(agent, `ended (${how})`));
    });
    const all = this.all('ready');
    const isOneLost = this.#until(() => this.losses.length > 0);
    const fromMs = monotonicMs();
    await within<unknown>(timeoutMs, all, isOneLost);
    if (this.losses.length > 0) await within(OTHERS_MS, all);
    const missing = this.#missing(monotonicMs() - fromMs);
    if (missing.length > 0) throw new RunError('C2M_RUN', `not every agent can begin: ${missing.join('; ')}`);
    this.#isReady = true;
    return all;
  }

  /** @param agent what is told to one that is lost is dropped */
  tell(agent: number, message: ToAgent): void {
    this.#links[agent]?.tell(message);
  }

  tellAll(message: ToAgent): void {
    for (const link of this.#links) link.tell(message);
  }

  /** Resolves when every agent that is not lost has said so, with what they said. Each says a thing once. */
  async all<Kind extends Exclude<FromAgent['kind'], 'sample'>>(kind: Kind): Promise<Said<Kind>[]> {
    await this.#until(() =>
      this.#links.every((_, agent) => this.isLost(agent) || this.#said.has(`${kind}#${agent}`)),
    );
    return this.#links.flatMap((_, agent) => {
      const said = this.#said.get(`${kind}#${agent}`);
      return said ? [said as Said<Kind>] : [];
    });
  }

  isLost(agent: number): boolean {
    return this.losses.some((loss) => loss.agent === agent);
  }

  /** Where an agent is. */
  hostOf(agent: number): AgentHost | undefined {
    return this.#links[agent]?.host;
  }

  /** Private memory of all agents in bytes; null where it is not known of all of them. */
  privateBytes(): number | null {
    const parts = this.#links.map((link) => link.privateBytes());
    return parts.reduce<number | null>(
      (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
      0,
    );
  }

  /** What an agent said at the end; undefined if it did not get so far. */
  totals(agent: number): LedgerTotals | undefined {
    return this.#totals.get(agent);
  }

  /** What agents have said of the server at the end, each thing once. */
  notes(): string[] {
    const notes = this.#links.flatMap((_, agent) => {
      const said = this.#said.get(`final#${agent}`);
      return said?.kind === 'final' ? (said.notes ?? []) : [];
    });
    return [...new Set(notes)];
  }

  /** Lets every agent finish and leave; who does not within `timeoutMs` is killed. */
  async finish(timeoutMs = EXIT_TIMEOUT_MS): Promise<void> {
    this.#isFinishing = true;
    this.tellAll({ kind: 'finish' });
    const finals = this.#links.map((link, agent) =>
      Promise.race([this.#until(() => this.#totals.has(agent)), link.ended]),
    );
    await within(timeoutMs, Promise.all(finals));
    await within(timeoutMs, Promise.all(this.#links.map((link) => link.part())));
    this.kill();
  }

  kill(): void {
    this.#isEnding = true;
    for (const link of this.#links) link.kill();
  }

  /** Agents that cannot begin, and why; then those of which nothing was heard in all that time. */
  #missing(waitedMs: number): string[] {
    const silent = this.#links.flatMap(({ host }, agent) => {
      if (this.isLost(agent) || this.#said.has(`ready#${agent}`)) return [];
      return [{ agent, host, why: `was not ready after ${(waitedMs / 1000).toFixed(1)} s` }];
    });
    return lossWords([...this.losses, ...silent]);
  }

  /** Looks again whenever an agent has said something or was lost. */
  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #listen(agent: number, message: FromAgent): void {
    // The clients of an agent that was given up are unknown, whatever it says afterwards.
    if (this.isLost(agent)) return;
    if (message.kind === 'sample') {
      this.#listener.sample(agent, message.sample);
      return;
    }
    if (message.kind === 'final') this.#totals.set(agent, message.totals);
    this.#said.set(`${message.kind}#${agent}`, message);
    if (message.kind === 'error') this.#lost(agent, `cannot go on: ${message.message}`);
    this.#lookAgain();
  }

  #lost(agent: number, why: string): void {
    // One that has given account may go.
    if (this.#isEnding || this.isLost(agent) || this.#totals.has(agent)) return;
    const link = this.#links[agent] as AgentLink;
    const loss = { agent, host: link.host, atMs: monotonicMs(), why };
    this.losses.push(loss);
    link.kill();
    // Of a run that is over, who was lost is known, and changes nothing any more.
    if (this.#isReady && !this.#isFinishing) this.#listener.lost(loss);
    this.#lookAgain();
  }

  #lookAgain(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/** `agents 0, 1 on b ended (SIGKILL)`: those of one host with one reason together. */
export function lossWords(losses: readonly Omit<AgentLoss, 'atMs'>[]): string[] {
  const agents = new Map<string, { where: string; why: string; numbers: number[] }>();
  for (const { agent, host, why } of losses) {
    const key = JSON.stringify([host.id, why]);
    const same = agents.get(key) ?? { where: host.name, why, numbers: [] };
    same.numbers.push(agent);
    agents.set(key, same);
  }
  return [...agents.values()].map(
    ({ where, why, numbers }) =>
      `${numbers.length === 1 ? 'agent' : 'agents'} ${numbers.join(', ')} on ${where} ${why}`,
  );
}
