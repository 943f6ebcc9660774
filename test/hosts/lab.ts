import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { vi } from 'vitest';
import { readProcesses, treeOf } from '../../loadgen/process-table.js';
import type { ServerStats } from '../../protocol/stats.js';
import type { RunRecord } from '../../record/run.js';
import { c2mHere } from '../cli/c2m.js';
import type { Ended, RunningCommand } from '../support/running-command.js';
import { type Host, type HostClock, Network } from './network.js';

const C2M = resolve('dist/cli/c2m.js');
const NATS_PORT = 4222;
export const SERVER_PORT = 4000;
export const ADMIN_PORT = 9464;
const TOKEN = 'known to these hosts alone';

/** What is not as usual with a machine that is to be lent. */
export interface MachineOptions extends HostClock {
  labels?: string[];
  /** Hosts that load may go to; the server's address unless said otherwise. */
  allow?: string[];
  /** Another c2m than the one under test. */
  program?: string;
}

/** A run that a test has started. */
export interface LabRun {
  command: RunningCommand;
  folder: string;
  /** Resolves when it has ended, with the record that it left. */
  outcome: Promise<LabOutcome>;
}

export interface LabOutcome extends Ended {
  /** Undefined: it left none. */
  record: RunRecord | undefined;
  folder: string;
}

/**
 * A server host, a host of the coordinator with nats-server on it, and machines that are lent. Everything runs as it would
 * elsewhere: each in a process, or a few, of its own, on a host with an address of its own.
 */
export class HostsLab {
  readonly network = new Network();
  readonly server: Host;
  readonly coordinator: Host;
  readonly machines = new Map<string, Machine>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'c2m-hosts-'));
  #nats: RunningCommand | undefined;
  #runs = 0;

  private constructor(coordinator: HostClock) {
    this.server = this.network.host('server');
    this.coordinator = this.network.host('coordinator', coordinator);
  }

  /** @param machines by name */
  static async start(
    machines: Record<string, MachineOptions>,
    coordinator: HostClock = {},
  ): Promise<HostsLab> {
    const lab = new HostsLab(coordinator);
    try {
      await Promise.all([lab.startNats(), lab.#startServer()]);
      const all = Object.entries(machines);
      await Promise.all(all.map(([name, options]) => lab.#startAgent(name, options)));
      return lab;
    } catch (error) {
      lab.close();
      throw error;
    }
  }

  get nats(): string {
    return `nats://${this.coordinator.address}:${NATS_PORT}`;
  }

  async startNats(): Promise<void> {
    const nats = this.coordinator.start(['nats-server', '-a', '0.0.0.0', '-p', String(NATS_PORT)]);
    this.#nats = nats;
    await vi.waitFor(() => {
      if (!nats.words().includes('Server is ready')) throw new Error(`nats-server: ${nats.words()}`);
    }, 10_000);
  }

  /** As a crash does. */
  async killNats(): Promise<void> {
    this.#nats?.kill('SIGKILL');
    await this.#nats?.ended;
  }

  /** Lends a machine: a host of its own with `c2m agent` on it. Resolves when it can be taken. */
  async lend(name: string, options: MachineOptions = {}): Promise<Machine> {
    const machine = await this.#startAgent(name, options);
    await this.whenAllLent([name]);
    return machine;
  }

  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (!machine) throw new Error(`no machine is called ${name}`);
    return machine;
  }

  /** What `c2m agents` tells, by name. */
  async lent(): Promise<Map<string, LentMachine>> {
    const { stdout, stderr } = await this.c2m('agents', '--nats', this.nats, '--json', '--wait', '0.3');
    if (stdout === '') throw new Error(`c2m agents: ${stderr}`);
    return new Map((JSON.parse(stdout) as LentMachine[]).map((each) => [each.name, each]));
  }

  /** Resolves once `c2m agents` knows all of them. */
  async whenAllLent(names: readonly string[]): Promise<void> {
    await this.#whenLent((lent) => names.every((name) => lent.has(name)));
  }

  /** Resolves once no run has any of them. */
  async whenFree(...names: string[]): Promise<void> {
    const haveEnded = (): void => {
      const busy = names.filter((name) => this.machine(name).runsUnderWay > 0);
      if (busy.length > 0) throw new Error(`${busy}: ${busy.map((name) => this.machine(name).words())}`);
    };
    await vi.waitFor(haveEnded, { timeout: 30_000 });
    await this.#whenLent((lent) => names.every((name) => lent.get(name)?.busy === null));
  }

  async #whenLent(isSo: (lent: Map<string, LentMachine>) => boolean): Promise<void> {
    const look = async (): Promise<void> => {
      const lent = await this.lent();
      if (isSo(lent)) return;
      const words = [...this.machines.values()].map((machine) => machine.words());
      throw new Error(`${JSON.stringify([...lent.values()])}\n${words.join('')}`);
    };
    await vi.waitFor(look, { timeout: 60_000, interval: 100 });
  }

  /** Runs c2m on the host of the coordinator to its end. */
  c2m(...argv: string[]): Promise<Ended> {
    return this.coordinator.start([process.execPath, C2M, ...argv]).ended;
  }

  /** A scenario for the server of this lab: 100 clients, and what a test says over it. @returns where it is, and where to record */
  async write(scenario: Partial<ScenarioText>): Promise<{ file: string; folder: string }> {
    this.#runs += 1;
    const folder = join(this.#folder, `run-${this.#runs}`);
    const file = `${folder}.yaml`;
    await writeFile(file, JSON.stringify({ ...this.#usual(), ...scenario }));
    return { file, folder };
  }

  async startRun(scenario: Partial<ScenarioText>, ...argv: string[]): Promise<LabRun> {
    const { file, folder } = await this.write(scenario);
    const words = ['run', file, '--agents', this.nats, '--out', folder, ...argv];
    const command = this.coordinator.start([process.execPath, C2M, ...words]);
    const outcome = command.ended.then(async (ended) => ({
      ...ended,
      folder,
      record: await readRecord(folder),
    }));
    return { command, folder, outcome };
  }

  async run(scenario: Partial<ScenarioText>, ...argv: string[]): Promise<LabOutcome> {
    return (await this.startRun(scenario, ...argv)).outcome;
  }

  /** The server at these addresses of its host. */
  target(...addresses: string[]): ScenarioText['target'] {
    return {
      addresses: addresses.map((address) => `tcp://${address}:${SERVER_PORT}`),
      allow: addresses,
      token: TOKEN,
    };
  }

  /** What the server counts itself. Its admin port is for its own host alone, so it is asked from there. */
  serverStats(): ServerStats {
    return JSON.parse(this.server.page(ADMIN_PORT, '/stats')) as ServerStats;
  }

  close(): void {
    this.network.clean();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startAgent(name: string, options: MachineOptions): Promise<Machine> {
    const { labels = [], allow = [this.server.address], program = C2M, ...clock } = options;
    const host = this.network.host(name, clock);
    const words = [
      ...['agent', '--nats', this.nats, '--name', name],
      ...labels.flatMap((label) => ['--label', label]),
      ...allow.flatMap((each) => ['--allow', each]),
    ];
    const daemon = host.start([process.execPath, program, ...words]);
    const machine = new Machine(name, host, daemon);
    this.machines.set(name, machine);
    await daemon.said(/lends/);
    return machine;
  }

  async #startServer(): Promise<void> {
    // Whoever listens for other hosts has to ask for a token.
    const tokenFile = join(this.#folder, 'token.txt');
    await writeFile(tokenFile, TOKEN);
    const words = [
      ...['serve', '--store', 'memory', '--log-level', 'warn', '--token-file', tokenFile],
      ...['--listen', `tcp://0.0.0.0:${SERVER_PORT}`, '--admin', `http://127.0.0.1:${ADMIN_PORT}`],
    ];
    await this.server.start([process.execPath, C2M, ...words]).said(/listening/);
  }

  #usual(): ScenarioText {
    return {
      name: 'hosts',
      target: this.target(this.server.address),
      clients: { count: 100, connectRate: '1000/s', connectTimeout: '10s', heartbeat: '1s' },
      messages: { size: '100B' },
      phases: [{ name: 'talk', duration: '2s', rate: '100/s' }],
      // How fast the machines of a test are is not what it is about.
      generator: { drain: '5s', lagLimit: '20s' },
      agents: {},
      gates: ['messages.lost == 0', 'messages.duplicated == 0', 'messages.outOfOrder == 0'],
    };
  }
}

/** The parts of a scenario; JSON is YAML. */
export interface ScenarioText {
  name: string;
  target: { addresses: string[]; allow: string[]; token: string };
  clients: {
    count: number;
    connectRate: string;
    connectTimeout?: string;
    heartbeat?: string;
    firstUser?: number;
  };
  messages: { size: string };
  phases: { name: string; duration: string; rate: string }[];
  generator: { drain: string; lagLimit?: string };
  agents: Record<string, unknown>;
  gates: string[];
}

/** What a test reads of `c2m agents --json`. */
export interface LentMachine {
  name: string;
  labels: string[];
  allow: string[];
  version: string;
  busy: { run: string; words: string } | null;
}

/** A host that is lent, and the `c2m agent` on it. */
export class Machine {
  readonly name: string;
  readonly host: Host;
  readonly daemon: RunningCommand;

  constructor(name: string, host: Host, daemon: RunningCommand) {
    this.name = name;
    this.host = host;
    this.daemon = daemon;
  }

  /** Processes that simulate clients here now. */
  agents(): number[] {
    return treeOf(new Set([this.daemon.pid]), readProcesses())
      .filter(({ pid, isZombie }) => pid !== this.daemon.pid && !isZombie)
      .map(({ pid }) => pid);
  }

  /** The one process that simulates clients here. */
  agent(): number {
    const [pid, ...others] = this.agents();
    if (pid === undefined || others.length > 0)
      throw new Error(`${this.name} has ${this.agents().length} agents`);
    return pid;
  }

  /** Connections of its clients that stand. */
  connections(): number {
    return this.host.connectionsFrom(SERVER_PORT);
  }

  /** Runs that have it, by what its `c2m agent` has said. */
  get runsUnderWay(): number {
    const count = (words: RegExp): number => this.words().match(words)?.length ?? 0;
    return count(/^\S+Z taken by run/gm) - count(/has ended here/g);
  }

  /** What its `c2m agent` has said. */
  words(): string {
    return this.daemon.words();
  }
}

/** `c2m compare` of two records, figure by figure. */
export async function compare(base: string, current: string): Promise<{ path: string; verdict: string }[]> {
  const { stdout } = await c2mHere('compare', base, current, '--json');
  const { rows } = JSON.parse(stdout) as { rows: { figure: { path: string }; verdict: string }[] };
  return rows.map(({ figure, verdict }) => ({ path: figure.path, verdict }));
}

/** The record of a run that has left one. */
export function recordIn({ record, stdout, stderr }: LabOutcome): RunRecord {
  if (!record) throw new Error(`the run left no record: ${stdout}${stderr}`);
  return record;
}

/** The record in a folder, also of a run that goes on; undefined: there is none yet. */
export async function readRecord(folder: string): Promise<RunRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')) as RunRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
