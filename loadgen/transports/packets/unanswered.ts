import type { TcpCounters } from '../../../record/tcp-counters.js';
import { clientSubnet } from './packet-addresses.js';

/** What is known of an agent on another machine. */
export interface RemotePacketAgent {
  agent: number;
  /** What people call its machine. */
  host: string;
  /** Null: not over packets, or it never said anything. */
  tcp: TcpCounters | null;
}

/** Which of them sent packets and got none back, in words that say what to do. */
export function unansweredNotes(agents: readonly RemotePacketAgent[]): string[] {
  return agents
    .filter(({ tcp }) => tcp !== null && tcp.segmentsOut > 0 && tcp.segmentsIn === 0)
    .map(({ agent, host }) => {
      return (
        `nothing came back to the packets of agent ${agent} on ${host}: the machine of the server needs a route to its clients, ` +
        `as root there: ip route add ${clientSubnet(agent)} via <address of ${host}>; or a firewall between them drops the packets`
      );
    });
}
