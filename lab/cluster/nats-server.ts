import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../loadgen/monotonic-clock.js';
import { printable } from '../../record/printable.js';
import { atAbruptEnd } from '../abrupt-end.js';
import { LaunchedServer } from '../launched-server.js';
import { ServerLog } from '../server-log.js';
import { natsPath } from './nats-program.js';

/** A majority has to find each other and elect, which takes seconds on busy cores. */
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;
const LOOK_TIMEOUT_MS = 1000;
const END_WITHIN_MS = 5000;
const LINES_SHOWN = 5;

/** Where one server of NATS listens, all on loopback. */
export interface NatsPorts {
  client: number;
  /** For the other servers. */
  route: number;
  monitor: number;
}

export interface NatsServerPlan {
  /** `nats-1` */
  name: string;
  ports: NatsPorts;
  /** Of all servers of the cluster, this one among them. */
  routes: readonly number[];
  /** For its configuration, its log and its data; made here. */
  folder: string;
  /** What a message has to have room for; 1 MiB, as NATS has it, where that is less. */
  messageBytes: number;
}

const LEAST_MESSAGE_BYTES = 2 ** 20;

/** A server of NATS with JetStream, in a process of its own. */
export class NatsServer {
  readonly name: string;
  /** Resolves with the reason when it ended and nobody had asked for it. */
  readonly died: Promise<string>;
  readonly #plan: NatsServerPlan;
  readonly #log: ServerLog;
  readonly #abruptEnd: { release(): void };
  #launched: LaunchedServer | undefined;
  #reportDeath: (reason: string) => void = () => undefined;

  constructor(plan: NatsServerPlan) {
    this.name = plan.name;
    this.#plan = plan;
    mkdirSync(plan.folder);
    writeFileSync(this.#configFile, configOf(plan));
    this.#log = new ServerLog(join(plan.folder, 'nats.log'));
    this.#abruptEnd = atAbruptEnd(() => this.#launched?.killNow());
    this.died = new Promise((resolve) => {
      this.#reportDeath = resolve;
    });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** For clients, on loopback. */
  get port(): number {
    return this.#plan.ports.client;
  }

  get isThere(): boolean {
    return this.#launched !== undefined;
  }

  /** Starts it, on the same ports and the same data each time; `ready` tells when it takes part. */
  start(): void {
    const run = ['nats-server', '-c', this.#configFile];
    const command = { run, cwd: this.#plan.folder, env: { PATH: natsPath() } };
    const launched = new LaunchedServer(
      { ...command, readyWithinMs: READY_WITHIN_MS, stopWithinMs: END_WITHIN_MS },
      { name: 'C2M_NATS_FOLDER', value: this.#plan.folder },
      this.#log,
    );
    this.#launched = launched;
    launched.ended.then((how) => {
      if (this.#launched === launched) this.#reportDeath(`${this.name} ended (${how})${this.#lastLines()}`);
    });
  }

  /** Resolves when it has its clients, and JetStream has a leader. @throws Error with what it said last, where that is not to be */
  async ready(): Promise<void> {
    const deadlineMs = monotonicMs() + READY_WITHIN_MS;
    while (!(await this.#isHealthy())) {
      const launched = this.#launched;
      if (!launched || launched.hasEnded) throw new Error(`${this.name} ended too early${this.#lastLines()}`);
      if (monotonicMs() > deadlineMs)
        throw new Error(`${this.name} was not ready within ${READY_WITHIN_MS / 1000} s${this.#lastLines()}`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const launched = this.#launched;
    this.#launched = undefined;
    await launched?.kill();
  }

  async close(): Promise<void> {
    const launched = this.#launched;
    this.#launched = undefined;
    await launched?.end(END_WITHIN_MS);
    this.#abruptEnd.release();
    this.#log.close();
  }

  get #configFile(): string {
    return join(this.#plan.folder, 'nats.conf');
  }

  async #isHealthy(): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.#plan.ports.monitor}/healthz`;
      const response = await fetch(url, { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS) });
      await response.text();
      return response.ok;
    } catch {
      // Refused or no answer in time: whatever it is, it is not ready yet; `ready` tells when that lasts.
      return false;
    }
  }

  #lastLines(): string {
    const lines = this.#log.lastLines(LINES_SHOWN).map((line) => `  ${printable(line)}`);
    return lines.length === 0 ? '' : `; it said last:\n${lines.join('\n')}`;
  }
}

function configOf({ name, ports, routes, folder, messageBytes }: NatsServerPlan): string {
  const lines = [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${ports.client}"`,
    `http: "127.0.0.1:${ports.monitor}"`,
    // A stream claims what it may hold, not what it holds; the disk of a machine is less than all homes may hold at once.
    `jetstream { store_dir: ${JSON.stringify(join(folder, 'data'))}, max_file_store: 1TB }`,
    `max_payload: ${Math.max(LEAST_MESSAGE_BYTES, messageBytes)}`,
  ];
  if (routes.length > 1) {
    const others = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    // Whoever is to be cut from them must not be told of ways around.
    lines.push(
      `cluster { name: c2m, listen: "127.0.0.1:${ports.route}", routes: [${others}], no_advertise: true }`,
    );
  }
  return `${lines.join('\n')}\n`;
}
