import { z } from 'zod';
import { isLoopback } from '../protocol/address.js';
import { quote } from '../record/quantity.js';
import { oneOf, wholeOrAuto } from './choice.js';
import { driverSchema } from './driver-schema.js';
import type { Target } from './scenario.js';

const EMBEDDED_ONLY = 'is for a server of your own; an embedded one needs no';
const ADDRESS =
  /^(?:(?:tcp|tls):\/\/(\[[0-9a-f:.]+\]|[^:/[\]\s]+):(\d{1,5})|wss?:\/\/(\[[0-9a-f:.]+\]|[^:/[\]\s]+):(\d{1,5})(?:\/\S*)?)$/i;

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

/** What says something of a server that runs already. */
const EXTERNAL_KEYS = [
  'admin',
  'media',
  'allow',
  'token',
  'tokenPerUser',
  'insecure',
  'driver',
  'websocket',
] as const;

const webSocketSchema = z.strictObject(
  {
    headers: z
      .record(
        z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, 'must be names of HTTP headers'),
        z.string('must be text').regex(/^[^\r\n]*$/, 'must be one line'),
        'must be a map of headers, such as {Cookie: "session=7"}',
      )
      .optional()
      .meta({ description: 'Further headers of the request, such as a cookie.', shape: 'map of headers' }),
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
          embedded: embeddedSchema
            .optional()
            .meta({ description: 'The lab starts the reference server itself and ends it after the run.' }),
          addresses: z
            .array(addressSchema, 'must be a list of addresses, such as [tcp://127.0.0.1:4000]')
            .min(1, 'must have at least one address')
            .optional()
            .meta({
              description: 'A server that runs already; clients spread over its addresses.',
              shape: 'list of `protocol://host:port`, with a path for ws and wss',
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
              'Hosts outside this machine that load may go to, named on purpose; for `admin` and `media` too.',
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
          driver: driverSchema.optional().meta({
            description: 'What that server speaks: docs/drivers.md.',
            shape: 'name of a driver, or map of it to its settings',
            fallback: 'c2m',
          }),
          websocket: webSocketSchema.optional().meta({
            description: 'How clients of ws and wss ask for the upgrade.',
          }),
        },
        'must be embedded, an address such as tcp://127.0.0.1:4000, or a map with embedded or addresses',
      )
      .check(z.superRefine(checkParts, { when: ({ value }) => typeof value === 'object' && value !== null })),
  )
  .transform((target): Target => {
    if (target.embedded) return { kind: 'embedded', ...target.embedded };
    const { addresses = [], admin = null, media = null, allow = [], token = null } = target;
    const { tokenPerUser = false, insecure = false } = target;
    const { driver = { name: 'c2m', settings: {} } } = target;
    const { headers = {}, subprotocols = null, compression = false } = target.websocket ?? {};
    const websocket = { headers, subprotocols, compression };
    return {
      kind: 'external',
      addresses,
      admin,
      media,
      allow,
      token,
      tokenPerUser,
      insecure,
      driver,
      websocket,
    };
  });

/** The keys that the checks look at; each may be wrong itself, which is told elsewhere. */
type UncheckedTarget = Partial<
  Record<'embedded' | 'addresses' | 'allow' | 'token' | 'tokenPerUser', unknown>
> &
  Partial<Record<'admin' | 'media' | 'insecure' | 'driver' | 'websocket', unknown>>;

/** What the keys of a target say of each other. It is asked even where one of them is wrong. */
function checkParts(target: UncheckedTarget, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (!target.embedded === !target.addresses) {
    refuse([], 'must have either embedded or addresses');
  } else if (target.embedded) {
    for (const key of EXTERNAL_KEYS) {
      if (target[key] !== undefined) refuse([key], `${EMBEDDED_ONLY} ${key}`);
    }
  }
  if (target.tokenPerUser === true && target.token === undefined) {
    refuse(['tokenPerUser'], 'needs the secret of the server: write token');
  }
  const allowed = new Set(textsIn(target.allow).map(bareHost));
  const check = (path: (string | number)[], host: string | undefined) => {
    // An address that is none is told as that.
    if (host === undefined || isLoopback(host) || allowed.has(host)) return;
    refuse(
      path,
      `${host} is another machine; load goes there only if target.allow names it: allow: [${quote(host)}]`,
    );
  };
  const addresses = Array.isArray(target.addresses) ? target.addresses : [];
  addresses.forEach((address, index) => {
    check(['addresses', index], hostOf(address));
  });
  // Both get load as well, and the media port is shown the token.
  for (const key of ['admin', 'media'] as const) check([key], hostOfUrl(target[key]));
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** `embedded` and a single address are short for the keys that they stand for. */
export function expandTarget(value: unknown): unknown {
  if (value === 'embedded') return { embedded: {} };
  if (typeof value === 'string' && value.includes('://')) return { addresses: [value] };
  if (typeof value === 'object' && value !== null && 'embedded' in value && value.embedded === null) {
    return { ...value, embedded: {} };
  }
  return value;
}

function hostOf(address: unknown): string | undefined {
  return typeof address === 'string' && isAddress(address)
    ? bareHost(partsOf(address)?.host ?? '')
    : undefined;
}

function isAddress(text: string): boolean {
  return (partsOf(text)?.port ?? 65_536) < 65_536;
}

function partsOf(address: string): { host: string; port: number } | undefined {
  const [, host, port, webSocketHost, webSocketPort] = ADDRESS.exec(address) ?? [];
  const name = host ?? webSocketHost;
  return name === undefined ? undefined : { host: name, port: Number(port ?? webSocketPort) };
}

/** `localhost:9464` is a URL too, of the protocol localhost and with no host. */
function hostOfUrl(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { protocol, hostname } = new URL(url);
  return /^https?:$/.test(protocol) && hostname !== '' ? bareHost(hostname) : undefined;
}

function hasNoUser(url: string): boolean {
  return !URL.canParse(url) || new URL(url).username + new URL(url).password === '';
}

/** One way to write a host: no brackets, small letters. */
function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '').toLowerCase();
}
