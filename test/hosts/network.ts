import { isAlive } from '../support/commands.js';
import { type RunningCommand, startCommand } from '../support/running-command.js';
import { environment, inNamespace, ip } from './ip.js';

/**
 * Namespaces are called `c2mhosts-<pid>-<number>-<host>`: tests run beside each other, and whose namespaces are left
 * over can be told by the process that made them.
 */
const PREFIX = 'c2mhosts';
const NAMESPACE = new RegExp(`^${PREFIX}-(\\d+)-`);

/** Every network is joined by a switch in a namespace of its own, so all of them have the same addresses. */
const SUBNET = '172.29.0';
/** All of its addresses. */
export const EVERY_HOST = `${SUBNET}.0/24`;
const SWITCH = 'switch';
const BRIDGE = 'bridge';

/** One whose answer ends with the connection. */
const GET = `exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' "$2" >&3 && cat <&3`;

const networks = new Set<Network>();
let made = 0;

/** Hosts with an address each, joined by a switch; all of them namespaces of this machine. Needs root; see rights.ts. */
export class Network {
  readonly #name: string;
  readonly #hosts: Host[] = [];
  #addresses = 0;

  constructor() {
    sweepLeftovers();
    cleanAtTheEnd();
    made += 1;
    this.#name = `${PREFIX}-${process.pid}-${made}`;
    networks.add(this);
    ip('netns', 'add', this.#switch);
    ip('-n', this.#switch, 'link', 'add', BRIDGE, 'type', 'bridge');
    ip('-n', this.#switch, 'link', 'set', BRIDGE, 'up');
  }

  get #switch(): string {
    return `${this.#name}-${SWITCH}`;
  }

  /** @param name of at most 15 letters: its port of the switch is called so */
  host(name: string, clock: HostClock = {}): Host {
    const namespace = `${this.#name}-${name}`;
    ip('netns', 'add', namespace);
    ip(
      'link',
      'add',
      'eth0',
      'netns',
      namespace,
      ...`type veth peer name ${name} netns ${this.#switch}`.split(' '),
    );
    ip('-n', this.#switch, 'link', 'set', name, 'master', BRIDGE, 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    const host = new Host({ name, namespace, switchNamespace: this.#switch, ...clock }, () => {
      this.#addresses += 1;
      return `${SUBNET}.${this.#addresses}`;
    });
    this.#hosts.push(host);
    return host;
  }

  /** Ends all that runs on the hosts, and takes the hosts away. Doing it twice is harmless. */
  clean(): void {
    if (!networks.delete(this)) return;
    for (const host of this.#hosts) {
      host.end();
      removeNamespace(host.namespace);
    }
    removeNamespace(this.#switch);
  }
}

export interface HostClock {
  /** How far the CLOCK_MONOTONIC of a host is ahead of that of this machine, as if it had been started earlier. */
  clockAheadSeconds?: number;
}

interface Place extends HostClock {
  name: string;
  namespace: string;
  switchNamespace: string;
}

/** A host of a network. */
export class Host {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly clockAheadSeconds: number;
  readonly #switch: string;
  readonly #nextAddress: () => string;
  readonly #started: RunningCommand[] = [];

  constructor(place: Place, nextAddress: () => string) {
    const { name, namespace, switchNamespace, clockAheadSeconds = 0 } = place;
    this.name = name;
    this.clockAheadSeconds = clockAheadSeconds;
    this.namespace = namespace;
    this.#switch = switchNamespace;
    this.#nextAddress = nextAddress;
    this.address = this.anotherAddress();
  }

  anotherAddress(): string {
    const address = this.#nextAddress();
    ip('-n', this.namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    return address;
  }

  /** Starts a program here. What `ip` and `unshare` do they do by exec, so the pid is that of the program. */
  start(argv: readonly string[]): RunningCommand {
    const ahead = this.clockAheadSeconds;
    const clock = ahead === 0 ? [] : ['unshare', '--time', '--monotonic', String(ahead)];
    const command = startCommand('ip', ['netns', 'exec', this.namespace, ...clock, ...argv], {
      environment,
      detached: true,
    });
    this.#started.push(command);
    return command;
  }

  /** Of what was started from outside: one that has only just begun is not in the namespace yet, so the kernel does not list it there. */
  end(): void {
    for (const command of this.#started) command.kill('SIGKILL');
  }

  /** Runs a program here to its end, which is soon. */
  run(program: string, ...argv: string[]): string {
    return inNamespace(this.namespace, program, ...argv);
  }

  /** What a web server of this host answers there, which may listen for its own host alone. @throws where it says no */
  page(port: number, path: string): string {
    // The shell can do it; a node that is started for each look at a server takes as long as all else that the look does.
    const answer = this.run('bash', '--norc', '-c', GET, 'bash', String(port), path);
    const end = answer.indexOf('\r\n\r\n');
    if (!/^HTTP\/1\.\d 200 /.test(answer)) throw new Error(`${path}: ${answer.slice(0, 500)}`);
    return answer.slice(end + 4);
  }

  /** To all processes that run here. */
  signalAll(signal: NodeJS.Signals): void {
    for (const pid of ip('netns', 'pids', this.namespace).split('\n').filter(Boolean).map(Number))
      if (isAlive(pid)) process.kill(pid, signal);
  }

  /** Connections that stand here to this port, or to this address and port of this host. */
  connectionsTo(port: number, address = ''): number {
    return this.#connections('src', `${address}:${port}`);
  }

  /** Connections from here that stand. */
  connectionsFrom(port: number): number {
    return this.#connections('dst', `:${port}`);
  }

  #connections(end: 'src' | 'dst', place: string): number {
    const lines = this.run('ss', '-Htn', 'state', 'established', end, place);
    return lines.split('\n').filter((line) => line !== '').length;
  }

  /**
   * Pulls its cable out of the switch: nothing is told to anybody, nothing comes through.
   * @returns when that was, by the wall clock
   */
  cut(): number {
    ip('-n', this.#switch, 'link', 'set', this.name, 'down');
    return Date.now();
  }

  /** Puts it back. */
  join(): void {
    ip('-n', this.#switch, 'link', 'set', this.name, 'up');
  }

  /** Carries so little both ways from now on, such as `1mbit`; what comes faster waits. */
  slow(rate: string): void {
    const shape = `root tbf rate ${rate} burst 4kb latency 2s`.split(' ');
    this.run('tc', 'qdisc', 'replace', 'dev', 'eth0', ...shape);
    inNamespace(this.#switch, 'tc', 'qdisc', 'replace', 'dev', this.name, ...shape);
  }
}

function removeNamespace(namespace: string): void {
  for (const pid of ip('netns', 'pids', namespace).split('\n').filter(Boolean).map(Number))
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  ip('netns', 'del', namespace);
}

function namespaces(): string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] as string);
}

/** Takes away what tests have left that were killed themselves. */
function sweepLeftovers(): void {
  for (const namespace of namespaces()) {
    const pid = NAMESPACE.exec(namespace)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      removeNamespace(namespace);
    } catch (error) {
      // Another test that starts now takes it away as well.
      if (namespaces().includes(namespace)) throw error;
    }
  }
}

/** Takes away all networks of this process. */
export function cleanNetworks(): void {
  for (const network of networks) network.clean();
}

function cleanAtTheEnd(): void {
  if (made > 0) return;
  process.on('exit', cleanNetworks);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanNetworks();
      process.kill(process.pid, signal);
    });
  }
}
