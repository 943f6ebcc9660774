import { thisHost } from '../../loadgen/coordination/local-agents.js';
import { AllowList } from '../../loadgen/coordination/nats/allow-list.js';
import { LentMachine } from '../../loadgen/coordination/nats/lent-machine.js';
import type { Announcement } from '../../loadgen/coordination/nats/messages.js';
import { NatsAgents, type NatsAgentsOptions } from '../../loadgen/coordination/nats/nats-agents.js';
import { connectNats } from '../../nats/connect.js';
import type { AgentsPlan } from '../../scenarios/scenario.js';
import { afterEachTest } from './clean-up.js';
import type { NatsServer } from './nats-server.js';

/** Of c2m, where a test does not say. */
export const VERSION = '0.0.0';

const ends: (() => Promise<unknown>)[] = [];

/** Lasts as long as the test: what it left is ended before the server of NATS is. */
afterEachTest('users', async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export function urlOf({ endpoint }: NatsServer): string {
  return `nats://${endpoint.host}:${endpoint.port}`;
}

/** A machine that is lent, in this process; its agents are processes. */
export interface Lent {
  machine: LentMachine;
  announcement: Announcement;
  /** What its owner reads. */
  said: string[];
}

export async function lendMachine(
  server: NatsServer,
  name: string,
  { version = VERSION, labels = [] as string[] } = {},
): Promise<Lent> {
  const connection = await connectNats({ url: urlOf(server) }, name);
  const said: string[] = [];
  const machine = new LentMachine({
    connection,
    name,
    labels,
    version,
    allow: await AllowList.of([]),
    isTrusting: false,
    network: 'it has no TUN devices',
    tell: (words) => said.push(words),
  });
  ends.push(async () => {
    await machine.close('the test is over');
    await connection.close();
  });
  await connection.flush();
  return { machine, announcement: machine.announcement, said };
}

/** What a scenario says of its machines: all that are there, and no patience. */
export function agentsPlan(plan: Partial<AgentsPlan> = {}): AgentsPlan {
  return { nats: null, hosts: 'all', atLeast: 1, waitMs: 0, labels: [], lost: 'invalidate', ...plan };
}

export interface TestCoordinator {
  coordinator: NatsAgents;
  /** What it told of its search. */
  told: string[];
  abort: AbortController;
}

export async function coordinate(
  server: NatsServer,
  wanted: Partial<AgentsPlan> = {},
  options: Partial<Omit<NatsAgentsOptions, 'wanted' | 'signal' | 'tell'>> = {},
): Promise<TestCoordinator> {
  const told: string[] = [];
  const abort = new AbortController();
  const coordinator = await NatsAgents.connect({
    nats: { url: urlOf(server) },
    transport: 'sockets',
    version: VERSION,
    name: 'test',
    ...options,
    wanted: agentsPlan(wanted),
    signal: abort.signal,
    tell: (words) => told.push(words),
  });
  ends.push(() => coordinator.close());
  return { coordinator, told, abort };
}

/** A machine as a test wants it to be, which answers and does nothing. @returns how often it was taken and released */
export async function announce(
  server: NatsServer,
  said: Partial<Announcement>,
): Promise<{ taken: string[]; released: string[] }> {
  const connection = await connectNats({ url: urlOf(server) }, 'scripted');
  const { clock: _, ...host } = thisHost(VERSION);
  const announcement = {
    ...host,
    version: VERSION,
    packets: true,
    allow: [],
    busy: null,
    ...said,
  } satisfies Announcement;
  const calls = { taken: [] as string[], released: [] as string[] };
  connection.subscribe('c2m.1.find', {
    callback: (_error, message) => {
      message.respond(JSON.stringify(announcement));
    },
  });
  connection.subscribe(`c2m.1.host.${announcement.id}`, {
    callback: (_error, message) => {
      const request = message.json<{ kind: string; run: string }>();
      if (request.kind === 'take') calls.taken.push(request.run);
      if (request.kind === 'release') calls.released.push(request.run);
      message.respond(
        JSON.stringify(
          request.kind === 'clock' ? { kind: 'clock', atMs: performance.now() } : { kind: 'done' },
        ),
      );
    },
  });
  ends.push(() => connection.close());
  await connection.flush();
  return calls;
}
