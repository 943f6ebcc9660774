import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../lab/cluster/free-ports.js';

/** Debian has it where a user's search path does not look. */
const SEARCH_PATH = `${process.env.PATH}:/usr/sbin`;
const UP_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;

interface Ports {
  client: number;
  route: number;
  monitor: number;
}

interface Member {
  readonly ports: Ports;
  readonly config: string;
  process: ChildProcess | undefined;
}

/** Of what a server logs the end is kept. */
const LOG_LENGTH = 4000;

const running = new Set<NatsCluster>();
process.on('exit', () => {
  for (const cluster of running) cluster.abandon();
});

/** Servers of NATS on loopback, clustered, with JetStream in a temporary folder; in tests they end with the test. */
export class NatsCluster {
  readonly #folder: string;
  readonly #members: Member[];

  private constructor(folder: string, members: Member[]) {
    this.#folder = folder;
    this.#members = members;
  }

  /** Resolves once JetStream has a leader. */
  static async start(servers = 3): Promise<NatsCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'c2m-nats-cluster-'));
    const ports = await portsOf(servers);
    const routes = ports.map(({ route }) => `nats://127.0.0.1:${route}`).join(', ');
    const members: Member[] = [];
    for (const [index, each] of ports.entries()) {
      const config = join(folder, `${index}.conf`);
      members.push({ ports: each, config, process: undefined });
      await writeFile(
        config,
        [
          `server_name: "server-${index}"`,
          `listen: "127.0.0.1:${each.client}"`,
          `http: "127.0.0.1:${each.monitor}"`,
          `jetstream { store_dir: "${join(folder, `data-${index}`)}" }`,
          // A cluster of one elects nobody.
          servers > 1
            ? `cluster { name: "test", listen: "127.0.0.1:${each.route}", routes: [${routes}] }`
            : '',
        ].join('\n'),
      );
    }
    const cluster = new NatsCluster(folder, members);
    running.add(cluster);
    for (const index of members.keys()) cluster.#spawn(index);
    try {
      await cluster.#ready();
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** For clients, `nats://host:port` each. */
  get urls(): string[] {
    return this.#members.map(({ ports }) => `nats://127.0.0.1:${ports.client}`);
  }

  /** What a server is called in JetStream. */
  nameOf(index: number): string {
    return `server-${index}`;
  }

  /** SIGKILL; what it has on disk stays. */
  async kill(index: number): Promise<void> {
    const member = this.#member(index);
    const child = member.process;
    member.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Starts one that was killed, on its ports and its data; resolves when it takes clients. */
  async start(index: number): Promise<void> {
    this.#spawn(index);
    await this.#takesClients(index);
  }

  /** SIGSTOP: its connections stay open, and nothing comes from it. */
  stop(index: number): void {
    this.#member(index).process?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(index: number): void {
    this.#member(index).process?.kill('SIGCONT');
  }

  async close(): Promise<void> {
    running.delete(this);
    for (const index of this.#members.keys()) await this.kill(index);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** At once, for a process that ends without having closed it. */
  abandon(): void {
    for (const { process: child } of this.#members) child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #spawn(index: number): void {
    const member = this.#member(index);
    if (member.process) throw new Error(`nats-server ${index} runs already`);
    const child = spawn('nats-server', ['-c', member.config], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: SEARCH_PATH },
    });
    child.on('error', (error) => {
      throw error;
    });
    let log = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      log = (log + bytes.toString()).slice(-LOG_LENGTH);
    });
    // Nobody wanted that, and what waits for it would only say that it does not answer.
    child.on('close', (code, signal) => {
      if (member.process === child)
        process.stderr.write(
          `nats-server ${index} ended by itself (${signal ?? code}); its last words:\n${log}\n`,
        );
    });
    member.process = child;
  }

  /** All take clients, know each other, and have a leader for JetStream. */
  async #ready(): Promise<void> {
    const count = this.#members.length;
    for (const index of this.#members.keys()) {
      await this.#takesClients(index);
      // A cluster of one elects nobody.
      if (count === 1) continue;
      await waitUntil(async () => {
        const page = await this.#answers(index, 'jsz');
        const meta = page?.meta_cluster as { leader?: string; cluster_size?: number } | undefined;
        return Boolean(meta?.leader) && meta?.cluster_size === count;
      }, `JetStream of nats-server ${index} has a leader`);
    }
  }

  /** Its pages are there before it listens for clients, and only this one of them waits for that. */
  async #takesClients(index: number): Promise<void> {
    await waitUntil(
      () => this.#answers(index, 'healthz?js-enabled=true'),
      `nats-server ${index} takes clients`,
    );
  }

  async #answers(index: number, page: string): Promise<Record<string, unknown> | undefined> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.#member(index).ports.monitor}/${page}`, {
        signal: AbortSignal.timeout(2000),
      });
      return response.ok ? ((await response.json()) as Record<string, unknown>) : undefined;
    } catch {
      // It is not up yet.
      return undefined;
    }
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (!member) throw new Error(`there is no nats-server ${index}`);
    return member;
  }
}

async function waitUntil(isSo: () => Promise<unknown>, what: string): Promise<void> {
  const untilMs = performance.now() + UP_WITHIN_MS;
  while (!(await isSo())) {
    if (performance.now() > untilMs) throw new Error(`waited ${UP_WITHIN_MS / 1000} s in vain: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function portsOf(servers: number): Promise<Ports[]> {
  const ports = await freePorts(3 * servers);
  return Array.from({ length: servers }, (_, index) => ({
    client: ports[3 * index] as number,
    route: ports[3 * index + 1] as number,
    monitor: ports[3 * index + 2] as number,
  }));
}
