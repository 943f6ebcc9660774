import { randomBytes } from 'node:crypto';
import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import { z } from 'zod';
import { printable } from '../../../record/printable.js';
import { type HostFacts, readHostFacts } from '../../host-facts.js';
import { monotonicMs } from '../../monotonic-clock.js';
import { describeEnvironment } from '../../recording/environment.js';
import type { AgentHost } from '../coordinator.js';
import { parseJson } from '../parse-json.js';
import type { AllowList } from './allow-list.js';
import { LentAgent } from './lent-agent.js';
import type { LentNetwork } from './lent-packets.js';
import { LentRun } from './lent-run.js';
import { type Announcement, type HostAnswer, type HostRequest, SUBJECTS } from './messages.js';
import { checkPlan, type PlanTaker } from './plan-check.js';

/** How long a coordinator is given to hear that its agents were ended here. */
const FAREWELL_MS = 1000;

export interface LentMachineOptions {
  connection: NatsConnection;
  /** What people call it. */
  name: string;
  labels: readonly string[];
  /** Of c2m: runs of another one are refused. */
  version: string;
  allow: AllowList;
  /** Drivers that a scenario brings along are run. */
  isTrusting: boolean;
  /** What carries packets; why nothing does. */
  network: LentNetwork | string;
  /** What happens, a line each, for the owner. */
  tell: (words: string) => void;
  /** The agents' entry; tests give one of their own. */
  script?: string;
}

/** It becomes part of subjects. */
const token = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);

const requestSchema: z.ZodType<HostRequest> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('clock') }),
  z.strictObject({
    kind: z.literal('take'),
    run: token,
    version: z.string().max(64),
    coordinator: z.string().max(256),
  }),
  z.strictObject({ kind: z.literal('release'), run: token }),
]);

/** The run that has the machine. */
interface Tenancy {
  run: string;
  /** Whose it is, for people. */
  words: string;
  lent: LentRun;
  packets: Subscription;
  /** Resolves when the machine is free again; undefined: nobody has ended it. */
  ending: Promise<void> | undefined;
}

/**
 * Lends this machine to one run at a time: says that it is there, starts the agents of whoever takes it, and ends them when
 * their coordinator lets go of it or is not heard any more. Nothing that comes over NATS makes it throw.
 */
export class LentMachine {
  readonly #options: LentMachineOptions;
  readonly #id: string;
  readonly #subscriptions: Subscription[];
  #tenancy: Tenancy | undefined;
  #isClosed = false;

  constructor(options: LentMachineOptions) {
    this.#options = options;
    const word = options.name.replace(/[^a-zA-Z0-9]+/g, '-').slice(0, 40);
    this.#id = `${word}-${randomBytes(4).toString('hex')}`;
    this.#subscriptions = [
      this.#subscribe(SUBJECTS.find, (message) => this.#respond(message, this.announcement)),
      this.#subscribe(SUBJECTS.host(this.#id), (message) => this.#takeRequest(message)),
    ];
  }

  get announcement(): Announcement {
    const { version, network, allow } = this.#options;
    const { clock: _, ...host } = this.#host();
    const { run, words } = this.#tenancy ?? {};
    return {
      ...host,
      version,
      packets: typeof network === 'string' ? network : true,
      allow: [...allow.written],
      busy: run === undefined || words === undefined ? null : { run, words },
    };
  }

  /** Ends what runs here and says so, as far as somebody hears it; the connection stays open. */
  async close(why: string): Promise<void> {
    this.#isClosed = true;
    if (this.#tenancy) await this.#end(this.#tenancy, why, FAREWELL_MS);
    for (const each of this.#subscriptions) each.unsubscribe();
    if (typeof this.#options.network !== 'string') this.#options.network.close();
  }

  #host(facts: HostFacts = readHostFacts()): AgentHost {
    const { name, labels, version } = this.#options;
    return {
      id: this.#id,
      name,
      labels: [...labels],
      facts,
      environment: describeEnvironment(facts, version),
      clock: null,
    };
  }

  #takeRequest(message: Msg): void {
    const request = requestSchema.safeParse(parseJson(message.string()));
    if (!request.success) {
      this.#answer(message, { kind: 'refused', why: 'was asked for what this version does not know' });
      return;
    }
    switch (request.data.kind) {
      case 'clock':
        this.#answer(message, { kind: 'clock', atMs: monotonicMs() });
        break;
      case 'take':
        this.#answer(message, this.#take(request.data));
        break;
      case 'release':
        void this.#release(request.data.run).then(() => this.#answer(message, { kind: 'done' }));
        break;
    }
  }

  #take({ run, version, coordinator }: Extract<HostRequest, { kind: 'take' }>): HostAnswer {
    const words = printable(coordinator);
    const why = this.#whyNot(run, version);
    if (why !== undefined) {
      this.#options.tell(`refused run ${run} of ${words}: ${why}`);
      return { kind: 'refused', why };
    }
    // Whoever did not hear the answer asks again.
    if (this.#tenancy) return { kind: 'done' };
    const lent = new LentRun({
      publish: (packet) => this.#options.connection.publish(SUBJECTS.fromHost(run, this.#id), packet),
      check: (plan, others) => checkPlan(plan, this.#taker(), others),
      start: (plan) => new LentAgent(this.#host(), plan, this.#forkOptions(plan)),
      tell: (line) => this.#options.tell(printable(`run ${run}: ${line}`)),
      giveUp: (reason) => void this.#end(tenancy, reason, 0),
    });
    const packets = this.#subscribe(SUBJECTS.toHost(run, this.#id), (message) => lent.take(message.string()));
    const tenancy: Tenancy = { run, words, lent, packets, ending: undefined };
    this.#tenancy = tenancy;
    this.#options.tell(`taken by run ${run} of ${words}`);
    return { kind: 'done' };
  }

  /** In words that follow the machine's name. */
  #whyNot(run: string, version: string): string | undefined {
    const own = this.#options.version;
    if (this.#isClosed) return 'is being taken back by its owner';
    if (version !== own)
      return `runs c2m ${own}, and the coordinator ${printable(version)}; install the same on both`;
    if (this.#tenancy && this.#tenancy.run !== run)
      return `is taken by run ${this.#tenancy.run} of ${this.#tenancy.words}; wait for its end, or take another machine`;
    if (this.#tenancy?.ending) return 'is just ending that run';
    return undefined;
  }

  async #release(run: string): Promise<void> {
    if (this.#tenancy?.run === run) await this.#end(this.#tenancy, 'its coordinator let go of it', 0);
  }

  /** The first reason counts; resolves when the machine is free. */
  #end(tenancy: Tenancy, why: string, tellForMs: number): Promise<void> {
    tenancy.ending ??= (async () => {
      await tenancy.lent.end(why, tellForMs);
      tenancy.packets.unsubscribe();
      this.#putBackNetwork();
      this.#tenancy = undefined;
      this.#options.tell(`run ${tenancy.run} has ended here: ${why}`);
    })();
    return tenancy.ending;
  }

  /** Somebody may have taken away by hand what is to be put back; the machine is free all the same. */
  #putBackNetwork(): void {
    const { network, tell } = this.#options;
    if (typeof network === 'string') return;
    try {
      network.release();
    } catch (error) {
      tell(`not everything could be put back that was changed for packets: ${(error as Error).message}`);
    }
  }

  #taker(): PlanTaker {
    const { name, allow, isTrusting, network } = this.#options;
    const { cores, openFiles, memoryBytes } = readHostFacts();
    const packets = typeof network === 'string' ? network : (true as const);
    return {
      id: this.#id,
      name,
      allow,
      isTrusting,
      packets,
      cores,
      openFiles: openFiles.soft,
      memoryBytes,
    };
  }

  #forkOptions(plan: Parameters<LentNetwork['admit']>[0]): ConstructorParameters<typeof LentAgent>[2] {
    const { network, script, tell } = this.#options;
    const own = script === undefined ? {} : { script };
    if (plan.transport !== 'packets' || typeof network === 'string') return own;
    for (const line of network.admit(plan)) tell(line);
    return { ...own, inside: (make) => network.inside(make) };
  }

  #subscribe(subject: string, take: (message: Msg) => void): Subscription {
    return this.#options.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#options.tell(`cannot listen to ${subject}: ${error.message}`);
        else take(message);
      },
    });
  }

  #answer(message: Msg, answer: HostAnswer): void {
    this.#respond(message, answer);
  }

  #respond(message: Msg, answer: HostAnswer | Announcement): void {
    if (!this.#options.connection.isClosed()) message.respond(JSON.stringify(answer));
  }
}
