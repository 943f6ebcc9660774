import { z } from 'zod';
import { quote } from '../record/quantity.js';
import { oneOf, wholeOrAuto } from './choice.js';
import { clusterPlan, clusterTargetSchema } from './cluster-target-schema.js';
import { commandSchema } from './command-schema.js';
import { DRIVER_NAMES, driverSchema } from './driver-schema.js';
import { metricsPageSchema } from './metrics-page-schema.js';
import type { Target } from './scenario.js';
import { hasNoUser, isAddress } from './target-address.js';
import { checkTargetParts } from './target-parts.js';
import { tlsSchema } from './tls-schema.js';

const NO_USER = 'must not name a user or a password; clients present target.token';

const embeddedSchema = z.strictObject(
  {
    protocol: oneOf(['tcp', 'tls', 'ws', 'wss']).prefault('tcp').meta({
      description: 'How clients reach it; `ws` and `wss` carry the frames as binary WebSocket messages.',
    }),
    workers: wholeOrAuto(1024).meta({
      description: 'Server processes; `auto`: as few as the open-file limit allows for so many clients.',
    }),
    store: oneOf(['lmdb', 'memory']).prefault('lmdb').meta({
      description:
        'Where mailboxes are kept: on disk, so that what was accepted survives the end of any process, or in memory.',
    }),
    cluster: clusterTargetSchema.optional().meta({
      description:
        'Several servers that are one, with their mailboxes in logs that NATS replicates; the lab starts all of them, and NATS too.',
    }),
    settings: z
      .record(
        z.string(),
        z.unknown(),
        'must be settings of the server, such as {limits: {mailboxLength: 1000}}',
      )
      .prefault({})
      .meta({
        description:
          'Overrides of the server’s configuration by its own names, such as `limits` and `thresholds`. Handlers of its own, files and addresses beyond loopback need `c2m run --trust`.',
        shape: 'keys of `c2m serve --config`',
      }),
  },
  'must be settings of the embedded server, such as {protocol: tls, workers: 2}',
);

const addressSchema = z.string('must be an address, such as tcp://127.0.0.1:4000').refine(isAddress, {
  error: (issue) =>
    `${quote(issue.input)} is not an address; write protocol://host:port with tcp, tls, ws or wss, such as tcp://127.0.0.1:4000 or ws://127.0.0.1:8080/chat`,
});

const CGROUP = 'must be a folder of a control group, such as /sys/fs/cgroup/system.slice/chat.service';

/** A second one of those that the upgrade has already is refused by servers. */
function ownHeaderProblem(name: string): string | undefined {
  switch (name.toLowerCase()) {
    case 'host':
      return 'is that of the address; leave it out, and write the name in target.addresses';
    case 'sec-websocket-protocol':
      return 'is written by the lab; write target.websocket.subprotocols instead';
    case 'sec-websocket-extensions':
      return 'is written by the lab; write target.websocket.compression: true instead';
    case 'content-length':
    case 'transfer-encoding':
      return 'is for a body, and an upgrade has none; leave it out';
    default:
      return /^(connection|upgrade|sec-websocket-.*)$/i.test(name)
        ? 'is written by the lab for the upgrade; leave it out'
        : undefined;
  }
}

const webSocketSchema = z.strictObject(
  {
    headers: z
      .record(
        z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be names of HTTP headers'),
        z.string('must be text').regex(/^[^\r\n]*$/, 'must be one line'),
        'must be a map of headers, such as {Cookie: "session=7"}',
      )
      .superRefine((headers, context) => {
        for (const name of Object.keys(headers)) {
          const message = ownHeaderProblem(name);
          if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
        }
      })
      .optional()
      .meta({
        description:
          'Further headers of the request, such as a cookie. The record keeps their names, not their values.',
        shape: 'map of headers',
      }),
    subprotocols: z
      .array(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be a token'), 'must be a list, such as [mqtt]')
      .optional()
      .meta({
        description: 'Subprotocols to offer, instead of those that the driver speaks.',
        shape: 'list of names',
        fallback: 'those of the driver',
      }),
    compression: z.boolean('must be true or false').optional().meta({
      description:
        'Offer permessage-deflate without context takeover: messages are compressed both ways if the server takes it. It costs both ends time.',
      fallback: 'false',
    }),
  },
  'must be settings of the upgrade, such as {headers: {Cookie: "session=7"}}',
);

/** `embedded`, one address, or the keys of either. */
export const targetSchema = z
  .preprocess(
    expandTarget,
    z
      .strictObject(
        {
          embedded: embeddedSchema.optional().meta({
            description: 'The lab starts the reference server itself and ends it after the run.',
            short: [{ type: 'null' }],
          }),
          addresses: z
            .array(addressSchema, 'must be a list of addresses, such as [tcp://127.0.0.1:4000]')
            .min(1, 'must have at least one address')
            .optional()
            .meta({
              description:
                'Where a server listens that runs already, or that `command` starts; clients spread over its addresses.',
              shape: 'list of `protocol://host:port`, with a path for ws and wss',
            }),
          command: commandSchema.optional().meta({
            description:
              'The lab starts this server for the run, measures its processes and ends it: docs/targets.md. It needs `c2m run --trust`.',
            shape: 'a command line, or keys',
            short: [{ type: 'string' }, { type: 'array', items: { type: ['string', 'number'] } }],
          }),
          pid: z
            .number('must be the number of a process')
            .int('must be a whole number')
            .min(1, 'must be at least 1')
            .optional()
            .meta({
              description:
                'Process of a server that runs on this host already: it and all that came from it are measured.',
            }),
          cgroup: z
            .string(CGROUP)
            .regex(/^\/sys\/fs\/cgroup(\/[^/]+)+\/?$/, CGROUP)
            .refine((folder) => !folder.split('/').includes('..'), CGROUP)
            .optional()
            .meta({
              description:
                'Control group of a server that runs on this host already, such as that of a container: its processes are measured.',
              shape: 'folder',
            }),
          metrics: metricsPageSchema.optional().meta({
            description:
              'What the server says of itself on a page in the text format of Prometheus: read into the timeline, and there for gates.',
          }),
          admin: z
            .url({
              protocol: /^https?$/,
              error: 'must be the URL of the admin port, such as http://127.0.0.1:9464',
            })
            .refine(hasNoUser, NO_USER)
            .optional()
            .meta({ description: 'Admin port of that server, for its queues and its memory.', shape: 'URL' }),
          media: z
            .url({
              protocol: /^https?$/,
              error: 'must be the URL of the media port, such as http://127.0.0.1:9465',
            })
            .refine(hasNoUser, NO_USER)
            .optional()
            .meta({ description: 'Media port of that server, for the load of `media`.', shape: 'URL' }),
          allow: z.array(z.string(), 'must be a list of host names or addresses').optional().meta({
            description:
              'Hosts outside this machine that load may go to, named on purpose; for `admin`, `media` and `metrics` too.',
            shape: 'list of hosts',
          }),
          token: z.string('must be text').min(1, 'must not be empty').optional().meta({
            description: 'What clients present at login. The record keeps the scenario, but not this value.',
          }),
          tokenPerUser: z.boolean('must be true or false').optional().meta({
            description:
              'The token is the secret of a server with `tokenPerUser`: each client logs in with a token of its own.',
            fallback: 'false',
          }),
          insecure: z
            .boolean('must be true or false')
            .optional()
            .meta({ description: 'Accept a self-signed certificate.', fallback: 'false' }),
          tls: tlsSchema.optional().meta({
            description:
              'What clients of tls and wss show, trust and ask for, and those of tcp whose protocol begins TLS itself.',
          }),
          driver: driverSchema.optional().meta({
            description: 'What that server speaks: docs/drivers.md.',
            shape: 'name of a driver, or map of it to its settings',
            fallback: 'c2m',
            short: [
              { enum: DRIVER_NAMES.filter((name) => name !== 'own') },
              { type: 'string', pattern: '[/\\\\.$]' },
            ],
          }),
          websocket: webSocketSchema.optional().meta({
            description: 'How clients of ws and wss ask for the upgrade.',
          }),
        },
        'must be embedded, an address such as tcp://127.0.0.1:4000, or a map with embedded or addresses',
      )
      .check(
        z.superRefine(checkTargetParts, { when: ({ value }) => typeof value === 'object' && value !== null }),
      ),
  )
  .transform((target): Target => {
    if (target.embedded) {
      const { cluster, ...embedded } = target.embedded;
      return { kind: 'embedded', ...embedded, ...(cluster && { cluster: clusterPlan(cluster) }) };
    }
    const { addresses = [], admin = null, media = null, allow = [], token = null } = target;
    const { tokenPerUser = false, insecure = false, tls = {} } = target;
    const { driver = { name: 'c2m', settings: {} }, metrics = null } = target;
    const { headers = {}, subprotocols = null, compression = false } = target.websocket ?? {};
    const websocket = { headers, subprotocols, compression };
    const addressed = {
      addresses,
      admin,
      media,
      allow,
      token,
      tokenPerUser,
      insecure,
      tls,
      driver,
      websocket,
      metrics,
    };
    const { command, pid, cgroup } = target;
    if (command) return { kind: 'command', ...addressed, command };
    const processes = pid !== undefined ? { pid } : cgroup !== undefined ? { cgroup } : null;
    return { kind: 'external', ...addressed, processes };
  });

/** `embedded` and a single address are short for the keys that they stand for. */
export function expandTarget(value: unknown): unknown {
  if (value === 'embedded') return { embedded: {} };
  if (typeof value === 'string' && value.includes('://')) return { addresses: [value] };
  if (typeof value === 'object' && value !== null && 'embedded' in value && value.embedded === null) {
    return { ...value, embedded: {} };
  }
  return value;
}
