import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { freePorts } from '../../lab/cluster/free-ports.js';
import type { Endpoint } from '../../loadgen/agent-messages.js';
import { afterEachTest } from './clean-up.js';

/** What nats-server counts: its own side of what a record says. */
export interface NatsCounters {
  in_msgs: number;
  out_msgs: number;
  connections: number;
}

/** One of a client; without `tls_version` it is not enciphered. */
export interface NatsConnection {
  subscriptions: number;
  tls_version?: string;
}

/** Debian's nats-server, with its data in a folder of its own. */
export class NatsServer {
  readonly endpoint: Endpoint;
  readonly webSocketEndpoint: Endpoint;
  readonly #monitorPort: number;
  readonly #configFile: string;
  readonly #arguments: string[];
  #process: ChildProcess | undefined;

  constructor(folder: string, ports: [number, number, number], options: readonly string[]) {
    const [port, monitorPort, webSocketPort] = ports;
    this.endpoint = { protocol: 'tcp', host: '127.0.0.1', port };
    this.webSocketEndpoint = { protocol: 'ws', host: '127.0.0.1', port: webSocketPort };
    this.#monitorPort = monitorPort;
    this.#configFile = join(folder, 'nats.conf');
    this.#arguments = ['-c', this.#configFile, '-a', '127.0.0.1', '-p', String(port)];
    this.#arguments.push('-m', String(monitorPort), ...options);
  }

  /** Starts it, again on the same ports and the same data; resolves when it takes clients. */
  async start(config = ''): Promise<void> {
    const webSocket = `websocket { host: "127.0.0.1", port: ${this.webSocketEndpoint.port}, no_tls: true }`;
    await writeFile(this.#configFile, `${webSocket}\n${config}\n`);
    this.#process = spawn('nats-server', this.#arguments, {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    await vi.waitFor(async () => this.#page('healthz'), { timeout: 10_000, interval: 20 });
  }

  /** SIGKILL: what is only in the memory of the process is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async counters(): Promise<NatsCounters> {
    return (await this.#page('varz')) as NatsCounters;
  }

  async openConnections(): Promise<NatsConnection[]> {
    return ((await this.#page('connz')) as { connections: NatsConnection[] }).connections;
  }

  /** Messages in the streams of JetStream. */
  async storedMessages(): Promise<number> {
    const { messages } = (await this.#page('jsz')) as { messages: number };
    return messages;
  }

  async #page(name: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.#monitorPort}/${name}`);
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return response.json();
  }
}

const running: { server: NatsServer; folder: string }[] = [];

/** Starts a server; it is ended, and its folder removed, after the test. */
export async function startNatsServer(
  options: { hasJetStream?: boolean; config?: string; certificate?: { key: string; cert: string } } = {},
): Promise<NatsServer> {
  const { hasJetStream = false, config = '', certificate } = options;
  const folder = await mkdtemp(join(tmpdir(), 'c2m-nats-'));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  if (certificate) {
    await writeFile(files.cert, certificate.cert);
    await writeFile(files.key, certificate.key);
  }
  const tls = certificate ? `tls { cert_file: "${files.cert}", key_file: "${files.key}" }` : '';
  const store = hasJetStream ? ['-js', '-sd', join(folder, 'data')] : [];
  const server = new NatsServer(folder, (await freePorts(3)) as [number, number, number], store);
  running.push({ server, folder });
  await server.start(`${config}\n${tls}`);
  return server;
}

afterEachTest('servers', async () => {
  for (const { server, folder } of running.splice(0)) {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
});
