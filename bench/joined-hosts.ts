import { ip } from '../loadgen/transports/packets/ip-command.js';
import { HeldNamespace } from '../loadgen/transports/packets/network-namespace.js';

const BRIDGE = 'bridge0';
const NETWORK = '172.31.0';
const DEVICE = 'eth0';

/** A machine of the network. */
export interface JoinedHost {
  address: string;
  namespace: HeldNamespace;
}

/**
 * Machines on one wire, all of them in this one: network namespaces joined by a bridge that is in a namespace itself, so that
 * nothing of this machine's own network is touched. All of it is gone with this process and those that it forks there.
 */
export class JoinedHosts {
  readonly #wire = HeldNamespace.make();
  readonly #hosts: JoinedHost[] = [];
  readonly #mtu: string;

  /** @param mtu bytes of the largest packet that the wire takes */
  constructor(mtu = 1500) {
    this.#mtu = String(mtu);
    this.#wire.inside(() => {
      ip('link', 'add', BRIDGE, 'type', 'bridge');
      ip('link', 'set', BRIDGE, 'up');
    });
  }

  add(): JoinedHost {
    const namespace = HeldNamespace.make();
    const number = this.#hosts.length + 1;
    const host = { address: `${NETWORK}.${number}`, namespace };
    this.#hosts.push(host);
    const port = `port${number}`;
    const mtu = this.#mtu;
    this.#wire.inside(() => {
      const peer = ['type', 'veth', 'peer', 'name', DEVICE, 'mtu', mtu, 'netns', namespace.path];
      ip('link', 'add', port, 'mtu', mtu, ...peer);
      ip('link', 'set', port, 'master', BRIDGE, 'up');
    });
    namespace.inside(() => {
      ip('address', 'add', `${host.address}/24`, 'dev', DEVICE);
      ip('link', 'set', DEVICE, 'up');
    });
    return host;
  }

  close(): void {
    for (const { namespace } of this.#hosts) namespace.close();
    this.#wire.close();
  }
}
