import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import { tellOfConnection } from '../../../nats/connect.js';
import type { ServerStats } from '../../../protocol/stats.js';
import type { ClusterConfig } from '../../config.js';
import type { Reloading } from '../../hot-code/reloading.js';
import { connectCluster } from '../connect.js';
import { KvLeaseTable } from '../kv-lease-table.js';
import { drainKey } from '../table-entries.js';
import {
  type NodeAnswer,
  type NodeRequest,
  nodeRequestSchema,
  nodeSubject,
  nodesSubject,
  writeAnswer,
} from './node-messages.js';

/** Requests that are looked at a time; whoever asks more is told to come again. */
const MOST_IN_HAND = 16;

export interface NodeParts {
  stats(): ServerStats;
  reloading: Pick<Reloading, 'tryOut' | 'activate' | 'discard'>;
}

/** A node as those who run its cluster speak to it, over NATS. One a server. Whatever becomes of NATS, the server goes on. */
export class NodeControl {
  readonly #cluster: ClusterConfig;
  readonly #connection: NatsConnection;
  readonly #log: Logger;
  readonly #subscriptions: Subscription[] = [];
  #inHand = 0;

  private constructor(cluster: ClusterConfig, connection: NatsConnection, log: Logger) {
    this.#cluster = cluster;
    this.#connection = connection;
    this.#log = log;
    void tellOfConnection(connection, (words) => log.info(words));
  }

  /** @throws InputError, NatsError saying what to do */
  static async connect(cluster: ClusterConfig, log: Logger): Promise<NodeControl> {
    return new NodeControl(cluster, await connectCluster(cluster, `c2m ${cluster.node}`), log);
  }

  /** Answers from now on. */
  serve(parts: NodeParts): void {
    const { name, node } = this.#cluster;
    for (const subject of [nodeSubject(name, node), nodesSubject(name)]) {
      const subscription = this.#connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) this.#log.warn(`who asks this node on ${subject} is not heard: ${error.message}`);
          else void this.#take(message, parts);
        },
      });
      this.#subscriptions.push(subscription);
    }
  }

  /** This node has handed over its homes because an operator wanted it to: started again it takes homes. */
  async forgetDrain(): Promise<void> {
    const { name, node, replicas } = this.#cluster;
    try {
      const log = (words: string) => this.#log.info(words);
      const table = await KvLeaseTable.open(this.#connection, { cluster: name, replicas, log });
      await new Promise<void>((resolve, reject) => {
        table.delete(drainKey(node), undefined, (outcome) => {
          if (outcome.kind === 'unknown') reject(new Error(outcome.reason));
          else resolve();
        });
      });
    } catch (error) {
      this.#log.warn(
        `it stays written in the cluster that ${node} is drained: ${(error as Error).message}; ` +
          `before it is started again, write c2m cluster drain ${node} --undo`,
      );
    }
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#connection.close();
  }

  async #take(message: Msg, parts: NodeParts): Promise<void> {
    const { node } = this.#cluster;
    this.#inHand += 1;
    try {
      const answer: NodeAnswer =
        this.#inHand > MOST_IN_HAND
          ? { kind: 'failed', node, why: 'too much is asked of it at once; ask again' }
          : await answerTo(readRequest(message), node, parts);
      const { data, headers } = await writeAnswer(answer);
      message.respond(data, headers && { headers });
    } catch (error) {
      this.#log.warn(`an operator got no answer: ${(error as Error).message}`);
    } finally {
      this.#inHand -= 1;
    }
  }
}

async function answerTo(
  request: NodeRequest | undefined,
  node: string,
  parts: NodeParts,
): Promise<NodeAnswer> {
  const { reloading } = parts;
  try {
    switch (request?.ask) {
      case 'stats':
        return { kind: 'stats', node, stats: parts.stats() };
      case 'try-handlers':
        return { kind: 'handlers', node, version: await reloading.tryOut(request.reload) };
      case 'activate-handlers':
        return { kind: 'handlers', node, version: await reloading.activate(request.reload) };
      case 'discard-handlers':
        reloading.discard(request.reload, request.why);
        return { kind: 'discarded', node };
      default:
        return {
          kind: 'failed',
          node,
          why: 'it does not know what it is asked for: it is of another release',
        };
    }
  } catch (error) {
    return { kind: 'failed', node, why: (error as Error).message };
  }
}

function readRequest(message: Msg): NodeRequest | undefined {
  try {
    return nodeRequestSchema.safeParse(message.json()).data;
  } catch {
    return undefined;
  }
}
