import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { AgentPlan } from '../../agent-messages.js';
import { monotonicMs } from '../../monotonic-clock.js';
import { isStillSo } from '../../still-so.js';
import { parseJson } from '../parse-json.js';
import { Channel, type Packet } from './channel.js';
import type { LentAgent } from './lent-agent.js';
import { type FromHost, LOST_AFTER_MS, type ToHost } from './messages.js';
import { type CheckedPlan, toldSchema } from './plan-check.js';

/** What a coordinator that is there leaves unconfirmed is less; past it the run is given up. */
const MOST_UNCONFIRMED_BYTES = 16 * 1024 ** 2;
const TICK_MS = 200;

/** What a run needs of the machine that it has taken. */
export interface RunWays {
  /** Hands a packet to NATS. @throws when NATS does not take it */
  publish(packet: string): void;
  check(plan: unknown, others: readonly AgentPlan[]): CheckedPlan;
  /** @throws when it cannot be started */
  start(plan: AgentPlan): LentAgent;
  /** For the owner of the machine. */
  tell(words: string): void;
  /** The coordinator is gone, or does what it should not: the run is to be ended. */
  giveUp(why: string): void;
}

const agentNumber = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const packetSchema = z.strictObject({
  number: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  heard: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  message: z.unknown().optional(),
});

const messageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('plan'),
    // The rest of it is checked when it is known whose it is.
    plan: z.looseObject({ agent: agentNumber }),
  }),
  z.strictObject({ kind: z.literal('agent'), agent: agentNumber, message: toldSchema }),
  z.strictObject({ kind: z.literal('part'), agent: agentNumber }),
  z.strictObject({ kind: z.literal('kill'), agent: agentNumber }),
]);

/** A run that has a machine: its agents here, and the channel to its coordinator. */
export class LentRun {
  readonly #ways: RunWays;
  readonly #channel: Channel<FromHost, ToHost>;
  readonly #agents = new Map<number, LentAgent>();
  /** Those that were ever taken, by their agent. */
  readonly #plans = new Map<number, AgentPlan>();
  readonly #timer: NodeJS.Timeout;
  /** Bytes of each message that the coordinator has not confirmed, oldest first, and of all. */
  readonly #sizes: number[] = [];
  #unconfirmedBytes = 0;
  #lastNumber = 0;
  #isEnding = false;

  constructor(ways: RunWays) {
    this.#ways = ways;
    this.#channel = new Channel({
      publish: (packet) => this.#publish(packet),
      deliver: (message) => this.#obey(message),
      nowMs: monotonicMs,
    });
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** Takes a packet that came over NATS, whatever it holds. */
  take(text: string): void {
    const packet = packetSchema.safeParse(parseJson(text));
    if (!packet.success) {
      this.#giveUp('what came for it is no packet of c2m');
      return;
    }
    this.#channel.take(packet.data as Packet<ToHost>);
    while (this.#sizes.length > this.#channel.underWay) this.#unconfirmedBytes -= this.#sizes.shift() ?? 0;
  }

  /**
   * Ends the agents; resolves when they are gone.
   * @param why for the coordinator
   * @param tellForMs how long to wait for the coordinator to have heard of it
   */
  async end(why: string, tellForMs: number): Promise<void> {
    this.#isEnding = true;
    const agents = [...this.#agents.values()];
    for (const agent of agents) agent.kill(why);
    await Promise.all(agents.map(({ ended }) => ended));
    const untilMs = monotonicMs() + tellForMs;
    while (this.#channel.underWay > 0 && monotonicMs() < untilMs) await sleep(20);
    clearInterval(this.#timer);
  }

  /** What the coordinator says; by now it is known to be one, and not what it may say. */
  #obey(said: unknown): void {
    if (this.#isEnding) return;
    const message = messageSchema.safeParse(said);
    if (!message.success) {
      this.#giveUp('its coordinator says what this version does not know');
      return;
    }
    switch (message.data.kind) {
      case 'plan':
        this.#start(message.data.plan.agent, message.data.plan);
        break;
      // What is told to an agent that has ended is dropped.
      case 'agent':
        this.#agents.get(message.data.agent)?.tell(message.data.message);
        break;
      case 'part':
        this.#agents.get(message.data.agent)?.part();
        break;
      case 'kill':
        this.#agents.get(message.data.agent)?.kill();
        break;
    }
  }

  #start(number: number, plan: unknown): void {
    if (this.#plans.has(number)) {
      this.#giveUp(`its coordinator has sent a second plan for agent ${number}`);
      return;
    }
    const checked = this.#ways.check(plan, [...this.#plans.values()]);
    if ('refusal' in checked) {
      this.#ways.tell(`refused a plan for agent ${number}: ${checked.refusal}`);
      this.#channel.send({ kind: 'ended', agent: number, how: checked.refusal });
      return;
    }
    this.#plans.set(number, checked.plan);
    try {
      this.#listen(number, this.#ways.start(checked.plan));
    } catch (error) {
      const how = `could not be started: ${(error as Error).message}`;
      this.#ways.tell(`agent ${number} ${how}`);
      this.#channel.send({ kind: 'ended', agent: number, how });
    }
  }

  #listen(number: number, agent: LentAgent): void {
    this.#agents.set(number, agent);
    agent.onMessage((message) => this.#channel.send({ kind: 'agent', agent: number, message }));
    void agent.ended.then((how) => {
      this.#agents.delete(number);
      this.#channel.send({ kind: 'ended', agent: number, how });
    });
  }

  #publish(packet: Packet<FromHost>): void {
    const text = JSON.stringify(packet);
    if (packet.number > this.#lastNumber) {
      this.#lastNumber = packet.number;
      this.#sizes.push(text.length);
      this.#unconfirmedBytes += text.length;
    }
    if (this.#unconfirmedBytes > MOST_UNCONFIRMED_BYTES)
      this.#giveUp(
        `its coordinator does not take what its agents say (${MOST_UNCONFIRMED_BYTES} bytes wait)`,
      );
    try {
      this.#ways.publish(text);
    } catch (error) {
      this.#giveUp(`NATS does not take what its agents say (${(error as Error).message})`);
    }
  }

  async #tick(): Promise<void> {
    this.#channel.tick();
    if (await isStillSo(() => this.#channel.silentMs > LOST_AFTER_MS))
      this.#giveUp(`its coordinator was not heard for ${LOST_AFTER_MS / 1000} s`);
  }

  #giveUp(why: string): void {
    if (!this.#isEnding) this.#ways.giveUp(why);
  }
}
