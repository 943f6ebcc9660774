import { randomBytes, randomInt } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { isLoopback } from '../../../protocol/address.js';
import type { AgentPlan } from '../../agent-messages.js';
import { Forwarding } from '../../transports/packets/forwarding.js';
import { readMtu, setMtu } from '../../transports/packets/interface-request.js';
import {
  type IpRoute,
  interfaces,
  ip,
  ipAll,
  routes,
  routesTo,
} from '../../transports/packets/ip-command.js';
import { SystemCallError } from '../../transports/packets/libc.js';
import { HeldNamespace } from '../../transports/packets/network-namespace.js';
import {
  addressNumber,
  addressText,
  CLIENT_NETWORK,
  clientSubnet,
  deviceAddress,
  MOST_PACKET_AGENTS,
  MOST_PACKET_CLIENTS,
  overlap,
  SUBNET_BITS,
} from '../../transports/packets/packet-addresses.js';
import { PacketsError } from '../../transports/packets/packets-error.js';
import { TunDevice } from '../../transports/packets/tun-device.js';

/** How `ip` says that there is one. */
const EXISTS = 'File exists';

/** The pair's end in the namespace. */
const WAY_OUT = 'out0';
/** Pairs of addresses that no network is made of: 169.254.64.0/30 and those behind it. */
const FIRST_PAIR = addressNumber('169.254.64.0');
const PAIRS = 4096;

/** In the namespace: clients' packets go through it, and come from where no route leads back to. */
const INSIDE = {
  'ipv4/ip_forward': '1',
  'ipv4/conf/all/rp_filter': '0',
  'ipv4/conf/default/rp_filter': '0',
};

/**
 * A network namespace for the packet agents of this machine, with a way to servers on others: a pair of devices joins it to
 * the namespace of the machine, which passes the packets on. Addresses are not translated, since that would bound the
 * connections; so whoever is to answer needs a route back to the clients.
 *
 * It has no name. The kernel removes it, the devices and the routes when this process and its agents are gone, also after
 * kill -9. All methods throw PacketsError with what is missing.
 */
export class PacketNetwork {
  readonly #machine: HeldNamespace;
  readonly #own: HeldNamespace;
  /** The pair's end in the namespace of the machine, and the addresses of both ends. */
  readonly #device: string;
  readonly #outer: string;
  readonly #inner: string;
  readonly #forwarding = new Forwarding();
  readonly #subnets = new Set<string>();

  private constructor(machine: HeldNamespace, own: HeldNamespace, pair: number) {
    this.#machine = machine;
    this.#own = own;
    this.#device = `c2m-${randomBytes(4).toString('hex')}`;
    this.#outer = addressText(pair + 1);
    this.#inner = addressText(pair + 2);
  }

  static open(): PacketNetwork {
    const machine = HeldNamespace.current();
    let own: HeldNamespace | undefined;
    try {
      refuseTaken();
      own = HeldNamespace.make();
      own.inside(refuseWithoutTun);
      const network = new PacketNetwork(machine, own, freePair());
      network.#join();
      return network;
    } catch (error) {
      own?.close();
      machine.close();
      throw error;
    }
  }

  /** What has to be known before anybody lends packets, a line each. */
  describe(): string[] {
    const via = this.#machine.inside(ownAddress) ?? '<this machine>';
    return [
      `packets have a network of their own; ${this.#device} joins it to this machine's`,
      'the machine of the server needs a route back to the clients. If no other machine sends packets, as root there:',
      `  ip route add ${CLIENT_NETWORK} via ${via}`,
      `otherwise one for each agent, as a run names them (0 to ${MOST_PACKET_AGENTS - 1}); agent 1 here would be:`,
      `  ip route add ${clientSubnet(1)} via ${via}`,
    ];
  }

  /**
   * Opens the way from the clients of an agent to its endpoints, and back, until `release`.
   * @returns what was changed on the machine, and what the server's needs, a line each
   */
  admit({ agent, count, endpoints }: Pick<AgentPlan, 'agent' | 'count' | 'endpoints'>): string[] {
    if (agent >= MOST_PACKET_AGENTS || count > MOST_PACKET_CLIENTS)
      throw new PacketsError(
        `a run has at most ${MOST_PACKET_AGENTS} packet agents of ${MOST_PACKET_CLIENTS} clients each; take more agents, or sockets`,
      );
    for (const { host } of endpoints) refuseUnreachable(host);
    return this.#machine.inside(() => {
      const ways = routesTo([...new Set(endpoints.map(({ host }) => host))]);
      const subnet = clientSubnet(agent);
      this.#addRoute(agent);
      const out = ways.filter(({ type }) => type !== 'local');
      this.#limitPackets(out);
      const changed = [...new Set(out.map(({ dev = '' }) => dev))].flatMap(
        (device) => this.#forwarding.allow(device) ?? [],
      );
      return [
        ...changed.map((setting) => `changed until the run ends: ${setting} = 1, it was 0`),
        ...new Set(
          out.map(({ prefsrc = '<this machine>' }) => {
            return `agent ${agent}: the machine of the server needs, as root: ip route add ${subnet} via ${prefsrc}`;
          }),
        ),
      ];
    });
  }

  /** What `make` forks is in the network; see `HeldNamespace.inside`. */
  inside<Result>(make: () => Result): Result {
    return this.#own.inside(make);
  }

  /** The run is over: puts back what `admit` has changed. */
  release(): void {
    this.#machine.inside(() => {
      ipAll([...this.#subnets].map((subnet) => `route del ${subnet} dev ${this.#device}`));
      this.#subnets.clear();
      this.#forwarding.end();
    });
  }

  /** Takes the network away, with what is still in it. */
  close(): void {
    this.release();
    this.#machine.inside(() => ip('link', 'del', this.#device));
    this.#own.close();
    this.#machine.close();
  }

  #join(): void {
    const device = this.#device;
    this.#machine.inside(() =>
      ipAll([
        `link add ${device} type veth peer name ${WAY_OUT} netns ${this.#own.path}`,
        `address add ${this.#outer}/30 dev ${device}`,
        `link set ${device} up`,
      ]),
    );
    // It goes with the device.
    this.#machine.configure({ [`ipv4/conf/${device}/forwarding`]: '1' });
    this.#own.configure(INSIDE);
    this.#own.inside(() =>
      ipAll([
        `address add ${this.#inner}/30 dev ${WAY_OUT}`,
        `link set ${WAY_OUT} up`,
        `route add default via ${this.#outer}`,
        // What comes for clients whose agent is gone would go back out, and come in again.
        `route add blackhole ${CLIENT_NETWORK}`,
      ]),
    );
  }

  #addRoute(agent: number): void {
    const subnet = clientSubnet(agent);
    if (this.#subnets.has(subnet)) return;
    try {
      ip('route', 'add', subnet, 'via', this.#inner, 'dev', this.#device);
    } catch (error) {
      if (!(error instanceof PacketsError) || !error.message.includes(EXISTS)) throw error;
      throw new PacketsError(
        `${subnet} has a route already: another c2m agent of this machine has the clients of agent ${agent} in a run of its own; ` +
          'let that end first',
      );
    }
    this.#subnets.add(subnet);
  }

  /** The agents size their segments by the pair's device, which takes no larger packet than those on the way. */
  #limitPackets(out: readonly IpRoute[]): void {
    const sizes = out.flatMap(({ dev }) => (dev === undefined ? [] : [readMtu(dev)]));
    if (sizes.length === 0) return;
    const mtu = Math.min(...sizes);
    setMtu(this.#device, mtu);
    this.#own.inside(() => setMtu(WAY_OUT, mtu));
  }
}

/** Someone on this machine's networks may have the addresses that the clients are to have. */
function refuseTaken(): void {
  const taken = routes().find(({ dst, dev }) => {
    return dst !== 'default' && overlap(dst, CLIENT_NETWORK) && !dev?.startsWith('c2m-');
  });
  if (!taken) return;
  throw new PacketsError(
    `${taken.dst} on ${taken.dev} is within ${CLIENT_NETWORK}, from which packets dial; ` +
      'take that route away, or lend the machine without packets',
  );
}

/** Whoever wrote the plan may be a stranger: it becomes an argument of a program. */
function refuseUnreachable(host: string): void {
  if (!isIPv4(host)) throw new PacketsError(`packets go to IPv4 addresses, and ${host} is none`);
  if (isLoopback(host))
    throw new PacketsError(
      `${host} is loopback, which packets do not reach; write an address that this machine has on a network`,
    );
}

function refuseWithoutTun(): void {
  try {
    new TunDevice('probe', deviceAddress(0), SUBNET_BITS).close();
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    throw new PacketsError(
      `no TUN device can be made (${error.message}); load the module with modprobe tun, or let the container have /dev/net/tun`,
    );
  }
}

/** First address of four that nobody here has. */
function freePair(): number {
  const taken = [
    ...interfaces().flatMap(({ addr_info }) => addr_info.map(({ local }) => local)),
    // A route to all of 169.254.0.0/16 is of whoever has no better address.
    ...routes().flatMap(({ dst }) => (dst === 'default' || dst.endsWith('/16') ? [] : dst)),
  ];
  const first = randomInt(PAIRS);
  for (let step = 0; step < PAIRS; step += 1) {
    const pair = FIRST_PAIR + ((first + step) % PAIRS) * 4;
    if (!taken.some((each) => overlap(each, `${addressText(pair)}/30`))) return pair;
  }
  throw new PacketsError('169.254.64.0/18 is in use here, and two of its addresses are needed');
}

/** By which others most likely reach this machine: that of its default route, or else the first of a network. */
function ownAddress(): string | undefined {
  const out = routes().find(({ dst }) => dst === 'default')?.dev;
  const all = interfaces().flatMap(({ ifname, addr_info }) =>
    addr_info.map(({ local }) => ({ ifname, local })),
  );
  const ofNetworks = all.filter(
    ({ local }) => !overlap(local, '127.0.0.0/8') && !overlap(local, '169.254.0.0/16'),
  );
  return (ofNetworks.find(({ ifname }) => ifname === out) ?? ofNetworks[0])?.local;
}
