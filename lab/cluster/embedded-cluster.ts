import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerControl, ServerNode } from '../../loadgen/run-request.js';
import type { Action, ClusterPlan, ServerAction } from '../../scenarios/scenario.js';
import { largestBatchBytes } from '../../server/cluster/batch-room.js';
import type { ListenAddress, ServerConfig } from '../../server/config.js';
import { SHIPPED_HANDLERS } from '../../server/hot-code/handler-files.js';
import { clearOwnerless, makeTemporaryFolder, type TemporaryFolder } from '../../server/temporary-folder.js';
import { removeAtAbruptEnd } from '../abrupt-end.js';
import { reloadServer } from '../admin-client.js';
import { Chooser } from './chosen.js';
import { ClusterNode } from './cluster-node.js';
import { NatsRelay } from './nats-relay.js';
import type { NatsServer } from './nats-server.js';
import { NatsServers } from './nats-servers.js';

const HANDLERS = 'handlers.mjs';

/** All that has to be ended again, in reverse. */
interface Started {
  folder: TemporaryFolder;
  leftover: { release(): void };
  nats: NatsServers;
  /** In the order of the nodes; empty: nobody is to be cut from NATS, and nothing stands between. */
  relays: NatsRelay[];
  nodes: ClusterNode[];
}

/** The cluster of a run: its nodes and the servers of NATS that they share, with data in a folder that is gone with it. */
export class EmbeddedCluster implements ServerControl {
  /** Resolves with the reason when one of its processes ended and nobody had asked for it. */
  readonly died: Promise<string>;
  readonly #started: Started;
  /** What all nodes load, and what they began with. */
  readonly #handlersFile: string;
  readonly #ownHandlers: string;
  readonly #nodes: Chooser<ClusterNode>;
  readonly #nats: Chooser<NatsServer>;
  readonly #hurry = new AbortController();
  #reportDeath: (reason: string) => void = () => undefined;

  private constructor(started: Started, ownHandlers: string, seed: number) {
    this.#started = started;
    this.#handlersFile = join(started.folder.path, HANDLERS);
    this.#ownHandlers = ownHandlers;
    this.#nodes = new Chooser(started.nodes, seed, 'node');
    this.#nats = new Chooser(started.nats.all, seed, 'server of NATS');
    const notBack = new Promise<string>((resolve) => {
      this.#reportDeath = resolve;
    });
    this.died = Promise.race([notBack, started.nats.died, ...started.nodes.map(({ died }) => died)]);
  }

  /**
   * Starts NATS, and then all nodes at once.
   * @param config of every node, but for what is its own
   * @param seed which of them an action hits follows from it
   * @param actions that are to come
   * @throws SpawnError with the reason that a node gave, Error with what a server of NATS said
   */
  static async start(
    config: ServerConfig,
    plan: ClusterPlan,
    seed: number,
    actions: readonly Pick<Action, 'kind'>[] = [],
  ): Promise<EmbeddedCluster> {
    await clearOwnerless();
    const folder = await makeTemporaryFolder('c2m-target-');
    const leftover = removeAtAbruptEnd(folder.path);
    const ownHandlers = config.handlers ?? SHIPPED_HANDLERS;
    let nats: NatsServers | undefined;
    const relays: NatsRelay[] = [];
    try {
      // A copy, so that an action can put another file in its place.
      await copyFile(ownHandlers, join(folder.path, HANDLERS));
      nats = await NatsServers.start(plan.nats, folder.path, largestBatchBytes(config.limits));
      const { urls, ports } = nats;
      if (actions.some(({ kind }) => kind === 'cut-node'))
        for (let node = 0; node < plan.nodes; node += 1) relays.push(await NatsRelay.open(ports));
      const servers = Array.from({ length: plan.nodes }, (_, node) => relays[node]?.urls ?? urls);
      const nodes = await startNodes(config, servers, folder.path);
      return new EmbeddedCluster({ folder, leftover, nats, relays, nodes }, ownHandlers, seed);
    } catch (error) {
      await closeAll(relays);
      await nats?.close();
      await folder.remove();
      leftover.release();
      throw error;
    }
  }

  /** Of all nodes. */
  get addresses(): ListenAddress[] {
    return this.#started.nodes.flatMap(({ addresses }) => addresses);
  }

  get nodes(): ServerNode[] {
    return this.#started.nodes.map(({ name, adminUrl }) => ({ name, adminUrl }));
  }

  async act(action: ServerAction, ended: (words: string) => void): Promise<string> {
    switch (action.kind) {
      case 'kill-node': {
        const node = this.#nodes.choose(action.node);
        await node.kill();
        await this.#wait(action.restartAfterMs);
        await this.#startAgain(node);
        ended(`${node.name} is back`);
        return `kill ${node.name}`;
      }
      case 'stop-node': {
        const node = this.#nodes.choose(action.node);
        node.stop();
        await this.#wait(action.forMs);
        node.continue();
        ended(`${node.name} goes on`);
        return `stop ${node.name}`;
      }
      case 'cut-node': {
        const node = this.#nodes.choose(action.node);
        const relay = this.#relayOf(node);
        relay.cut();
        await this.#wait(action.forMs);
        relay.mend();
        ended(`${node.name} reaches NATS again`);
        return `cut ${node.name} from NATS`;
      }
      case 'drain-node': {
        const node = this.#nodes.choose(action.node);
        // One that did not end well is started again all the same: that is what a deploy would do.
        const drained = await node.drain().catch((error: Error) => error);
        await this.#startAgain(node);
        ended(`${node.name} is back`);
        if (drained) throw drained;
        return `drain ${node.name}`;
      }
      case 'kill-nats': {
        const server = this.#nats.choose(action.nats);
        await server.kill();
        await this.#wait(action.restartAfterMs);
        server.start();
        await server.ready();
        ended(`${server.name} is back`);
        return `kill ${server.name}`;
      }
      case 'kill-server': {
        const nodes = this.#started.nodes.filter(({ isThere }) => isThere);
        await Promise.all(nodes.map((node) => node.kill()));
        await Promise.all(nodes.map((node) => this.#startAgain(node)));
        return 'kill all nodes';
      }
      case 'reload':
        return this.#reload(action.handlers, action.isRejected);
      default:
        throw new Error(`${action.kind} is done to one server alone`);
    }
  }

  /** What waits for its time is done at once: the run ends. */
  hurry(): void {
    this.#hurry.abort();
  }

  async close(): Promise<void> {
    const { folder, leftover, nats, relays, nodes } = this.#started;
    await Promise.all(nodes.map((node) => node.close()));
    await closeAll(relays);
    await nats.close();
    await folder.remove();
    leftover.release();
  }

  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#hurry.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }

  #relayOf(node: ClusterNode): NatsRelay {
    const { nodes, relays } = this.#started;
    const relay = relays[nodes.indexOf(node)];
    if (!relay)
      throw new Error('nothing stands between the nodes and NATS: the cluster was started without it');
    if (relay.isCut) throw new Error(`${node.name} is cut from NATS already`);
    return relay;
  }

  async #startAgain(node: ClusterNode): Promise<void> {
    try {
      await node.startAgain();
    } catch (error) {
      this.#reportDeath(`${node.name} did not come back: ${(error as Error).message}`);
      throw error;
    }
  }

  async #reload(wanted: string | null, isRejected: boolean): Promise<string> {
    await copyFile(wanted ?? this.#ownHandlers, this.#handlersFile);
    const versions = new Set<string>();
    const refusals = new Set<string>();
    for (const { name, adminUrl } of this.#started.nodes.filter(({ isThere }) => isThere)) {
      const answer = await reloadServer(adminUrl);
      if ('error' in answer) refusals.add(answer.error);
      else versions.add(answer.version);
      if ('version' in answer && isRejected)
        throw new Error(
          `version ${answer.version} went into force at ${name}, and was expected to be refused`,
        );
      if ('error' in answer && !isRejected) throw new Error(`${name}: ${answer.error}`);
    }
    return isRejected
      ? `reload refused: ${[...refusals].join('; ')}`
      : `reload: version ${[...versions].join(', ')}`;
  }
}

async function closeAll(relays: readonly NatsRelay[]): Promise<void> {
  await Promise.all(relays.map((relay) => relay.close()));
}

/**
 * All at once, as after a power cut; ends those that are there where one does not start.
 * @param natsUrls of each node
 */
async function startNodes(
  config: ServerConfig,
  natsUrls: readonly string[][],
  folder: string,
): Promise<ClusterNode[]> {
  const starting = natsUrls.map(async (servers, index) => {
    const name = `node-${index + 1}`;
    const own = join(folder, name);
    await mkdir(own);
    return ClusterNode.start(name, nodeConfig(config, name, servers, folder), own);
  });
  const outcomes = await Promise.allSettled(starting);
  const nodes = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed) return nodes;
  await Promise.all(nodes.map((node) => node.close()));
  throw failed.reason;
}

function nodeConfig(config: ServerConfig, name: string, servers: string[], folder: string): ServerConfig {
  return {
    ...config,
    handlers: join(folder, HANDLERS),
    lmdb: { ...config.lmdb, folder: join(folder, name, 'mailboxes') },
    cluster: config.cluster && { ...config.cluster, node: name, nats: { servers } },
  };
}
