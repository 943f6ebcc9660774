import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import type { AgentPlan } from '../../agent-messages.js';
import { monotonicMs } from '../../monotonic-clock.js';
import { isStillSo } from '../../still-so.js';
import type { AgentHost, AgentLink, ClockReport } from '../coordinator.js';
import { Channel, type Packet } from './channel.js';
import { ClockOffset } from './clock-offset.js';
import {
  type Announcement,
  type FromHost,
  type HostAnswer,
  type HostRequest,
  LOST_AFTER_MS,
  SUBJECTS,
  type ToHost,
} from './messages.js';
import { readPacket } from './read-packet.js';
import { RemoteAgent } from './remote-agent.js';

/** A machine that is there answers at once. */
const ANSWER_MS = 2000;
const TICK_MS = 200;

/** Who takes machines, and for what. */
export interface Taker {
  connection: NatsConnection;
  /** Id of the run: letters and digits. */
  run: string;
  /** Of c2m. */
  version: string;
  /** For people: whose run that is. */
  coordinator: string;
  /** The connection is there: who is silent then is so for a reason of its own. */
  isConnected(): boolean;
}

/** The way to a machine that a run has taken: it hears of this side until it is released. */
export class HostLink {
  readonly host: AgentHost;
  readonly #taker: Taker;
  readonly #clock: ClockOffset;
  readonly #channel: Channel<ToHost, FromHost>;
  readonly #packets: Subscription;
  readonly #ticking: NodeJS.Timeout;
  readonly #agents = new Map<number, RemoteAgent>();
  #whyLost: string | undefined;

  private constructor(taker: Taker, announcement: Announcement, clock: ClockOffset) {
    const { connection, run } = taker;
    const { id, name, labels, facts, environment } = announcement;
    this.host = { id, name, labels, facts, environment, clock: clock.first };
    this.#taker = taker;
    this.#clock = clock;
    const subject = SUBJECTS.toHost(run, id);
    this.#channel = new Channel({
      publish: (packet) => this.#publish(subject, packet),
      deliver: (message) => this.#deliver(message),
      nowMs: monotonicMs,
    });
    this.#packets = connection.subscribe(SUBJECTS.fromHost(run, id), {
      callback: (error, message) => {
        if (error) this.lose(`nothing of host ${name} can be heard: ${error.message}`);
        else this.#hear(message.string());
      },
    });
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /**
   * Reserves the machine. @returns why it is not to be had, in words that follow its name, where it is not
   */
  static async take(taker: Taker, announcement: Announcement): Promise<HostLink | string> {
    const { run, version, coordinator } = taker;
    try {
      const answer = await ask(taker, announcement.id, { kind: 'take', run, version, coordinator });
      if (answer.kind === 'refused') return answer.why;
      const clock = await ClockOffset.measure(() => askTime(taker, announcement.id), monotonicMs);
      return new HostLink(taker, announcement, clock);
    } catch (error) {
      // It may have been taken all the same; what is told to nobody is free again on its own.
      const release = { kind: 'release', run } satisfies HostRequest;
      if (!taker.connection.isClosed())
        taker.connection.publish(SUBJECTS.host(announcement.id), JSON.stringify(release));
      return `does not answer (${(error as Error).message})`;
    }
  }

  get roundTripMs(): number {
    return this.#clock.roundTripMs;
  }

  /** Undefined: it is there. */
  get whyLost(): string | undefined {
    return this.#whyLost;
  }

  /** Hands the plan to the machine. */
  start(plan: AgentPlan): AgentLink {
    const agent = new RemoteAgent(this.host, plan, this.#clock, (message) => this.#channel.send(message));
    this.#agents.set(plan.agent, agent);
    if (this.#whyLost !== undefined) agent.end(this.#whyLost);
    return agent;
  }

  async measureClock(): Promise<void> {
    if (this.#whyLost !== undefined) return;
    await this.#clock.again();
    const { first, driftMs, uncertaintyMs } = this.clockReport();
    this.host.clock = { offsetMs: first.offsetMs, uncertaintyMs, ...(driftMs !== null && { driftMs }) };
  }

  clockReport(): ClockReport {
    return this.#clock.report(this.host.id);
  }

  /** Gives the machine up, as it is not heard any more: what becomes of its agents from now on nobody knows. */
  lose(why: string): void {
    if (this.#whyLost !== undefined) return;
    this.#whyLost = why;
    this.#silence();
    for (const agent of this.#agents.values()) agent.end(why);
  }

  /** Lets go of the machine, which ends its agents. A machine that cannot be told does so by itself, as it hears nothing more. */
  async release(): Promise<void> {
    this.#silence();
    const { run } = this.#taker;
    try {
      await ask(this.#taker, this.host.id, { kind: 'release', run });
    } catch {
      // It is gone, or will be free again on its own.
    }
    for (const agent of this.#agents.values()) agent.end('was let go of');
  }

  #silence(): void {
    clearInterval(this.#ticking);
    if (!this.#taker.connection.isClosed()) this.#packets.unsubscribe();
  }

  #tick(): void {
    this.#channel.tick();
    // Where this process was stopped meanwhile, what has come has yet to be read.
    void isStillSo(() => this.#channel.silentMs >= LOST_AFTER_MS).then((isSilent) => {
      if (!isSilent) return;
      const why = this.#taker.isConnected() ? '' : ', as the coordinator has lost NATS';
      const silentSeconds = (this.#channel.silentMs / 1000).toFixed(1);
      this.lose(`host ${this.host.name} was not heard for ${silentSeconds} s${why}`);
    });
  }

  #publish(subject: string, packet: Packet<ToHost>): void {
    const { connection } = this.#taker;
    // Whoever closed it has let go of the machine.
    if (connection.isClosed()) return;
    try {
      connection.publish(subject, JSON.stringify(packet));
    } catch (error) {
      // Such as one that is larger than the server takes.
      this.lose(`host ${this.host.name} cannot be told its part: ${(error as Error).message}`);
    }
  }

  #hear(text: string): void {
    if (this.#whyLost !== undefined) return;
    const packet = readPacket(text);
    if (packet) this.#channel.take(packet);
    else this.lose(`what host ${this.host.name} says is not understood`);
  }

  #deliver(message: FromHost): void {
    const agent = this.#agents.get(message.agent);
    if (message.kind === 'ended') agent?.end(message.how);
    else agent?.heard(message.message);
  }
}

async function ask({ connection }: Taker, host: string, request: HostRequest): Promise<HostAnswer> {
  const answer = await connection.request(SUBJECTS.host(host), JSON.stringify(request), {
    timeout: ANSWER_MS,
  });
  return answer.json<HostAnswer>();
}

async function askTime(taker: Taker, host: string): Promise<number> {
  const answer = await ask(taker, host, { kind: 'clock' });
  if (answer.kind !== 'clock') throw new Error(`was asked for its time, and said ${answer.kind}`);
  return answer.atMs;
}
