import type { AgentPlan } from '../loadgen/agent-messages.js';
import type { AgentHost, AgentLink, ClockReport, Coordinator } from '../loadgen/coordination/coordinator.js';
import { ForkedAgent, thisHost } from '../loadgen/coordination/local-agents.js';
import { PacketNetwork } from '../loadgen/coordination/nats/packet-network.js';
import type { JoinedHost } from './joined-hosts.js';

/** Packet agents on machines of a `JoinedHosts`, each with a packet network as `c2m agent --packets` has one; without NATS. */
export class HostAgents implements Coordinator {
  readonly isRemote = false;
  readonly leadMs = 150;
  readonly #seats: { host: AgentHost; network: PacketNetwork }[];
  #links: ForkedAgent[] = [];

  constructor(machines: readonly JoinedHost[], version: string) {
    this.#seats = machines.map(({ address, namespace }) => ({
      host: { ...thisHost(version), id: address, name: address },
      network: namespace.inside(() => PacketNetwork.open()),
    }));
  }

  async hosts(): Promise<AgentHost[]> {
    return this.#seats.map(({ host }) => host);
  }

  async start(plans: readonly AgentPlan[]): Promise<AgentLink[]> {
    this.#links = plans.map((plan) => {
      const seat = this.#seats.find(({ host }) => host.id === plan.host);
      if (!seat) throw new Error(`no machine has the address ${plan.host}`);
      seat.network.admit(plan);
      return new ForkedAgent(seat.host, plan, { inside: (make) => seat.network.inside(make) });
    });
    return this.#links;
  }

  /** They are namespaces of one machine, with one clock. */
  async clocks(): Promise<ClockReport[]> {
    return [];
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.kill();
    await Promise.all(this.#links.map(({ ended }) => ended));
    this.#links = [];
    for (const { network } of this.#seats) network.release();
  }

  /** Takes the networks away as well. */
  dismantle(): void {
    for (const { network } of this.#seats) network.close();
  }
}
