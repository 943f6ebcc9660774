import type { NatsConnection } from '@nats-io/transport-node';
import { expect } from 'vitest';
import type { AgentPlan, Endpoint, FromAgent, ToAgent } from '../../loadgen/agent-messages.js';
import { Channel, type Packet } from '../../loadgen/coordination/nats/channel.js';
import {
  type Announcement,
  type FromHost,
  type HostAnswer,
  type HostRequest,
  SUBJECTS,
  type ToHost,
} from '../../loadgen/coordination/nats/messages.js';
import { monotonicMs } from '../../loadgen/monotonic-clock.js';
import { planAgents } from '../../loadgen/plan.js';
import { connectNats } from '../../nats/connect.js';
import type { Scenario } from '../../scenarios/scenario.js';
import { afterEachTest } from './clean-up.js';
import { planHost } from './hosts.js';
import type { NatsServer } from './nats-server.js';
import { testScenario } from './run.js';

type Said<Kind extends FromAgent['kind']> = Extract<FromAgent, { kind: Kind }>;

const running: TestCoordinator[] = [];
afterEachTest('users', async () => {
  await Promise.all(running.splice(0).map((coordinator) => coordinator.close()));
});

/** Takes machines as a coordinator would, and shows what they say. It is closed after the test. */
export class TestCoordinator {
  readonly connection: NatsConnection;
  readonly run: string;
  /** In the order in which it came. */
  readonly heard: FromHost[] = [];
  #channel: Channel<ToHost, FromHost> | undefined;
  #ticking: NodeJS.Timeout | undefined;

  private constructor(connection: NatsConnection, run: string) {
    this.connection = connection;
    this.run = run;
  }

  static async connect(server: NatsServer, run = 'run1'): Promise<TestCoordinator> {
    const url = `nats://127.0.0.1:${server.endpoint.port}`;
    const coordinator = new TestCoordinator(await connectNats({ url }, 'test'), run);
    running.push(coordinator);
    return coordinator;
  }

  /** The one machine that announces itself. */
  async find(): Promise<Announcement> {
    const message = JSON.stringify({ kind: 'find', version: 'any' });
    return (await this.connection.request(SUBJECTS.find, message, { timeout: 2000 })).json();
  }

  async ask(host: string, request: HostRequest): Promise<HostAnswer> {
    const answer = await this.connection.request(SUBJECTS.host(host), JSON.stringify(request), {
      timeout: 5000,
    });
    return answer.json();
  }

  /** Takes the machine, and lets it hear from now on that somebody is there. */
  async take(host: Announcement, coordinator = 'ann@desk'): Promise<HostAnswer> {
    const { run } = this;
    const answer = await this.ask(host.id, { kind: 'take', run, version: host.version, coordinator });
    if (answer.kind === 'done') this.listen(host.id);
    return answer;
  }

  listen(host: string): void {
    const toHost = SUBJECTS.toHost(this.run, host);
    const channel = new Channel<ToHost, FromHost>({
      publish: (packet) => this.connection.publish(toHost, JSON.stringify(packet)),
      deliver: (message) => this.heard.push(message),
      nowMs: monotonicMs,
    });
    this.#channel = channel;
    this.connection.subscribe(SUBJECTS.fromHost(this.run, host), {
      callback: (_, message) => channel.take(message.json<Packet<FromHost>>()),
    });
    this.#ticking = setInterval(() => channel.tick(), 200);
  }

  send(message: ToHost): void {
    this.#channel?.send(message);
  }

  tell(message: ToAgent, agent = 0): void {
    this.send({ kind: 'agent', agent, message });
  }

  async said<Kind extends FromAgent['kind']>(kind: Kind, agent = 0): Promise<Said<Kind>> {
    const find = (): FromAgent | undefined =>
      this.heard.flatMap((each) =>
        each.kind === 'agent' && each.agent === agent && each.message.kind === kind ? [each.message] : [],
      )[0];
    const isDone = (): boolean => find() !== undefined || this.#hasEnded(agent);
    await expect.poll(isDone, { timeout: 20_000, interval: 20 }).toBe(true);
    const said = find();
    if (!said) throw new Error(`agent ${agent} said no ${kind}: ${JSON.stringify(this.heard)}`);
    return said as Said<Kind>;
  }

  /** How it ended. */
  async ended(agent = 0): Promise<string> {
    const find = (): string | undefined =>
      this.heard.flatMap((each) => (each.kind === 'ended' && each.agent === agent ? [each.how] : []))[0];
    await expect.poll(find, { timeout: 20_000, interval: 20 }).toBeDefined();
    return find() as string;
  }

  #hasEnded(agent: number): boolean {
    return this.heard.some((each) => each.kind === 'ended' && each.agent === agent);
  }

  /** Says nothing more, as one that was killed. */
  async vanish(): Promise<void> {
    clearInterval(this.#ticking);
    await this.connection.close();
  }

  async release(host: Announcement): Promise<HostAnswer> {
    clearInterval(this.#ticking);
    return this.ask(host.id, { kind: 'release', run: this.run });
  }

  async close(): Promise<void> {
    clearInterval(this.#ticking);
    await this.connection.close();
  }
}

/** The plan of the one agent of a scenario, for this machine. */
export function planFor(
  host: Announcement,
  endpoint: Endpoint,
  change: (scenario: Scenario) => void = () => undefined,
): AgentPlan {
  const [plan] = planAgents(
    testScenario((scenario) => {
      change(scenario);
      if (scenario.target.kind === 'external') scenario.target.allow.push(endpoint.host);
    }),
    {
      endpoints: [endpoint],
      hosts: [planHost({ id: host.id, openFiles: null })],
      driver: { name: 'c2m', settings: { credentials: null } },
      run: Math.floor(Date.now() / 1000),
    },
  );
  return plan as AgentPlan;
}
