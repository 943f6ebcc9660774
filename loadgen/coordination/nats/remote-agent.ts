import type { AgentPlan, FromAgent, ToAgent } from '../../agent-messages.js';
import type { AgentHost, AgentLink } from '../coordinator.js';
import type { ClockOffset } from './clock-offset.js';
import type { ToHost } from './messages.js';

/** The way to one agent of a machine that is lent. Its messages go through the channel of that machine. */
export class RemoteAgent implements AgentLink {
  readonly host: AgentHost;
  readonly plan: AgentPlan;
  readonly ended: Promise<string>;
  readonly #clock: ClockOffset;
  readonly #send: (message: ToHost) => void;
  readonly #early: FromAgent[] = [];
  #end: (how: string) => void = () => undefined;
  #hasEnded = false;
  #privateBytes: number | null = null;
  #listener: (message: FromAgent) => void = (message) => this.#early.push(message);

  constructor(host: AgentHost, plan: AgentPlan, clock: ClockOffset, send: (message: ToHost) => void) {
    this.host = host;
    this.plan = plan;
    this.#clock = clock;
    this.#send = send;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    send({ kind: 'plan', plan });
  }

  tell(message: ToAgent): void {
    if (this.#hasEnded) return;
    this.#send({ kind: 'agent', agent: this.plan.agent, message: forHost(message, this.#clock) });
  }

  onMessage(listener: (message: FromAgent) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  privateBytes(): number | null {
    return this.#privateBytes;
  }

  async part(): Promise<void> {
    if (!this.#hasEnded) this.#send({ kind: 'part', agent: this.plan.agent });
    await this.ended;
  }

  kill(): void {
    if (!this.#hasEnded) this.#send({ kind: 'kill', agent: this.plan.agent });
  }

  /** Takes what the agent has said, by the clock of its machine. */
  heard(message: FromAgent): void {
    if (this.#hasEnded) return;
    if (message.kind === 'sample') this.#privateBytes = message.sample.privateBytes;
    this.#listener(fromHost(message, this.#clock));
  }

  /** It has ended, or nothing is heard of it any more. */
  end(how: string): void {
    this.#hasEnded = true;
    this.#end(how);
  }
}

/** Each time that an agent is told is called `atMs`; those within an action count from there. */
function forHost(message: ToAgent, clock: ClockOffset): ToAgent {
  return 'atMs' in message ? { ...message, atMs: clock.toHost(message.atMs) } : message;
}

function fromHost(message: FromAgent, clock: ClockOffset): FromAgent {
  if (message.kind === 'connected') return { ...message, atMs: clock.fromHost(message.atMs) };
  if (message.kind !== 'sample') return message;
  const { fromMs, toMs, cpuReadAtMs } = message.sample;
  return {
    ...message,
    sample: {
      ...message.sample,
      fromMs: clock.fromHost(fromMs),
      toMs: clock.fromHost(toMs),
      cpuReadAtMs: clock.fromHost(cpuReadAtMs),
    },
  };
}
