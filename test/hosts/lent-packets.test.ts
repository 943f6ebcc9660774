import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { type JoinedHost, JoinedHosts } from '../../bench/joined-hosts.js';
import { ip, routes } from '../../loadgen/transports/packets/ip-command.js';
import { readRunRecord } from '../../record/folder.js';
import { testFolder } from '../support/folder.js';
import { canSendPackets } from '../support/packets.js';

const COMMAND = 'dist/cli/c2m.js';
const TOKEN = 'token-of-this-test';

/** A program on one of the machines, with the lines that it printed. */
class Started {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;

  constructor({ namespace }: JoinedHost, program: string, ...args: string[]) {
    this.#child = namespace.inside(() => spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    for (const output of [this.#child.stdout, this.#child.stderr])
      if (output) createInterface(output).on('line', (line) => this.lines.push(line));
    this.ended = once(this.#child, 'exit').then(([code]) => code as number | null);
    started.push(this);
  }

  /** Resolves once it has printed that. */
  async says(words: string | RegExp): Promise<void> {
    await expect.poll(() => this.lines.join('\n'), { timeout: 30_000 }).toMatch(words);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.ended;
  }
}

const started: Started[] = [];
const networks: JoinedHosts[] = [];
afterEach(async () => {
  for (const each of started.splice(0).reverse()) await each.end('SIGKILL');
  for (const each of networks.splice(0)) each.close();
});

const c2m = (host: JoinedHost, ...args: string[]) => new Started(host, process.execPath, COMMAND, ...args);

test.skipIf(!canSendPackets)(
  'c2m run has clients send packets from two machines that are lent, and gives them back as they were',
  { timeout: 180_000 },
  async () => {
    const folder = testFolder();
    const hosts = new JoinedHosts();
    networks.push(hosts);
    const server = hosts.add();
    const machines = [hosts.add(), hosts.add()];
    const nats = `nats://${server.address}:4222`;
    await new Started(server, '/usr/sbin/nats-server', '-a', server.address, '-p', '4222').says(
      /Server is ready/,
    );
    writeFileSync(join(folder, 'token'), TOKEN);
    const listen = ['--listen', `tcp://${server.address}:4000`, '--token-file', join(folder, 'token')];
    await c2m(server, 'serve', '--store', 'memory', '--admin', 'off', ...listen).says(/listening/);
    const before = machines.map(({ namespace }) => namespace.inside(routes));
    const agents = machines.map((machine, index) =>
      c2m(
        machine,
        'agent',
        '--nats',
        nats,
        '--name',
        `loader-${index}`,
        '--allow',
        server.address,
        '--packets',
      ),
    );
    for (const agent of agents) await agent.says(/packets too/);
    for (const [index, agent] of agents.entries())
      await agent.says(`ip route add 198.18.0.0/15 via ${machines[index]?.address}`);
    server.namespace.inside(() => {
      // Which machine gets which agent, the run decides; here either is as good.
      ip('route', 'add', '198.18.0.0/20', 'via', machines[0]?.address as string);
      ip('route', 'add', '198.18.16.0/20', 'via', machines[1]?.address as string);
    });
    const file = join(folder, 'packets.yaml');
    writeFileSync(file, scenarioFor(server));
    const run = c2m(server, 'run', file, '--agents', nats, '--out', join(folder, 'record'));
    const status = await run.ended;
    expect(run.lines.join('\n')).toContain('PASSED');
    expect(status).toBe(0);
    const record = await readRunRecord(join(folder, 'record'));
    expect(record.connections).toMatchObject({ peak: 400, failed: 0, dropped: 0 });
    expect(record.messages).toMatchObject({
      delivered: record.messages.sent,
      lost: 0,
      duplicated: 0,
      outOfOrder: 0,
    });
    expect(record.messages.sent).toBeGreaterThan(200);
    expect(record.generator.tcp).toMatchObject({ malformed: 0, tunDrops: 0 });
    for (const agent of agents) {
      await agent.says(/the machine of the server needs, as root: ip route add 198\.18\.(0|16)\.0\/20 via/);
      await agent.end('SIGTERM');
    }
    expect(machines.map(({ namespace }) => namespace.inside(routes))).toEqual(before);
  },
);

function scenarioFor({ address }: JoinedHost): string {
  return `
name: lent-packets
target: { addresses: [tcp://${address}:4000], allow: [${address}], token: ${TOKEN} }
agents: { hosts: 2, atLeast: 2, wait: 30s }
clients: { count: 400, connectRate: 400/s, connectTimeout: 30s }
messages: { size: 100B }
phases: [{ name: talk, duration: 3s, rate: 100/s }]
generator: { transport: packets, agents: 2, lagLimit: 10s }
gates: [messages.lost == 0, connections.peak >= 400]
`;
}
