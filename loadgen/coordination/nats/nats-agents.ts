import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats, type NatsOptions, natsPlaces } from '../../../nats/connect.js';
import type { AgentsPlan } from '../../../scenarios/scenario.js';
import type { AgentPlan } from '../../agent-messages.js';
import { RunError } from '../../run-error.js';
import { userName } from '../../user-name.js';
import { within } from '../../within.js';
import type { AgentHost, AgentLink, ClockReport, Coordinator } from '../coordinator.js';
import type { RunControl } from '../run-control.js';
import { answerOverNats } from './control.js';
import { byCapacity, type FoundHost, HostSearch, type WantedHost, whyNot } from './find-hosts.js';
import { HostLink, type Taker } from './host-link.js';
import type { Announcement } from './messages.js';

/** Once there are enough: those who answer a little later are taken as well. */
const SETTLE_MS = 300;
/** Who got too few machines tries again after a time that is not that of the other, who may have got too few as well. */
const AGAIN_MS = { least: 200, more: 400 };
const CLOCK_EVERY_MS = 3000;
const SHORTEST_LEAD_MS = 500;
const ROUND_TRIPS_OF_LEAD = 6;
const CLOSE_MS = 3000;

export interface NatsAgentsOptions {
  nats: NatsOptions;
  /** Which machines, and how many. */
  wanted: AgentsPlan;
  transport: WantedHost['transport'];
  /** Of c2m. */
  version: string;
  /** Name of the scenario, for whoever finds a machine busy. */
  name: string;
  /** Ends the search. */
  signal: AbortSignal;
  /** What it waits for, and whom it got, in words. */
  tell(words: string): void;
}

/** Agents are on machines that others lend with `c2m agent`; both sides dial out to NATS. */
export class NatsAgents implements Coordinator {
  readonly isRemote = true;
  /** Id of the run, for subjects. */
  readonly run: string;
  readonly connection: NatsConnection;
  readonly #options: NatsAgentsOptions;
  readonly #taker: Taker;
  #links: HostLink[] = [];
  #hosts: Promise<AgentHost[]> | undefined;
  #clocks: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #isConnected = true;

  private constructor(connection: NatsConnection, options: NatsAgentsOptions) {
    const { version, name } = options;
    this.connection = connection;
    this.run = randomBytes(8).toString('hex');
    this.#options = options;
    const coordinator = `${name} of ${userName()}@${hostname()}`;
    this.#taker = { connection, run: this.run, version, coordinator, isConnected: () => this.#isConnected };
    void this.#watchConnection();
    void connection.closed().then((error) => {
      const why = error ? `NATS is gone for good: ${error.message}` : 'the connection to NATS was closed';
      for (const link of this.#links) link.lose(why);
    });
  }

  /** @throws InputError for options that cannot be used, NatsError where NATS is not to be reached */
  static async connect(options: NatsAgentsOptions): Promise<NatsAgents> {
    const connection = await connectNats(options.nats, `c2m run ${options.name}`);
    return new NatsAgents(connection, options);
  }

  get leadMs(): number {
    const roundTripMs = Math.max(0, ...this.#links.map((link) => link.roundTripMs));
    return Math.max(SHORTEST_LEAD_MS, ROUND_TRIPS_OF_LEAD * roundTripMs);
  }

  /** @throws RunError that says of every machine that answered why it is not taken */
  hosts(): Promise<AgentHost[]> {
    this.#hosts ??= this.#takeHosts();
    return this.#hosts;
  }

  async start(plans: readonly AgentPlan[]): Promise<AgentLink[]> {
    const idle = this.#links.filter(({ host }) => !plans.some((plan) => plan.host === host.id));
    this.#links = this.#links.filter((link) => !idle.includes(link));
    // What was taken and is not needed is for others to take.
    await Promise.all(idle.map((link) => link.release()));
    // Whoever was interrupted in that time has let go of all of them, and nothing may keep the process.
    if (this.#closing)
      throw new RunError('C2M_RUN', 'the machines were let go of before their agents were started');
    this.#clocks = setInterval(() => {
      for (const link of this.#links) void link.measureClock();
    }, CLOCK_EVERY_MS);
    return plans.map((plan) => {
      const link = this.#links.find(({ host }) => host.id === plan.host);
      if (!link) throw new RunError('C2M_RUN', `there is no host ${plan.host} for agent ${plan.agent}`);
      return link.start(plan);
    });
  }

  async clocks(): Promise<ClockReport[]> {
    await Promise.all(this.#links.map((link) => link.measureClock()));
    return this.#links.map((link) => link.clockReport());
  }

  answer(control: RunControl, failed: (why: string) => void): { close(): void } {
    return answerOverNats(this.connection, control, failed);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #watchConnection(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') this.#isConnected = false;
      else if (type === 'reconnect') this.#isConnected = true;
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#clocks);
    // Nobody can tell a machine over a connection that is not there, and it does not wait for that.
    await within(CLOSE_MS, Promise.all(this.#links.map((link) => link.release())));
    await within(CLOSE_MS, this.connection.close());
  }

  async #takeHosts(): Promise<AgentHost[]> {
    const { signal, tell, wanted } = this.#options;
    const search = new HostSearch(this.connection, this.#taker.version);
    const endMs = performance.now() + wanted.waitMs;
    const refusals = new Map<string, string>();
    try {
      for (;;) {
        await this.#waitFor(search, endMs);
        if (signal.aborted) throw new RunError('C2M_RUN', 'interrupted while waiting for machines');
        const links = await this.#take(this.#suitable(search), refusals);
        if (links.length >= wanted.atLeast) {
          this.#links = links;
          tell(takenWords(links));
          return links.map(({ host }) => host);
        }
        await Promise.all(links.map((link) => link.release()));
        if (performance.now() >= endMs) throw this.#tooFew(search.found, refusals);
        await search.until(() => false, AGAIN_MS.least + Math.random() * AGAIN_MS.more, signal);
        search.again();
      }
    } finally {
      search.close();
    }
  }

  /** Until there are enough, and a little longer; or until the time is over. */
  async #waitFor(search: HostSearch, endMs: number): Promise<void> {
    const { signal, tell, wanted } = this.#options;
    let told = '';
    const isEnough = (): boolean => {
      const suitable = this.#suitable(search);
      const words = `${suitable.length} of at least ${wanted.atLeast} machines ${suitable.length === 1 ? 'is' : 'are'} there`;
      // In an order that is the same whoever has answered last, or the same line would be told again and again.
      const names = suitable
        .map(({ name }) => name)
        .sort()
        .join(', ');
      const now = `waiting for machines: ${words}${names === '' ? '' : ` (${names})`}`;
      if (suitable.length < wanted.atLeast && now !== told) tell(now);
      told = now;
      return suitable.length >= wanted.atLeast;
    };
    // Also where there is no time to wait, whoever is there must have had the time to answer.
    await search.until(isEnough, Math.max(SETTLE_MS, endMs - performance.now()), signal);
    await search.until(() => false, SETTLE_MS, signal);
  }

  #suitable(search: HostSearch): Announcement[] {
    const { version, transport, wanted } = this.#options;
    const want = { version, labels: wanted.labels, transport };
    return search.found
      .flatMap((host) => (host.isSameVersion && whyNot(host, want) === null ? [host.announcement] : []))
      .sort(byCapacity);
  }

  /**
   * Takes as many as are wanted. The first that are needed one after the other in an order that is the same for
   * everybody, so that of two who want the same machines one gets them all, and not each of them half.
   */
  async #take(suitable: readonly Announcement[], refusals: Map<string, string>): Promise<HostLink[]> {
    const { hosts, atLeast } = this.#options.wanted;
    const most = hosts === 'all' ? suitable.length : Math.max(hosts, atLeast);
    const left = [...suitable];
    const taken: HostLink[] = [];
    while (taken.length < most && taken.length + left.length >= atLeast && left.length > 0) {
      const next = left.splice(0, most - taken.length).sort((one, other) => (one.id < other.id ? -1 : 1));
      while (next.length > 0) {
        const group = next.splice(0, taken.length < atLeast ? 1 : next.length);
        const outcomes = await Promise.all(group.map((each) => HostLink.take(this.#taker, each)));
        outcomes.forEach((outcome, index) => {
          if (typeof outcome === 'string') refusals.set((group[index] as Announcement).id, outcome);
          else {
            taken.push(outcome);
            refusals.delete((group[index] as Announcement).id);
          }
        });
        if (taken.length + next.length + left.length < atLeast) break;
      }
    }
    return taken;
  }

  #tooFew(found: readonly FoundHost[], refusals: ReadonlyMap<string, string>): RunError {
    const { version, transport, wanted, nats } = this.#options;
    const place = natsPlaces(nats);
    const want = { version, labels: wanted.labels, transport };
    const seconds = wanted.waitMs / 1000;
    if (found.length === 0) {
      return new RunError(
        'C2M_RUN',
        `no machine has answered at ${place} within ${seconds} s; start \`c2m agent --nats ${place}\` on each that ` +
          'is to simulate clients, or wait longer (agents.wait)',
      );
    }
    const reasons = found.map((host) => whyNot(host, want) ?? refusals.get(host.id) ?? null);
    const lines = found.map(({ name }, index) => `  ${name} ${reasons[index] ?? 'could be had'}`);
    const free = reasons.filter((reason) => reason === null).length;
    return new RunError(
      'C2M_RUN',
      `${free} of the ${wanted.atLeast} machines that are needed (agents.atLeast) were to be had at ${place} ` +
        `within ${seconds} s:\n${lines.join('\n')}`,
    );
  }
}

function takenWords(links: readonly HostLink[]): string {
  const parts = links.map(({ host }) => {
    // By how much it differs says nothing but which machine was started first.
    const { uncertaintyMs = 0 } = host.clock ?? {};
    return `${host.name} (${host.facts.cores} cores, clock known to ±${uncertaintyMs.toFixed(1)} ms)`;
  });
  return `clients are simulated on ${parts.join(', ')}`;
}
