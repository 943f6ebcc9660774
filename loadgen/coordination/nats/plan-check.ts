import { z } from 'zod';
import type { ClientAction, Phase } from '../../../scenarios/scenario.js';
import type { AgentPlan, Endpoint, ToAgent } from '../../agent-messages.js';
import { DRIVER_NAMES } from '../../drivers/load-driver.js';
import { SPARE_FILES } from '../../host-facts.js';
import type { AllowList } from './allow-list.js';
import { isPlainData } from './plain-data.js';

/** What a machine takes a plan for. */
export interface PlanTaker {
  /** Id of the host, which plans name. */
  id: string;
  /** For people. */
  name: string;
  allow: AllowList;
  /** Drivers that a scenario brings along are run here. */
  isTrusting: boolean;
  /** Whether packets can be sent from here; why not. */
  packets: true | string;
  cores: number;
  /** Descriptors that one process may hold; null: no limit. */
  openFiles: number | null;
  memoryBytes: number;
}

export type CheckedPlan = { plan: AgentPlan } | { refusal: string };

/** A Node process that does nothing yet. */
const PROCESS_BYTES = 64 * 1024 ** 2;
/** Of one client, at least: a socket of the kernel's, or some fields of typed arrays. More than this is for the owner to find out. */
const CLIENT_BYTES = { sockets: 4096, packets: 64 };
/** Of one flow, from a client to one of its recipients: two numbers of the ledger. */
const FLOW_BYTES = 8;
/** Of one user of the whole run, whoever simulates it: who is there (agent/presence.ts). */
const USER_BYTES = 5;

const MOST_RATE = 1e9;
const LONGEST_MS = 366 * 24 * 3_600_000;
const MOST_ENDPOINTS = 10_000;
const MOST_ATTACHMENTS = 10_000;
const LONGEST_TEXT = 1024 ** 2;

const whole = (most: number) => z.number().int().min(0).max(most);
const duration = z.number().min(0).max(LONGEST_MS);
const rate = z.number().min(0).max(MOST_RATE);
const share = z.number().min(0).max(1);
const bytes = whole(1024 ** 2);
const text = (longest: number) => z.string().max(longest);
/** Of the monotonic clock of this machine. */
const time = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

/** Every key of a type, the optional ones as well: a key that is added there is missed here by the compiler. */
type Shape<T> = { [Key in keyof Required<T>]: z.ZodType<T[Key]> };

function strict<T>(shape: Shape<T>): z.ZodType<T> {
  return z.strictObject(shape) as unknown as z.ZodType<T>;
}

const endpoint = z.strictObject({
  protocol: z.enum(['tcp', 'tls', 'ws', 'wss']),
  host: text(255).min(1),
  name: text(255).min(1).optional(),
  port: whole(65_535).min(1),
  path: text(8192).optional(),
} satisfies Shape<Endpoint>);

const size = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), bytes }),
  z.strictObject({ kind: z.literal('uniform'), minBytes: bytes, maxBytes: bytes }),
  z.strictObject({
    kind: z.literal('lognormal'),
    medianBytes: bytes,
    sigma: z.number().min(0).max(10),
    maxBytes: bytes,
  }),
]);

const webSocket = z.strictObject({
  headers: z.record(z.string().max(256), text(8192)),
  subprotocols: z.array(text(256)).max(100).nullable(),
  compression: z.boolean(),
});

const planSchema = strict<AgentPlan>({
  transport: z.enum(['sockets', 'packets']),
  agent: whole(1_000_000),
  host: text(256),
  seed: whole(Number.MAX_SAFE_INTEGER),
  run: whole(2 ** 32 - 1).min(1),
  firstUser: whole(Number.MAX_SAFE_INTEGER - 2 ** 32),
  count: whole(2 ** 31).min(1),
  population: z.strictObject({
    firstUser: whole(Number.MAX_SAFE_INTEGER - 2 ** 32),
    count: whole(2 ** 31).min(1),
  }),
  endpoints: z.array(endpoint).min(1).max(MOST_ENDPOINTS) as z.ZodType<Endpoint[]>,
  partnersApart: z.boolean(),
  driver: z.strictObject({
    name: z.enum(DRIVER_NAMES as [string, ...string[]]),
    settings: z.unknown().refine(isPlainData, 'is nested too deeply, or has a key that no settings have'),
  }) as z.ZodType<AgentPlan['driver']>,
  webSocket: webSocket.nullable(),
  insecure: z.boolean(),
  tls: z.strictObject({
    ca: text(LONGEST_TEXT).optional(),
    cert: text(LONGEST_TEXT).optional(),
    key: text(LONGEST_TEXT).optional(),
    serverName: text(255).optional(),
  }) as z.ZodType<AgentPlan['tls']>,
  connectRate: rate.positive(),
  reconnectRate: rate.positive(),
  connectTimeoutMs: duration.min(1),
  heartbeatMs: duration.min(1),
  messages: z.strictObject({ size, arrival: z.enum(['poisson', 'constant']) }),
  groups: z.strictObject({ members: whole(8000).min(2), share }).nullable(),
  isServerFresh: z.boolean(),
  attachments: z.array(text(LONGEST_TEXT)).max(MOST_ATTACHMENTS),
  asksFirst: z.boolean().optional(),
});

const phase = strict<Phase>({
  name: text(256),
  durationMs: duration,
  messageRate: rate,
  messageRateTo: rate.optional(),
  away: share,
  churnRate: rate,
  awayForMs: duration,
  cut: share,
});

const action: z.ZodType<ClientAction> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cut'), atMs: duration, share }),
  z.strictObject({ kind: z.literal('pause'), atMs: duration, share, forMs: duration.nullable() }),
]);

type Told = Exclude<ToAgent, { kind: 'plan' }>;

/** One a kind of what an agent is told once it has a plan. Another plan would go round all that is checked here. */
const TOLD: { [Kind in Told['kind']]: z.ZodType<Extract<Told, { kind: Kind }>> } = {
  connect: strict({ kind: z.literal('connect'), atMs: time }),
  phase: strict({ kind: z.literal('phase'), phase, atMs: time }),
  rate: strict({ kind: z.literal('rate'), messageRate: rate, atMs: time }),
  act: strict({ kind: z.literal('act'), action, atMs: time }),
  drain: strict({ kind: z.literal('drain') }),
  finish: strict({ kind: z.literal('finish') }),
};

export const toldSchema: z.ZodType<Told> = z.union(
  Object.values(TOLD) as unknown as [z.ZodType<Told>, z.ZodType<Told>],
);

/**
 * Whether a machine takes a plan, whoever wrote it.
 * @param others plans that it has taken for the same run
 * @returns the plan, or words that name the machine and say what to do
 */
export function checkPlan(value: unknown, taker: PlanTaker, others: readonly AgentPlan[]): CheckedPlan {
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.map(String).join('.') ?? '';
    return {
      refusal: `${taker.name} cannot take the plan: ${where} ${issue?.message.toLowerCase()}`.slice(0, 500),
    };
  }
  const plan = parsed.data;
  const refusal = whyNot(plan, taker) ?? whatIsShort(plan, taker, others);
  return refusal === undefined ? { plan } : { refusal: `${taker.name} ${refusal}` };
}

function whyNot(plan: AgentPlan, taker: PlanTaker): string | undefined {
  const { host, driver, transport, endpoints, firstUser, count, population } = plan;
  if (host !== taker.id) return 'was sent a plan that is for another machine';
  if (firstUser < population.firstUser || firstUser + count > population.firstUser + population.count)
    return 'was sent a plan with clients that are not of its population';
  const foreign = endpoints.find((each) => !taker.allow.allows(each.host));
  if (foreign)
    return `sends no load to ${foreign.host}; whoever owns it can allow that: c2m agent --allow ${foreign.host}`;
  if (driver.name === 'own' && !taker.isTrusting)
    return (
      "runs no driver of a scenario's own; whoever owns it can allow that, if they know whose it is and have the file there " +
      'as well: c2m agent --trust'
    );
  if (transport === 'packets' && taker.packets !== true)
    return `cannot send packets (${taker.packets}); write generator.transport: sockets`;
  return undefined;
}

function whatIsShort(plan: AgentPlan, taker: PlanTaker, others: readonly AgentPlan[]): string | undefined {
  const { transport, count } = plan;
  const perAgent = taker.openFiles === null ? Number.POSITIVE_INFINITY : taker.openFiles - SPARE_FILES;
  if (transport === 'sockets' && count > perAgent)
    return (
      `holds ${words(Math.max(0, perAgent))} clients an agent (${words(taker.openFiles ?? 0)} open files a process), and not ` +
      `${words(count)}; take more machines, or raise ulimit -n there before c2m agent is started`
    );
  const mostAgents = Math.max(taker.cores, Math.floor(taker.memoryBytes / PROCESS_BYTES));
  if (others.length >= mostAgents)
    return `has no room for more than ${words(mostAgents)} agents; take more machines, or fewer agents`;
  const needed = [plan, ...others].reduce((sum, each) => sum + leastBytes(each), 0);
  if (needed > taker.memoryBytes)
    return (
      `has ${words(taker.memoryBytes / 1024 ** 2)} MiB of memory, and its agents would need ` +
      `${words(needed / 1024 ** 2)} MiB; take more machines, or fewer clients`
    );
  return undefined;
}

function leastBytes({ transport, count, population, groups, attachments }: AgentPlan): number {
  const flows = count * (groups?.members ?? 1);
  const attached = attachments.reduce((sum, each) => sum + each.length, 0);
  return count * CLIENT_BYTES[transport] + flows * FLOW_BYTES + population.count * USER_BYTES + attached;
}

function words(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}
