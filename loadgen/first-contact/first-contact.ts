import { IntervalHistograms } from '../agent/interval-histograms.js';
import { LEDGER_BYTES } from '../agent/payload.js';
import { Population, type PopulationListener } from '../agent/population.js';
import type { AgentPlan, Endpoint } from '../agent-messages.js';
import type { Driver } from '../drivers/driver.js';
import { loadDriver } from '../drivers/load-driver.js';
import { faultWords, ownFileOf, watchForFaults } from '../drivers/own/own-fault.js';
import { monotonicMs } from '../monotonic-clock.js';
import { RunError } from '../run-error.js';
import { makeTransport } from '../transports/make-transport.js';
import { excerpt } from './known-answers.js';
import { messageProblem } from './message-problem.js';
import { Witness } from './witness.js';
import { type FailedLogin, isForeign, wrongServerWords } from './wrong-server.js';

/** The scenario may be more patient: a server so slow is for the run to find out. */
const LONGEST_LOGIN_MS = 5000;
const LONGEST_MESSAGE_MS = 5000;
const LONGEST_GOODBYE_MS = 2000;
/** Who answers in another protocol will not log anybody in; the rest of the answer may come a moment later. */
const FOREIGN_MS = 300;
const CHECK_MS = 2;
const CLIENTS = 2;

/** What came of a first contact with a server of the right protocol. */
export interface FirstContact {
  /** Until the last of the clients had logged in; null: not all of them did. */
  loginMs: number | null;
  /** Until nothing more was to be heard of the message; null: nobody had one to send, or something was wrong with it. */
  messageMs: number | null;
  /** What was wrong. The run will show how often it is. */
  notes: string[];
}

/**
 * Two clients log in, the first of them writes to the second, or to itself where the protocol knows no other, and both
 * part again: by then nothing of them is left at the server. Where all messages go to groups nobody writes: the settings may
 * have no words for another message, and groups are for the run to make.
 * @param runPlan of any agent of the run: its first users are asked, with the number of an earlier run
 * @param stopped nobody wants to know any more
 * @throws RunError `C2M_RUN` where the server does not speak the protocol, with what it said and what to write; and where a driver of
 * somebody's own throws, with the place in it
 */
export async function makeFirstContact(
  runPlan: AgentPlan,
  stopped: Promise<unknown> = new Promise(() => undefined),
): Promise<FirstContact> {
  const driver = await loadDriver(runPlan.driver.name, runPlan.driver.settings);
  const file = ownFileOf(runPlan.driver);
  const { fault, release } = watchForFaults(file);
  const isOver = Promise.race([stopped, fault.catch(() => undefined)]);
  const meeting = meet(planOf(runPlan), driver, writesToPartner(runPlan), isOver);
  try {
    return await Promise.race([meeting, fault]);
  } catch (error) {
    throw file === undefined || error instanceof RunError
      ? error
      : new RunError('C2M_RUN', faultWords(error, file));
  } finally {
    // What throws once may throw again while its clients are parted from.
    await meeting.catch(() => undefined);
    release();
  }
}

async function meet(
  plan: AgentPlan,
  driver: Driver,
  writes: boolean,
  stopped: Promise<unknown>,
): Promise<FirstContact> {
  const meeting = new Meeting(plan, driver, stopped);
  try {
    return await meeting.hold(writes);
  } finally {
    await meeting.end();
  }
}

/** Ids and payloads of another run; no groups, which are for the run to make. */
function planOf(plan: AgentPlan): AgentPlan {
  return {
    ...plan,
    run: plan.run - 1,
    count: Math.min(CLIENTS, plan.count),
    groups: null,
    attachments: [],
    isServerFresh: false,
  };
}

function writesToPartner({ groups }: AgentPlan): boolean {
  return groups === null || groups.share < 1;
}

class Meeting implements PopulationListener {
  readonly #plan: AgentPlan;
  readonly #driver: Driver;
  readonly #population: Population;
  readonly #witness: Witness;
  /** By client: why it could not log in; undefined: it did. */
  readonly #logins = new Map<number, string | undefined>();
  readonly #foreignSinceMs = new Map<number, number>();
  #dropped: string | undefined;
  #isStopped = false;

  constructor(plan: AgentPlan, driver: Driver, stopped: Promise<unknown>) {
    this.#plan = plan;
    this.#driver = driver;
    this.#witness = new Witness(plan.count);
    this.#population = new Population(plan, driver, new IntervalHistograms('connect'), this);
    const transport = makeTransport(plan, driver, this.#witness.ofProtocol(this.#population), (taker) =>
      this.#witness.ofStreams(taker),
    );
    this.#population.use(this.#witness.ofTransport(transport));
    void stopped.then(() => {
      this.#isStopped = true;
    });
  }

  loggedIn(client: number): void {
    this.#logins.set(client, undefined);
  }

  failed(client: number, reason: string): void {
    if (!this.#logins.has(client)) this.#logins.set(client, reason);
  }

  ended(_client: number, reason: string, isOwnDoing: boolean): void {
    if (!isOwnDoing) this.#dropped ??= reason;
  }

  /** @param writes whether a message is exchanged once both have logged in */
  async hold(writes: boolean): Promise<FirstContact> {
    const startMs = monotonicMs();
    this.#clients.forEach((client) => {
      this.#population.connectDue(client, startMs);
      this.#population.connect(client, this.#endpointOf(client), undefined);
    });
    const longestMs = Math.min(this.#plan.connectTimeoutMs, LONGEST_LOGIN_MS);
    await this.#until(() => this.#clients.every((client) => this.#hasOutcome(client)), longestMs);
    const failed = this.#clients.filter((client) => !this.#hasLoggedIn(client));
    if (failed.length === 0) {
      const loginMs = monotonicMs() - startMs;
      return { loginMs, ...(writes ? await this.#exchange() : { messageMs: null, notes: [] }) };
    }
    if (this.#isStopped) return { loginMs: null, messageMs: null, notes: [] };
    if (failed.length === this.#plan.count) {
      const words = failed.map((client) => wrongServerWords(this.#failedLogin(client))).find(Boolean);
      if (words !== undefined) throw new RunError('C2M_RUN', words);
    }
    const [first = 0] = failed;
    const who = failed.length < this.#plan.count ? 'only one of two clients' : 'nobody';
    const note = `first contact: ${who} could log in (${this.#reasonOf(first)}${this.#cameFrom(first)})`;
    return { loginMs: null, messageMs: null, notes: [note] };
  }

  /** In good order, so that the same users can log in again at once. */
  async end(): Promise<void> {
    for (const client of this.#clients) this.#population.leave(client);
    const hasEnded = (): boolean => this.#population.connections === 0;
    await this.#until(hasEnded, LONGEST_GOODBYE_MS);
    for (const client of this.#clients) this.#population.cut(client);
    await this.#until(hasEnded, CHECK_MS);
  }

  get #clients(): number[] {
    return Array.from({ length: this.#plan.count }, (_, client) => client);
  }

  /** One message, until nothing more is to come of it. */
  async #exchange(): Promise<Omit<FirstContact, 'loginMs'>> {
    const population = this.#population;
    const { size } = this.#plan.messages;
    const bytes = size.kind === 'fixed' ? size.bytes : LEDGER_BYTES;
    const sentMs = monotonicMs();
    const recipients = population.send(0, false, sentMs, Math.max(LEDGER_BYTES, bytes));
    if (recipients === 0) return { messageMs: null, notes: [] };
    population.flush();
    const isDone = (): boolean => population.underWay === 0 || this.#dropped !== undefined;
    await this.#until(isDone, LONGEST_MESSAGE_MS);
    if (this.#isStopped) return { messageMs: null, notes: [] };
    const problem = messageProblem({
      counts: population.counts(),
      refusals: Object.keys(population.takeRefusals()),
      promises: this.#driver.promises(this.#plan.driver.settings),
      dropped: this.#dropped,
      answer: this.#driver.transport ? Buffer.alloc(0) : this.#witness.of(0).heardLast,
      waitedMs: LONGEST_MESSAGE_MS,
    });
    return problem === undefined
      ? { messageMs: monotonicMs() - sentMs, notes: [] }
      : { messageMs: null, notes: [`first contact: ${problem}`] };
  }

  #endpointOf(client: number): Endpoint {
    const { endpoints } = this.#plan;
    return endpoints[client % endpoints.length] as Endpoint;
  }

  #hasLoggedIn(client: number): boolean {
    return this.#logins.has(client) && this.#logins.get(client) === undefined;
  }

  #hasOutcome(client: number): boolean {
    if (this.#logins.has(client)) return true;
    const { name } = this.#plan.driver;
    if (!isForeign({ driver: { name, words: name }, ...this.#witness.of(client) })) return false;
    const nowMs = monotonicMs();
    const sinceMs = this.#foreignSinceMs.get(client) ?? nowMs;
    this.#foreignSinceMs.set(client, sinceMs);
    return nowMs - sinceMs > FOREIGN_MS;
  }

  #reasonOf(client: number): string {
    return this.#logins.get(client) ?? 'ConnectTimeout';
  }

  /** Of the server, as far as it tells why nobody could log in. */
  #cameFrom(client: number): string {
    if (this.#driver.transport) return '';
    const { heard, closed } = this.#witness.of(client);
    if (heard.length > 0) return `; the server said ${excerpt(heard)}`;
    return closed === undefined ? `; the server said nothing: does it speak ${this.#driver.name}?` : '';
  }

  #failedLogin(client: number): FailedLogin {
    return {
      ...this.#witness.of(client),
      endpoint: this.#endpointOf(client),
      driver: { name: this.#plan.driver.name, words: this.#driver.name },
      isByLibrary: this.#driver.transport !== undefined,
      reason: this.#reasonOf(client),
    };
  }

  /** Resolves when it is done, when the time is over, or when nobody waits any more. */
  async #until(isDone: () => boolean, ms: number): Promise<void> {
    const endMs = monotonicMs() + ms;
    while (!isDone() && !this.#isStopped && monotonicMs() < endMs)
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}
