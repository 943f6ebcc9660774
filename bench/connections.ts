import { packageVersion } from '../lab/version.js';
import type { AgentPlan, AgentSample, Endpoint, FromAgent } from '../loadgen/agent-messages.js';
import { ForkedAgent, thisHost } from '../loadgen/coordination/local-agents.js';
import { monotonicMs } from '../loadgen/monotonic-clock.js';
import type { ServerStats } from '../protocol/stats.js';
import { spawnServer } from '../server/processes/spawn.js';

/**
 * More than one server takes, and few enough that its backlog does not overflow: what the kernel drops is dialled again
 * after one second or three, and then those are what is measured.
 */
const CONNECT_RATE = 20_000;

/** What idle connections cost, and how fast they can be opened. */
export interface ConnectionCost {
  connectsPerSecond: number;
  /** Private memory of the server's process, growth a connection, once the garbage of connecting is collected. */
  serverBytes: number;
  /** The same for the agent. */
  agentBytes: number;
}

/** When V8 collects the garbage of connecting is up to V8: the lowest reading of this time counts. */
const SETTLE_SECONDS = 25;

/** Opens `count` clients as fast as one agent and one server worker can, then lets both come to rest. */
export async function measureConnections(protocol: 'tcp' | 'ws', count: number): Promise<ConnectionCost> {
  const server = await spawnServer({
    listen: [`${protocol}://127.0.0.1:0`],
    admin: { port: 0 },
    logLevel: 'warn',
    store: 'memory',
  });
  const agent = new ForkedAgent(thisHost(packageVersion()), planOf(server.addresses, count));
  try {
    let latest: AgentSample | undefined;
    const waiting = new Map<FromAgent['kind'], (message: FromAgent) => void>();
    const heard = <Kind extends FromAgent['kind']>(kind: Kind) =>
      Promise.race([
        new Promise<Extract<FromAgent, { kind: Kind }>>((resolve) =>
          waiting.set(kind, resolve as (message: FromAgent) => void),
        ),
        agent.ended.then((how) => Promise.reject(new Error(`the agent ended: ${how}`))),
      ]);
    const serverBytes = async () => {
      const stats = (await (await fetch(`${server.adminUrl}/stats`)).json()) as ServerStats;
      return stats.workers.reduce((sum, worker) => sum + worker.privateBytes, 0);
    };

    const ready = heard('ready');
    agent.onMessage((message) => {
      if (message.kind === 'sample') latest = message.sample;
      waiting.get(message.kind)?.(message);
    });
    await ready;
    const serverBefore = await serverBytes();
    const agentBefore = agent.privateBytes() ?? Number.NaN;
    const begunMs = monotonicMs();
    const connected = heard('connected');
    agent.tell({ kind: 'connect', atMs: begunMs });
    // It throws garbage away before it says so: when the last one was in is what it tells.
    const seconds = ((await connected).atMs - begunMs) / 1000;
    let serverLowest = Number.POSITIVE_INFINITY;
    let agentLowest = Number.POSITIVE_INFINITY;
    for (let second = 0; second < SETTLE_SECONDS; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      serverLowest = Math.min(serverLowest, await serverBytes());
      agentLowest = Math.min(agentLowest, agent.privateBytes() ?? Number.NaN);
    }
    const open = latest?.open ?? 0;
    if (open < count)
      throw new Error(`only ${open} of ${count} clients are connected: ${JSON.stringify(latest?.failures)}`);
    return {
      connectsPerSecond: count / seconds,
      serverBytes: (serverLowest - serverBefore) / count,
      agentBytes: (agentLowest - agentBefore) / count,
    };
  } finally {
    agent.kill();
    await server.close();
  }
}

function planOf(endpoints: readonly Endpoint[], count: number): AgentPlan {
  return {
    agent: 0,
    host: 'local',
    transport: 'sockets',
    seed: 1,
    run: 1,
    firstUser: 1,
    count,
    population: { firstUser: 1, count },
    endpoints: [...endpoints],
    partnersApart: false,
    driver: { name: 'c2m', settings: { credentials: null } },
    webSocket: null,
    groups: null,
    isServerFresh: true,
    insecure: true,
    tls: {},
    connectRate: CONNECT_RATE,
    reconnectRate: 1000,
    connectTimeoutMs: 30_000,
    heartbeatMs: 3_600_000,
    attachments: [],
    messages: { size: { kind: 'fixed', bytes: 100 }, arrival: 'constant' },
  };
}
