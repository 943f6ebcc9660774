import { randomUUID } from 'node:crypto';
import { SPARE_FILES } from '../loadgen/host-facts.js';
import { InputError } from '../record/input-error.js';
import { formatQuantity } from '../record/quantity.js';
import type { ClusterPlan, EmbeddedTarget, Scenario, SizeDistribution } from '../scenarios/scenario.js';
import { parseServerConfig, type ServerConfig, type ServerConfigInput } from '../server/config.js';
import { ConfigError } from '../server/config-error.js';
import { mediaSchema } from '../server/media/media-config.js';

/** With more, most of the server's work would be to wake up one of many workers for one bus message. */
const MOST_WORKERS_WITHOUT_HOMES = 8;
const HOMES = 2;
const COALESCE_MS = 75;

/** SEND and DELIVER carry at most this much beside the payload. */
const FRAME_OVERHEAD_BYTES = 64;

/**
 * The configuration of the server that a run starts for itself: on loopback, on ports that the kernel chooses,
 * with as many workers as the clients need.
 * @param openFiles descriptors that one process may hold; null: no limit
 * @throws InputError where the scenario's settings are none
 */
export function embeddedConfig(
  scenario: Scenario,
  target: EmbeddedTarget,
  openFiles: number | null,
): ServerConfig {
  const isOnDevice = scenario.generator.transport === 'packets';
  const workers = target.workers === 'auto' ? workersFor(scenario.clients.count, openFiles) : target.workers;
  const input = {
    listen: [{ protocol: target.protocol, host: isOnDevice ? '0.0.0.0' : '127.0.0.1', port: 0 }],
    // A server that listens beyond loopback wants a token, also where its network holds nobody else.
    ...(isOnDevice ? { token: randomUUID(), portPerWorker: true } : {}),
    workers,
    ...(workers > MOST_WORKERS_WITHOUT_HOMES && !target.cluster
      ? { homes: HOMES, coalesceMs: COALESCE_MS }
      : {}),
    ...(target.cluster ? { cluster: clusterConfig(target.cluster) } : { store: target.store }),
    admin: { host: '127.0.0.1', port: 0 },
    ...(scenario.media ? { media: { port: 0, ...roomForOne(scenario.media.connections) } } : {}),
    // Alerts are in the record; in the log they would tear the live view.
    logLevel: 'error',
    ...target.settings,
    // The run is over when it closes: nobody waits for clients that are gone. A node is drained under traffic as well.
    limits: {
      ...(target.cluster ? {} : { drainTimeoutMs: 500 }),
      ...(target.settings.limits as object | undefined),
    },
  } as ServerConfigInput;
  const config = checked(input);
  checkLargestMessage(scenario.messages.size, config);
  checkHeartbeat(scenario, config);
  checkGroups(scenario, config);
  return config;
}

/** @returns as of any node; where NATS is nobody knows before it is started */
function clusterConfig({ homes, replicas }: ClusterPlan): NonNullable<ServerConfigInput['cluster']> {
  return { homes, replicas, nats: { servers: ['nats://127.0.0.1:4222'] } };
}

/** As few as the open-file limit allows: each worker costs memory, and a core is shared anyway. */
export function workersFor(clients: number, openFiles: number | null): number {
  if (openFiles === null) return 1;
  return Math.max(1, Math.ceil(clients / Math.max(1, openFiles - SPARE_FILES)));
}

function checked(input: ServerConfigInput): ServerConfig {
  try {
    return parseServerConfig(input);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new InputError(
      error.message
        .split('\n')
        .map((line) => `target.embedded.settings: ${line}`)
        .join('\n'),
    );
  }
}

function checkLargestMessage(size: SizeDistribution, { limits }: ServerConfig): void {
  const largest = size.kind === 'fixed' ? size.bytes : size.maxBytes;
  if (largest + FRAME_OVERHEAD_BYTES <= limits.maxFrameBytes) return;
  throw new InputError(
    `messages.size: ${formatQuantity('size', largest)} does not fit a frame of the server; ` +
      `set target.embedded.settings.limits.maxFrameBytes to ${largest + FRAME_OVERHEAD_BYTES} or more`,
  );
}

/** What the frame that makes a group holds: an id and a group, and each member. */
const groupBytes = (members: number): number => 16 + 8 * members;

function checkGroups({ groups }: Scenario, { limits }: ServerConfig): void {
  if (!groups) return;
  if (groupBytes(groups.members) > limits.maxFrameBytes) {
    throw new InputError(
      `groups.members: the list of ${groups.members} members does not fit a frame of the server; ` +
        `set target.embedded.settings.limits.maxFrameBytes to ${groupBytes(groups.members)} or more`,
    );
  }
  if (groups.members <= limits.groupMembers) return;
  throw new InputError(
    `groups.members: the server takes ${limits.groupMembers} members in a group; ` +
      'write fewer, or raise target.embedded.settings.limits.groupMembers',
  );
}

function checkHeartbeat({ clients }: Scenario, { limits }: ServerConfig): void {
  if (clients.heartbeatMs < limits.idleTimeoutMs) return;
  throw new InputError(
    `clients.heartbeat: the server closes a connection that is silent for ${formatQuantity('duration', limits.idleTimeoutMs)}; ` +
      'write a shorter heartbeat, or raise target.embedded.settings.limits.idleTimeoutMs',
  );
}

/** All of the load of media comes from one user, over many connections. */
function roomForOne(connections: number): object {
  return {
    userBytes: mediaSchema.shape.totalBytes.parse(undefined),
    userUploads: Math.max(32, 2 * connections),
    connections: Math.max(256, 3 * connections),
  };
}
