import type { NatsConnection } from '@nats-io/transport-node';
import { connectNats } from '../../nats/connect.js';
import type { ClusterConfig } from '../config.js';

/**
 * Connects to the NATS of a cluster; a connection that is lost is made again, to any of its servers.
 * @param name of this side, by which NATS lists its connections
 * @throws InputError for settings that cannot be used, NatsError when no server takes it
 */
export function connectCluster(config: ClusterConfig, name: string): Promise<NatsConnection> {
  return connectNats(config.nats, name);
}
