import { RENEW_EVERY_MS } from '../../agent/lease.js';
import type { AgentPlan, FromAgent, ToAgent } from '../../agent-messages.js';
import { monotonicMs } from '../../monotonic-clock.js';
import { isStillSo } from '../../still-so.js';
import type { AgentHost } from '../coordinator.js';
import { ForkedAgent, type ForkOptions } from '../local-agents.js';
import { LOST_AFTER_MS } from './messages.js';

/** Until it beats for the first time: many of them at once on few cores begin late. */
const BEGINS_WITHIN_MS = 30_000;
const LOOK_MS = 250;

/** An agent process of a machine that is lent: told to go on for as long as it is wanted, and ended when it beats no more. */
export class LentAgent {
  readonly plan: AgentPlan;
  /** Resolves with how, once all that it said has been heard. */
  readonly ended: Promise<string>;
  readonly #agent: ForkedAgent;
  #beatMs = monotonicMs();
  #patienceMs = BEGINS_WITHIN_MS;
  #whyKilled: string | undefined;

  constructor(host: AgentHost, plan: AgentPlan, options: Omit<ForkOptions, 'isLent'>) {
    this.plan = plan;
    this.#agent = new ForkedAgent(host, plan, { ...options, isLent: true });
    // The pipe breaks with the process, whose end is told in any case.
    this.#agent.beats?.on('error', () => undefined).on('data', () => this.#hearBeat());
    const renewing = setInterval(() => this.#agent.tell({ kind: 'renew' }), RENEW_EVERY_MS);
    const looking = setInterval(() => void this.#look(), LOOK_MS);
    this.ended = this.#agent.ended.then((how) => {
      clearInterval(renewing);
      clearInterval(looking);
      return this.#whyKilled ?? how;
    });
  }

  tell(message: ToAgent): void {
    this.#agent.tell(message);
  }

  onMessage(listener: (message: FromAgent) => void): void {
    this.#agent.onMessage(listener);
  }

  /** Asks it to end once it has said `final`. */
  part(): void {
    void this.#agent.part();
  }

  /** @param why instead of the signal, for whoever asks how it ended */
  kill(why?: string): void {
    this.#whyKilled ??= why;
    this.#agent.kill();
  }

  #hearBeat(): void {
    this.#beatMs = monotonicMs();
    this.#patienceMs = LOST_AFTER_MS;
  }

  async #look(): Promise<void> {
    const isSilent = await isStillSo(() => monotonicMs() - this.#beatMs > this.#patienceMs);
    if (isSilent) this.kill(`does not beat for ${this.#patienceMs / 1000} s`);
  }
}
