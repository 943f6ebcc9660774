import { hostname } from 'node:os';
import { z } from 'zod';
import { isLoopback } from '../protocol/address.js';
import { LARGEST_BODY_BYTES } from '../protocol/frame.js';
import { CLUSTER_NAME, MOST_HOMES } from './cluster/membership.js';
import { ConfigError } from './config-error.js';
import { mediaSchema } from './media/media-config.js';

/** An address that the server listens on. Port 0 lets the kernel choose. */
export interface ListenAddress {
  protocol: 'tcp' | 'tls' | 'ws' | 'wss';
  host: string;
  port: number;
}

const listenAddressSchema = z
  .union([
    z.string().transform((text, context) => {
      const address = readListenAddress(text);
      if (address) return address;
      context.addIssue({
        code: 'custom',
        message: `"${text}" is not an address; write protocol://host:port, such as tcp://127.0.0.1:4000`,
      });
      return z.NEVER;
    }),
    z.strictObject({
      protocol: z.enum(['tcp', 'tls', 'ws', 'wss']),
      host: z.string(),
      port: z.number().int().min(0).max(65535),
    }),
  ])
  .describe('Where clients connect: protocol://host:port with tcp, tls, ws or wss.');

/** Node takes a longer time-out for one of a millisecond. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const limitsSchema = z.strictObject({
  maxFrameBytes: z
    .number()
    .int()
    .min(64)
    .max(LARGEST_BODY_BYTES - 64)
    .default(65_536)
    .describe('Largest frame body accepted; what is delivered has up to 17 bytes more.'),
  mailboxLength: z
    .number()
    .int()
    .min(1)
    .default(100_000)
    .describe('Items one mailbox holds; more is refused.'),
  mailboxShare: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .describe(
      'Share of a mailbox that the messages of one sender, or of one group, may fill; 64 are always taken.',
    ),
  newRecipientsPerSecond: z
    .number()
    .min(0)
    .default(100)
    .describe(
      'Users a second whom one user may write to for the first time, with a burst of one second; past it RateLimited. 0: no limit.',
    ),
  retentionMs: z
    .number()
    .int()
    .min(1000)
    .default(30 * 24 * 3600 * 1000)
    .describe('Age at which an item is deleted whose user has not come to fetch it.'),
  groupMembers: z
    .number()
    .int()
    .min(1)
    .max(8000)
    .default(256)
    .describe('Members of a group: one message becomes as many.'),
  groupsPerUser: z
    .number()
    .int()
    .min(1)
    .default(1000)
    .describe(
      'Groups that one user may own, counted by each home; more is refused with TooManyGroups. A group that nobody has changed or written to for the retention time is deleted.',
    ),
  deliveryWindow: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(256)
    .describe('Items in flight without an ACK.'),
  deliveryWindowBytes: z
    .number()
    .int()
    .min(1024)
    .default(262_144)
    .describe(
      'Bytes in flight to one client without an ACK: what a slow reader may hold of the server; the rest waits in its mailbox.',
    ),
  outboundBufferBytes: z
    .number()
    .int()
    .min(4096)
    .default(1_048_576)
    .describe('Bytes waiting for one slow reader before its connection is closed.'),
  outboundTotalBytes: z
    .number()
    .int()
    .min(65_536)
    .default(268_435_456)
    .describe(
      'Bytes waiting for all slow readers of one worker; past it those that read too slowly are disconnected, and what was not acknowledged waits for them.',
    ),
  sendsPerSecond: z
    .number()
    .min(0)
    .default(5000)
    .describe(
      'SENDs a second of one user, with a burst of one second; past it they are refused. A GROUP counts once for each member. 0: no limit.',
    ),
  inboundBytes: z
    .number()
    .int()
    .min(1_048_576)
    .default(67_108_864)
    .describe(
      'Bytes that one worker has read from its clients and not answered, or that other processes have not taken; those who send most are not read until theirs are answered. The same again for frames whose end has not come.',
    ),
  sendsUnderWay: z
    .number()
    .int()
    .min(1)
    .default(50_000)
    .describe(
      'SENDs of one worker that the mailboxes have not answered; past it new ones are refused, and from half of it on new logins are.',
    ),
  idleTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(LONGEST_TIMER_MS)
    .default(120_000)
    .describe('Silence after which a connection is closed.'),
  loginTimeoutMs: z
    .number()
    .int()
    .min(50)
    .max(LONGEST_TIMER_MS)
    .default(10_000)
    .describe('Time from connect to WELCOME.'),
  loginBytes: z
    .number()
    .int()
    .min(64)
    .max(65_536)
    .default(4096)
    .describe('As maxFrameBytes, until the login: what a stranger may make the server keep.'),
  loginsUnderWay: z
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe(
      'Logins of one worker that wait for the process with the mailbox; past it new ones are refused.',
    ),
  loginsPerSecond: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Logins a worker admits a second; 0: no limit.'),
  connectionsPerWorker: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Connections a worker accepts, counted from the accept on; 0: what its open-file limit allows.',
    ),
  restartsPerMinute: z
    .number()
    .int()
    .min(0)
    .default(10)
    .describe(
      'Server processes that may die within a minute and are started again; past it the server ends.',
    ),
  hangTimeoutMs: z
    .number()
    .int()
    .min(500)
    .max(3_600_000)
    .default(10_000)
    .describe(
      'Silence of a server process after which it is killed and started again; six times as long while it works or waits for a core or a disk.',
    ),
  drainTimeoutMs: z
    .number()
    .int()
    .min(0)
    .max(LONGEST_TIMER_MS)
    .default(5_000)
    .describe('Longest a shutdown waits for clients to leave.'),
});

const lmdbSchema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .default('c2m-data')
    .describe('Where the mailboxes are kept; made if it is not there.'),
  sync: z
    .boolean()
    .default(false)
    .describe(
      'Wait for the disk before ACCEPTED: then a message survives a power cut too. Without, it survives the end of any process, and the kernel writes it to the disk within seconds.',
    ),
  maxBytes: z
    .number()
    .int()
    .min(1_048_576)
    .default(64 * 2 ** 30)
    .describe('Disk space for all mailboxes; past it SEND is refused with StoreFull.'),
});

const natsSchema = z.strictObject({
  servers: z
    .array(z.string().min(1))
    .min(1)
    .describe('Servers of NATS, nats://host:4222 or tls://host:4222; one that answers is enough to begin.'),
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  credentialsFile: z.string().optional().describe('As `nsc` writes it.'),
  nkeyFile: z.string().optional().describe('Seed of a user, as `nk -gen user` writes it.'),
  caFile: z.string().optional().describe('PEM; with one of these three TLS is demanded.'),
  certificateFile: z.string().optional(),
  keyFile: z.string().optional(),
});

const clusterSchema = z.strictObject({
  nats: natsSchema.describe('What carries the bus, and keeps the logs, leases and snapshots.'),
  name: z
    .string()
    .regex(CLUSTER_NAME, 'is no name; write letters, digits, - and _')
    .default('c2m')
    .describe('Clusters of different names on the same NATS have nothing to do with each other.'),
  node: z
    .string()
    .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'is no name; write letters, digits, - and _')
    .default(() =>
      hostname()
        .replace(/[^a-zA-Z0-9_-]/g, '-')
        .slice(0, 64),
    )
    .describe('Name of this server among those of the cluster.'),
  homes: z
    .number()
    .int()
    .min(1)
    .max(MOST_HOMES)
    .default(64)
    .describe('Homes of the cluster, fixed when it is made: mailboxes move between nodes by the home.'),
  replicas: z
    .union([z.literal(1), z.literal(3), z.literal(5)])
    .default(3)
    .describe('Servers of NATS that keep each log; with 3 one of them may be lost.'),
  leaseMs: z
    .number()
    .int()
    .min(500)
    .max(60_000)
    .default(2000)
    .describe('A process that is silent for so long has lost its homes to others.'),
  homeBytes: z
    .number()
    .int()
    .min(1_048_576)
    .default(2 ** 30)
    .describe('Room for the mailboxes of one home, and for its log; past it SEND is refused with StoreFull.'),
  snapshotBytes: z
    .number()
    .int()
    .min(65_536)
    .default(64 * 2 ** 20)
    .describe('Log that may stand behind the last snapshot: what a takeover has to read.'),
});

/** Queue lengths that raise an alert; it clears below half of the threshold. */
const thresholdsSchema = z.strictObject({
  logins: z.number().positive().default(10_000),
  'bus-ingress': z.number().positive().default(20_000),
  'sends-under-way': z.number().positive().default(25_000),
  'mailbox-writes': z.number().positive().default(20_000),
  outbound: z.number().positive().default(20_000),
  mailboxes: z.number().positive().default(50_000),
  'fan-out': z.number().positive().default(50_000),
});

export const serverConfigSchema = z.strictObject({
  listen: z
    .array(listenAddressSchema)
    .min(1)
    .default([{ protocol: 'tcp', host: '127.0.0.1', port: 4000 }]),
  workers: z.number().int().min(1).max(1024).default(1),
  supervised: z
    .boolean()
    .default(false)
    .describe(
      'One worker, too, runs in a process of its own, and is started again when it dies or hangs; `c2m serve` sets it.',
    ),
  homes: z
    .number()
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe(
      'Processes that keep the mailboxes and take no connections; 0: every worker keeps its share. With many workers, each then talks to these few instead of all others.',
    ),
  coalesceMs: z
    .number()
    .min(0)
    .max(1000)
    .default(0)
    .describe(
      'After a turn, a worker rests this long before it looks at its connections again, and then serves all that have become ready in one turn. With many workers a core, waking up is most of the work.',
    ),
  portPerWorker: z
    .boolean()
    .default(false)
    .describe(
      'Each worker listens on a port of its own (ports 0): many workers on one port wake each other up.',
    ),
  store: z
    .enum(['lmdb', 'memory', 'jetstream'])
    .default('lmdb')
    .describe(
      'Where mailboxes are kept: on disk, in the memory of the process that ends with it, or, in a cluster, in logs that NATS replicates.',
    ),
  lmdb: lmdbSchema.default(lmdbSchema.parse({})),
  cluster: clusterSchema
    .nullable()
    .default(null)
    .describe(
      'This server is a node of a cluster, whose mailboxes are in logs that NATS replicates; null: it stands alone.',
    ),
  memoryBytes: z
    .number()
    .int()
    .min(1_048_576)
    .default(2 ** 30)
    .describe(
      'Room for all that waits in mailboxes of the store in memory; past it SEND is refused with StoreFull.',
    ),
  token: z
    .string()
    .min(16, 'has to be at least 16 characters long')
    .optional()
    .describe('What clients must present at LOGIN; mandatory off loopback.'),
  origins: z
    .array(z.string().regex(/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/, 'is no origin; write https://chat.example'))
    .default([])
    .describe(
      'Web pages that may connect over ws and wss, as browsers name them, such as https://chat.example; clients that are no browsers name none, and may.',
    ),
  tokenPerUser: z
    .boolean()
    .default(false)
    .describe(
      'The token is a secret from which the token of each user follows (docs/protocol.md), so that nobody can log in as another.',
    ),
  media: mediaSchema.nullable().default(null).describe('Upload and download over HTTP; null: none.'),
  tls: z
    .strictObject({ keyFile: z.string(), certFile: z.string() })
    .optional()
    .describe('PEM files; without them a self-signed certificate is made for this run.'),
  admin: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.number().int().min(0).max(65535).default(9464),
    })
    .nullable()
    .default({ host: '127.0.0.1', port: 9464 }),
  handlers: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Module that handles the frames of clients, loaded anew by `c2m reload`; default: the shipped one.',
    ),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  limits: limitsSchema.default(limitsSchema.parse({})),
  thresholds: thresholdsSchema.default(thresholdsSchema.parse({})),
});

export type ServerConfig = z.output<typeof serverConfigSchema>;
/** As somebody writes it: what is left out has its default. */
export type ServerConfigInput = z.input<typeof serverConfigSchema>;
export type ClusterConfig = z.output<typeof clusterSchema>;
export type Limits = ServerConfig['limits'];
export type QueueName = keyof ServerConfig['thresholds'];

/**
 * Checks a configuration and fills in its defaults.
 * @throws ConfigError with every issue, one a line.
 */
export function parseServerConfig(input: ServerConfigInput): ServerConfig {
  const parsed = serverConfigSchema.safeParse(input);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map(describeIssue).join('\n'));
  }
  const config = parsed.data;
  if (config.portPerWorker && config.listen.some(({ port }) => port !== 0)) {
    throw new ConfigError(
      'portPerWorker: every port in listen must be 0, so that the kernel gives each worker one',
    );
  }
  if (config.homes > 0 && config.workers === 1) {
    throw new ConfigError('homes: one worker keeps the mailboxes itself; write 0, or more workers');
  }
  if (config.cluster && config.homes > 0)
    throw new ConfigError(
      'homes: in a cluster every worker keeps mailboxes; leave it out, and see cluster.homes',
    );
  if (config.cluster) config.store = 'jetstream';
  else if (config.store === 'jetstream')
    throw new ConfigError('store: jetstream is the store of a cluster; set cluster.nats, or choose lmdb');
  const exposed = config.listen.find((address) => !isLoopback(address.host));
  if (exposed && !config.token) {
    throw new ConfigError(
      `listen: ${exposed.host} can be reached from other machines, so a token is needed; set one or listen on 127.0.0.1`,
    );
  }
  if (config.tokenPerUser && !config.token) {
    throw new ConfigError('tokenPerUser: the tokens of users follow from a secret; set token');
  }
  if (config.media && !isLoopback(config.media.host) && !config.token) {
    throw new ConfigError(
      `media.host: ${config.media.host} can be reached from other machines, so a token is needed; set one or listen on 127.0.0.1`,
    );
  }
  if (config.admin && !isLoopback(config.admin.host)) {
    throw new ConfigError(
      `admin.host: ${config.admin.host} is not loopback; the admin port is for this machine only`,
    );
  }
  return config;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.') || 'configuration';
  if (issue.code !== 'invalid_union') return `${place}: ${issue.message}`;
  // Of the two ways to write an address, the one that was tried says what is wrong.
  const tried = issue.errors.find(([first]) => first?.code !== 'invalid_type' || first.path.length > 0);
  return `${place}: ${tried?.map(({ message }) => message).join('; ') ?? issue.message}`;
}

/** Reads `tcp://127.0.0.1:4000` or `wss://[::1]:4443`; undefined where it is none. */
export function readListenAddress(text: string): ListenAddress | undefined {
  const match = /^(tcp|tls|ws|wss):\/\/(\[[0-9a-f:.]+\]|[^:/[\]]+):(\d{1,5})$/i.exec(text);
  const [, protocol, host, port] = match ?? [];
  if (!protocol || !host || !port || Number(port) > 65_535) return undefined;
  return {
    protocol: protocol.toLowerCase() as ListenAddress['protocol'],
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
  };
}
