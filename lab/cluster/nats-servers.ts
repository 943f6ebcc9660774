import { join } from 'node:path';
import { freePorts } from './free-ports.js';
import { type NatsPorts, NatsServer } from './nats-server.js';

/** The servers of NATS of a run: one, or several that are a cluster. */
export class NatsServers {
  readonly all: readonly NatsServer[];
  /** Resolves with the reason when one of them ended and nobody had asked for it. */
  readonly died: Promise<string>;

  private constructor(all: readonly NatsServer[]) {
    this.all = all;
    this.died = Promise.race(all.map(({ died }) => died));
  }

  /**
   * Resolves when all of them are there and JetStream has a leader.
   * @param folder where their data goes; whoever removes it closes them before
   * @param messageBytes what a message has to have room for, if that is more than NATS has by itself
   * @throws Error with what a server said, where it does not start
   */
  static async start(count: number, folder: string, messageBytes = 0): Promise<NatsServers> {
    const ports = portsOf(await freePorts(3 * count));
    const routes = ports.map(({ route }) => route);
    const servers = new NatsServers(
      ports.map((each, index) => {
        const name = `nats-${index + 1}`;
        return new NatsServer({ name, ports: each, routes, folder: join(folder, name), messageBytes });
      }),
    );
    try {
      for (const server of servers.all) server.start();
      await Promise.all(servers.all.map((server) => server.ready()));
      return servers;
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  get urls(): string[] {
    return this.all.map(({ url }) => url);
  }

  /** For clients, on loopback. */
  get ports(): number[] {
    return this.all.map(({ port }) => port);
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((server) => server.close()));
  }
}

function portsOf(free: readonly number[]): NatsPorts[] {
  return Array.from({ length: free.length / 3 }, (_, index) => {
    const [client = 0, route = 0, monitor = 0] = free.slice(3 * index);
    return { client, route, monitor };
  });
}
