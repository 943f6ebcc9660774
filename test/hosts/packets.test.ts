import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { type JoinedHost, JoinedHosts } from '../../bench/joined-hosts.js';
import { measurePackets, type PacketRun } from '../../bench/packet-run.js';
import { PacketNetwork } from '../../loadgen/coordination/nats/packet-network.js';
import { interfaces, ip, routes } from '../../loadgen/transports/packets/ip-command.js';
import { canSendPackets } from '../support/packets.js';

const RUN: PacketRun = {
  clients: 2000,
  connectsPerSecond: 1500,
  messagesPerSecond: 100,
  seconds: 3,
  machines: 2,
};

if (!canSendPackets)
  console.warn('packets between machines are not tested here: that takes Linux, root and /dev/net/tun');

// A busy machine takes its time to start a server and two agents.
describe.skipIf(!canSendPackets)(
  'packet agents on two machines, and a server on a third',
  { timeout: 180_000 },
  () => {
    test('thousands of clients log in and talk, and the ledger is exact', async () => {
      const { connections, messages, generator } = await measurePackets(RUN);
      expect(connections).toMatchObject({ peak: 2000, failed: 0, dropped: 0 });
      expect(messages.sent).toBeGreaterThan(260);
      expect(messages).toMatchObject({
        unsent: 0,
        accepted: messages.sent,
        delivered: messages.sent,
        receipted: messages.sent,
        lost: 0,
        duplicated: 0,
        outOfOrder: 0,
        corrupted: 0,
      });
      // All that came had the checksum that a real device would have asked for.
      expect(generator.tcp).toMatchObject({ malformed: 0, tunDrops: 0, outOfOrder: 0, resetsIn: 0 });
      expect(generator.agents).toBe(2);
    });

    test('messages of several segments pass a wire that is narrower than Ethernet', async () => {
      const { messages, generator } = await measurePackets({
        ...RUN,
        clients: 200,
        messageBytes: 6000,
        wire: { mtu: 1400 },
      });
      expect(messages).toMatchObject({ delivered: messages.sent, lost: 0, corrupted: 0, unsent: 0 });
      expect(messages.sent).toBeGreaterThan(260);
      expect(generator.tcp).toMatchObject({ malformed: 0 });
    });

    test('a router that passes on smaller packets only is heard, and the messages arrive', async () => {
      const { messages, generator } = await measurePackets({
        ...RUN,
        clients: 200,
        messageBytes: 6000,
        wire: { routerMtu: 1200 },
      });
      expect(messages).toMatchObject({ delivered: messages.sent, lost: 0, corrupted: 0, unsent: 0 });
      expect(generator.tcp?.malformed).toBe(0);
      // Those that were too large for the router, and were sent again in smaller ones.
      expect(generator.tcp?.retransmissions).toBeGreaterThan(0);
    });

    test('without a route back the run says which one is missing, and where', async () => {
      const run = measurePackets({ ...RUN, clients: 20, connectTimeout: '2s', hasRoutes: false });
      await expect(run).rejects.toThrow(
        /agent 0 on 172\.31\.0\.2: .* ip route add 198\.18\.0\.0\/20 via .*agent 1 on 172\.31\.0\.3: .* ip route add 198\.18\.16\.0\/20 via/,
      );
    });
  },
);

describe.skipIf(!canSendPackets)('the packet network of a machine that is lent', () => {
  const undo: (() => void)[] = [];
  afterEach(() => {
    for (const step of undo.splice(0).reverse()) step();
  });

  function twoMachines(): { server: JoinedHost; machine: JoinedHost } {
    const hosts = new JoinedHosts();
    undo.push(() => hosts.close());
    return { server: hosts.add(), machine: hosts.add() };
  }

  function openOn(machine: JoinedHost): PacketNetwork {
    const network = machine.namespace.inside(() => PacketNetwork.open());
    undo.push(() => network.close());
    return network;
  }

  const planFor = (agent: number, { address }: JoinedHost) => ({
    agent,
    count: 1000,
    endpoints: [{ protocol: 'tcp' as const, host: address, port: 4000 }],
  });

  /** What of the machine a packet network may change. */
  function stateOf({ namespace }: JoinedHost) {
    return namespace.inside(() => ({
      devices: interfaces().map(({ ifname }) => ifname),
      routes: routes().map(({ dst }) => dst),
      forwarding: readFileSync('/proc/sys/net/ipv4/conf/eth0/forwarding', 'utf8').trim(),
    }));
  }

  test('says what it changes and what the server needs, and puts everything back after the run', () => {
    const { server, machine } = twoMachines();
    const before = stateOf(machine);
    const network = machine.namespace.inside(() => PacketNetwork.open());
    const lent = stateOf(machine);
    expect(network.admit(planFor(1, server))).toEqual([
      'changed until the run ends: net.ipv4.conf.eth0.forwarding = 1, it was 0',
      'agent 1: the machine of the server needs, as root: ip route add 198.18.16.0/20 via 172.31.0.2',
    ]);
    expect(stateOf(machine)).toMatchObject({ forwarding: '1' });
    expect(stateOf(machine).routes).toContain('198.18.16.0/20');
    network.release();
    expect(stateOf(machine)).toEqual(lent);
    network.close();
    expect(stateOf(machine)).toEqual(before);
  });

  test('leaves forwarding as it is where the machine forwards anyway', () => {
    const { server, machine } = twoMachines();
    machine.namespace.configure({ 'ipv4/conf/eth0/forwarding': '1' });
    const network = openOn(machine);
    expect(network.admit(planFor(0, server)).join('\n')).not.toContain('forwarding');
    network.release();
    expect(stateOf(machine).forwarding).toBe('1');
  });

  test('prints the routes that a server needs, before any run', () => {
    const { machine } = twoMachines();
    const words = openOn(machine).describe().join('\n');
    expect(words).toContain('ip route add 198.18.0.0/15 via 172.31.0.2');
    expect(words).toContain('ip route add 198.18.16.0/20 via 172.31.0.2');
  });

  test('two daemons of one machine can be in one run, but not both have the same agent', () => {
    const { server, machine } = twoMachines();
    const [one, other] = [openOn(machine), openOn(machine)];
    one.admit(planFor(0, server));
    other.admit(planFor(1, server));
    expect(() => other.admit(planFor(0, server))).toThrow(/198\.18\.0\.0\/20 has a route already/);
  });

  test('is refused where the machine is in the network that clients dial from', () => {
    const { machine } = twoMachines();
    machine.namespace.inside(() => ip('route', 'add', '198.18.128.0/17', 'via', '172.31.0.1'));
    expect(() => openOn(machine)).toThrow(/198\.18\.128\.0\/17 on eth0 is within 198\.18\.0\.0\/15/);
  });

  test('is refused for a server to which the machine has no route', () => {
    const { machine } = twoMachines();
    const elsewhere = { ...machine, address: '203.0.113.9' };
    expect(() => openOn(machine).admit(planFor(0, elsewhere))).toThrow(/203\.0\.113\.9.*unreachable/i);
  });

  test.each([
    ['-help', /-help is none/],
    ['2001:db8::7', /go to IPv4 addresses/],
    ['127.0.0.1', /is loopback/],
  ])('is refused for %s, which packets do not get to', (address, why) => {
    const { machine } = twoMachines();
    const network = openOn(machine);
    expect(() => network.admit(planFor(0, { ...machine, address }))).toThrow(why);
  });

  test('is refused for more agents than there are subnets', () => {
    const { server, machine } = twoMachines();
    expect(() => openOn(machine).admit(planFor(32, server))).toThrow('at most 32 packet agents');
  });

  test('after kill -9 of the daemon nothing is left of it', async () => {
    const { server, machine } = twoMachines();
    const before = stateOf(machine);
    const daemon = machine.namespace.inside(() =>
      spawn(process.execPath, ['--input-type=module', '-e', DAEMON, server.address], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    undo.push(() => daemon.kill('SIGKILL'));
    await firstLine(daemon);
    expect(stateOf(machine)).toMatchObject({ forwarding: '1' });
    daemon.kill('SIGKILL');
    await expect.poll(() => stateOf(machine)).toEqual(before);
  });
});

const DAEMON = `
  import { PacketNetwork } from './dist/loadgen/coordination/nats/packet-network.js';
  const network = PacketNetwork.open();
  network.admit({ agent: 0, count: 1000, endpoints: [{ protocol: 'tcp', host: process.argv[1], port: 4000 }] });
  console.log('lent');
  setInterval(() => undefined, 1000);
`;

async function firstLine({ stdout }: ChildProcess): Promise<void> {
  if (stdout) await once(stdout, 'data');
}
