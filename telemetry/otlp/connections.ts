import { readFileSync } from 'node:fs';
import { type Agent, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** The connections of one signal to its receiver. */
export interface Connections {
  /** For an exporter of the SDK: `httpAgentOptions`. */
  agentFor(protocol: string): Agent;
  /** Breaks off what is under way, and lets nothing begin any more. */
  end(): void;
}

/**
 * Connections as the SDK would make them by itself. It has no way to give a request up: the time of one ends with the last
 * byte that came, so a receiver that answers a byte now and then would keep the process alive for as long as it likes.
 */
export function connectionsOf(signal: 'metrics' | 'traces'): Connections {
  const agents: Agent[] = [];
  return {
    agentFor: (protocol) => {
      const agent =
        protocol === 'https:'
          ? new HttpsAgent({ keepAlive: true, ...certificatesOf(signal) })
          : new HttpAgent({ keepAlive: true });
      agents.push(agent);
      return agent;
    },
    end: () => {
      for (const agent of agents) {
        // A repetition waits for a connection that never comes, and that keeps no process alive.
        agent.maxSockets = 0;
        const underWay = Object.values(agent.sockets).flatMap((sockets) => sockets ?? []);
        // Of a connection that is reset the SDK would try again.
        for (const socket of underWay) socket.destroy(new Error('the run is over'));
        agent.destroy();
      }
    },
  };
}

/** As the SDK reads them; a file that cannot be read is told by the connection that fails without it. */
function certificatesOf(signal: string): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const read = (name: string): Buffer | undefined => {
    const { env } = process;
    const file =
      env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`];
    if (!file) return undefined;
    try {
      return readFileSync(file);
    } catch {
      return undefined;
    }
  };
  const [ca, cert, key] = ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].map(read);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
