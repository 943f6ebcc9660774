import { type ChildProcess, fork } from 'node:child_process';
import type { ServerConfigInput } from '../server/config.js';
import { spawnServer } from '../server/processes/spawn.js';
import { builtBenchEntry } from './entries.js';
import type { FloodOptions } from './flood-client.js';
import { cpuSeconds } from './process-tree.js';

/** Messages a second and a core-second of the server process. */
export interface Throughput {
  messagesPerSecond: number;
  messagesPerCoreSecond: number;
  /** Share of one core that the server used: near 1, the server was the bottleneck. */
  serverCores: number;
  /** What it needed of others beside it, such as servers of NATS. */
  besideCores: number;
  /** From a message to its first check mark. */
  acceptedP50Ms: number;
  acceptedP99Ms: number;
}

/** A server that is up, and how to end it. */
export interface RunningTarget {
  port: number;
  pid: number;
  /** Further servers, which with this one are a cluster. */
  others?: readonly { port: number; pid: number }[];
  /** Processes beside it, of which it is made as well. */
  beside?: readonly number[];
  /** Who is to talk; see `FloodOptions.users`. */
  users?: readonly number[];
  close(): Promise<void>;
}

/** Floods the target for `seconds` after a warm-up of two, and reads the server's CPU time from the kernel. */
export async function measureThroughput(
  options: Omit<FloodOptions, 'port'>,
  seconds: number,
  start: () => Promise<RunningTarget> = () => startTarget(options.target),
): Promise<Throughput> {
  const { port, pid, others = [], beside = [], users, close } = await start();
  const servers = [pid, ...others.map((each) => each.pid)];
  const flood = fork(builtBenchEntry('flood'));
  try {
    let completed = 0;
    await nextMessage(flood);
    const otherPorts = others.map((each) => each.port);
    flood.send({ ...options, port, otherPorts, ...(users && { users }) });
    flood.on('message', (message: { completed?: number }) => {
      completed = message.completed ?? completed;
    });
    await nextMessage(flood);
    await sleep(2000);
    await takeAccepted(flood);
    await nextMessage(flood);
    const before = { completed, cpu: cpuOf(servers), beside: cpuOf(beside), at: performance.now() };
    await sleep(seconds * 1000);
    await nextMessage(flood);
    const messages = completed - before.completed;
    const cpu = cpuOf(servers) - before.cpu;
    const besideCpu = cpuOf(beside) - before.beside;
    const elapsed = (performance.now() - before.at) / 1000;
    return {
      ...(await takeAccepted(flood)),
      messagesPerSecond: messages / elapsed,
      messagesPerCoreSecond: messages / cpu,
      serverCores: cpu / elapsed,
      besideCores: besideCpu / elapsed,
    };
  } finally {
    flood.kill();
    await close();
  }
}

async function startTarget(target: FloodOptions['target']): Promise<RunningTarget> {
  if (target !== 'relay-ws') {
    const protocol = target === 'c2m-ws' ? 'ws' : 'tcp';
    return startServer({ listen: [`${protocol}://127.0.0.1:0`], store: 'memory' });
  }
  const relay = fork(builtBenchEntry('relay'));
  const { port } = (await nextMessage(relay)) as { port: number };
  return {
    port,
    pid: relay.pid as number,
    close: async () => {
      relay.kill();
    },
  };
}

/** One worker, in one process. */
export async function startServer(config: ServerConfigInput): Promise<RunningTarget> {
  const server = await spawnServer({
    admin: null,
    logLevel: 'warn',
    limits: { drainTimeoutMs: 500 },
    ...config,
  });
  return { port: server.addresses[0]?.port ?? 0, pid: server.pid, close: () => server.close() };
}

/** Since the last call. */
function takeAccepted(flood: ChildProcess): Promise<Pick<Throughput, 'acceptedP50Ms' | 'acceptedP99Ms'>> {
  return new Promise((resolve) => {
    const listen = (message: { acceptedP50Ms?: number; acceptedP99Ms?: number }) => {
      const { acceptedP50Ms, acceptedP99Ms } = message;
      if (acceptedP50Ms === undefined || acceptedP99Ms === undefined) return;
      flood.off('message', listen);
      resolve({ acceptedP50Ms, acceptedP99Ms });
    };
    flood.on('message', listen);
    flood.send('take');
  });
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a benchmark process ended'));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** User and system time, in seconds. */
function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}
