import { existsSync } from 'node:fs';
import type { AgentPlan } from '../../agent-messages.js';
import { PacketsError } from '../../transports/packets/packets-error.js';
import { PacketNetwork } from './packet-network.js';

/** A network of their own for the agents of a machine that send packets. */
export interface LentNetwork {
  /** What the owners of the servers have to know before any run, a line each. */
  describe(): string[];
  /**
   * Opens the way from an agent to its endpoints, until `release`.
   * @returns what the owner has to know, a line each
   * @throws with why that cannot be
   */
  admit(plan: AgentPlan): string[];
  /** What `make` forks is in there. */
  inside<Result>(make: () => Result): Result;
  /** The run is over. */
  release(): void;
  close(): void;
}

/** The network, or why there is none. */
export function lendPackets(): LentNetwork | string {
  if (process.platform !== 'linux') return 'packets need Linux';
  if (process.geteuid?.() !== 0) return 'packets need root, for a network namespace and a TUN device';
  if (!existsSync('/dev/net/tun')) return 'packets need /dev/net/tun, which is missing';
  try {
    return PacketNetwork.open();
  } catch (error) {
    if (error instanceof PacketsError) return error.message;
    throw error;
  }
}
