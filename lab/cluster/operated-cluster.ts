import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats, type NatsOptions } from '../../nats/connect.js';
import type { ServerStats } from '../../protocol/stats.js';
import { InputError } from '../../record/input-error.js';
import type { NodeAnswer, NodeRequest } from '../../server/cluster/control/node-messages.js';
import { CLUSTER_NAME } from '../../server/cluster/membership.js';
import { parseStats } from '../admin-client.js';
import { ClusterError } from './cluster-error.js';
import { ClusterTable } from './cluster-table.js';
import { askNodes } from './node-answers.js';

/** Where a cluster is. */
export interface ClusterPlace {
  nats: NatsOptions;
  name: string;
}

const STATS_WITHIN_MS = 3000;

/** A cluster as those see it who run it: over NATS, from any machine that may use it. */
export class OperatedCluster {
  readonly name: string;
  readonly table: ClusterTable;
  readonly #connection: NatsConnection;

  private constructor(name: string, table: ClusterTable, connection: NatsConnection) {
    this.name = name;
    this.table = table;
    this.#connection = connection;
  }

  /** @throws InputError, NatsError, ClusterError saying what to do */
  static async open({ nats, name }: ClusterPlace): Promise<OperatedCluster> {
    // It is half of a name of a stream and of a subject: others would be asked with another one.
    if (!CLUSTER_NAME.test(name))
      throw new InputError(`--cluster-name: "${name}" is no name; write letters, digits, - and _`);
    const connection = await connectNats(nats, 'c2m cluster');
    try {
      return new OperatedCluster(name, await ClusterTable.open(connection, name), connection);
    } catch (error) {
      await connection.close();
      if (error instanceof ClusterError) throw error;
      throw new ClusterError(
        `the cluster "${name}" cannot be read: ${(error as Error).message}; see that most of the servers of NATS run`,
      );
    }
  }

  /** Nodes that are there, by name. */
  get nodes(): string[] {
    return [...new Set(this.table.state.peers.map(({ node }) => node))].sort();
  }

  /** Of the nodes that have answered in time. */
  ask(request: NodeRequest, withinMs: number): Promise<Map<string, NodeAnswer>> {
    return askNodes(this.#connection, this.name, this.nodes, request, withinMs);
  }

  /** Of the nodes that have answered in time, with something that this release can read. */
  async stats(): Promise<Map<string, ServerStats>> {
    const found = new Map<string, ServerStats>();
    for (const [node, answer] of await this.ask({ ask: 'stats' }, STATS_WITHIN_MS)) {
      const stats = answer.kind === 'stats' ? parseStats(answer.stats) : undefined;
      if (stats) found.set(node, stats);
    }
    return found;
  }

  async close(): Promise<void> {
    this.table.close();
    await this.#connection.close();
  }
}
