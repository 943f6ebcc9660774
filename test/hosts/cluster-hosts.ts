import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { vi } from 'vitest';
import type { ServerStats } from '../../protocol/stats.js';
import type { RunningCommand } from '../support/running-command.js';
import { ADMIN_PORT, type LabOutcome, type LabRun, readRecord } from './lab.js';
import { type Host, Network } from './network.js';

const C2M = resolve('dist/cli/c2m.js');
const NATS_PORT = 4222;
const ROUTE_PORT = 6222;
const SERVER_PORT = 4000;
const NATS_READY = /Server is ready/;
const TOKEN = 'known to these hosts alone';
/** Few, so that each move is of many mailboxes, and more than there are nodes. */
const HOMES = 12;

/** What is said over the cluster, and from how many lent machines. */
export interface Load {
  machines: number;
  clients: number;
  /** Clients that leave and come back; a rate. */
  churn: string;
  messagesPerSecond: number;
}

/** Resolves once a program has said so, whichever way it speaks. */
async function isReady(command: RunningCommand, words: RegExp): Promise<void> {
  const ended = command.ended.then(({ status, stderr }) => {
    throw new Error(`it ended with status ${status}: ${stderr}`);
  });
  const said = vi.waitFor(
    () => {
      if (!words.test(command.words())) throw new Error(`it is not ready: ${command.words()}`);
    },
    { timeout: 60_000, interval: 50 },
  );
  await Promise.race([said, ended]);
}

/** A program on a host of its own, which is started again on the same host. */
export class Placed {
  readonly name: string;
  readonly host: Host;
  readonly #argv: readonly string[];
  readonly #ready: RegExp;
  #command: RunningCommand | undefined;

  constructor(name: string, host: Host, argv: readonly string[], ready: RegExp) {
    this.name = name;
    this.host = host;
    this.#argv = argv;
    this.#ready = ready;
  }

  async start(): Promise<void> {
    const command = this.host.start(this.#argv);
    this.#command = command;
    await isReady(command, this.#ready);
  }

  /** All of its processes, as when the host loses its power. */
  async kill(): Promise<void> {
    this.host.signalAll('SIGKILL');
    await this.#command?.ended;
  }

  stop(): void {
    this.host.signalAll('SIGSTOP');
  }

  goOn(): void {
    this.host.signalAll('SIGCONT');
  }

  /** Its own end, as an operator asks for. */
  async end(): Promise<void> {
    this.#command?.kill('SIGTERM');
    await this.#command?.ended;
  }

  words(): string {
    return this.#command?.words() ?? '';
  }
}

/**
 * Three nodes, each on a host of its own, three nats-servers likewise, and a lab with lent machines that talks to the
 * nodes. The lab has a nats-server of its own: a fault of the cluster's is none of the lab's.
 */
export class ClusterHosts {
  readonly network = new Network();
  readonly lab: Host;
  readonly nats: Placed[] = [];
  readonly nodes: Placed[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'c2m-cluster-hosts-'));
  readonly #load: Load;
  #runs = 0;

  private constructor(load: Load) {
    this.#load = load;
    this.lab = this.network.host('lab');
  }

  static async start(load: Load): Promise<ClusterHosts> {
    const hosts = new ClusterHosts(load);
    try {
      await hosts.#placeAll();
      await hosts.whenServed();
      return hosts;
    } catch (error) {
      hosts.close();
      throw error;
    }
  }

  /** Resolves once every home has an owner that serves it, as each of the nodes that run sees it. */
  async whenServed(nodes: readonly Placed[] = this.nodes): Promise<void> {
    const look = (): void => {
      for (const node of nodes) {
        const { cluster } = this.stats(node);
        const served = cluster?.homes.filter(({ state }) => state === 'open').length;
        if (served !== HOMES)
          throw new Error(`${node.name} sees ${served} homes: ${JSON.stringify(cluster?.homes)}`);
      }
    };
    try {
      await vi.waitFor(look, { timeout: 60_000, interval: 250 });
    } catch (error) {
      throw new Error([(error as Error).message, ...this.#words()].join('\n'));
    }
  }

  /** What everybody has said, for whoever wonders why. */
  #words(): string[] {
    return [...this.nats, ...this.nodes].map((each) => `${each.name}: ${each.words()}`);
  }

  /** What a node tells on its admin port, which is for its own host alone. */
  stats({ host }: Placed): ServerStats {
    return JSON.parse(host.page(ADMIN_PORT, '/stats')) as ServerStats;
  }

  /** A run of the lab on all of its machines, with a strict ledger. */
  async startRun(seconds: number): Promise<LabRun> {
    const { machines, clients, churn, messagesPerSecond } = this.#load;
    this.#runs += 1;
    const folder = join(this.#folder, `run-${this.#runs}`);
    const file = `${folder}.yaml`;
    const addresses = this.nodes.map(({ host }) => `tcp://${host.address}:${SERVER_PORT}`);
    const scenario = {
      name: 'cluster-hosts',
      target: { addresses, allow: this.nodes.map(({ host }) => host.address), token: TOKEN },
      clients: { count: clients, connectRate: '200/s', connectTimeout: '30s', heartbeat: '2s' },
      messages: { size: '100B' },
      phases: [
        {
          ...{ name: 'talk', duration: `${seconds}s`, rate: `${messagesPerSecond}/s` },
          ...{ churn, awayFor: '1s' },
        },
      ],
      // A fault of seconds is made up for; how fast is not what these tests are about.
      generator: { drain: '45s', lagLimit: '1m' },
      agents: { hosts: machines },
      gates: [
        'messages.lost == 0',
        'messages.duplicated == 0',
        'messages.outOfOrder == 0',
        'messages.corrupted == 0',
      ],
    };
    await writeFile(file, JSON.stringify(scenario));
    const words = ['run', file, '--agents', `nats://${this.lab.address}:${NATS_PORT}`, '--out', folder];
    const command = this.lab.start([process.execPath, C2M, ...words]);
    const outcome = command.ended.then(
      async (ended): Promise<LabOutcome> => ({ ...ended, folder, record: await readRecord(folder) }),
    );
    return { command, folder, outcome };
  }

  /** Nothing passes between a node and NATS any more; its clients still reach it. */
  cutFromNats(node: Placed): void {
    for (const { host } of this.nats) node.host.run('ip', 'route', 'add', 'blackhole', `${host.address}/32`);
  }

  joinToNats(node: Placed): void {
    for (const { host } of this.nats) node.host.run('ip', 'route', 'del', 'blackhole', `${host.address}/32`);
  }

  close(): void {
    this.network.clean();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #placeAll(): Promise<void> {
    const natsHosts = [1, 2, 3].map((number) => this.network.host(`nats-${number}`));
    const routes = natsHosts.map(({ address }) => `nats://${address}:${ROUTE_PORT}`).join(',');
    for (const host of natsHosts) {
      const data = join(this.#folder, host.name);
      mkdirSync(data);
      const argv = [
        ...['nats-server', '-js', '-sd', data, '-n', host.name, '-a', '0.0.0.0', '-p', String(NATS_PORT)],
        ...['--cluster_name', 'c2m', '--cluster', `nats://${host.address}:${ROUTE_PORT}`, '--routes', routes],
      ];
      this.nats.push(new Placed(host.name, host, argv, NATS_READY));
    }
    await Promise.all(this.nats.map((each) => each.start()));
    const tokenFile = join(this.#folder, 'token.txt');
    await writeFile(tokenFile, TOKEN);
    const servers = natsHosts.map(({ address }) => `nats://${address}:${NATS_PORT}`).join(',');
    for (const number of [1, 2, 3]) {
      const host = this.network.host(`node-${number}`);
      const argv = [
        ...[
          process.execPath,
          C2M,
          'serve',
          '--cluster',
          servers,
          '--node',
          host.name,
          '--homes',
          String(HOMES),
        ],
        ...[
          '--listen',
          `tcp://${host.address}:${SERVER_PORT}`,
          '--token-file',
          tokenFile,
          '--admin',
          `http://127.0.0.1:${ADMIN_PORT}`,
        ],
      ];
      this.nodes.push(new Placed(host.name, host, argv, /listening/));
    }
    await Promise.all(this.nodes.map((each) => each.start()));
    await this.#lend();
  }

  async #lend(): Promise<void> {
    const nats = this.lab.start(['nats-server', '-a', '0.0.0.0', '-p', String(NATS_PORT)]);
    await isReady(nats, NATS_READY);
    const allow = this.nodes.flatMap(({ host }) => ['--allow', host.address]);
    await Promise.all(
      ['one', 'two'].slice(0, this.#load.machines).map(async (name) => {
        const words = [
          'agent',
          '--nats',
          `nats://${this.lab.address}:${NATS_PORT}`,
          '--name',
          name,
          ...allow,
        ];
        await this.network
          .host(name)
          .start([process.execPath, C2M, ...words])
          .said(/lends/);
      }),
    );
  }
}
