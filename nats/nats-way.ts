import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { InputError } from '../record/input-error.js';

/**
 * How a server of NATS is reached, as people say it: who this is, which is the same at each of several servers. Of the ways to
 * say who one is, one at most.
 */
export type NatsOptions = NatsPlaces & {
  user?: string | undefined;
  password?: string | undefined;
  token?: string | undefined;
  /** Holds a JWT and a seed, as `nsc` writes it. */
  credentialsFile?: string | undefined;
  /** Holds the seed of a user, as `nk -gen user` writes it. */
  nkeyFile?: string | undefined;
  /** PEM. With one of these three TLS is demanded. */
  caFile?: string | undefined;
  certificateFile?: string | undefined;
  keyFile?: string | undefined;
};

/**
 * Servers of one cluster of NATS, or the only one: `nats://host:port`, or `tls://host:port`, with which TLS is demanded of all of
 * them; may hold `user:password@` or `token@`.
 */
type NatsPlaces = { servers: readonly string[]; url?: undefined } | { url: string; servers?: undefined };

/** The same with everything read and checked. Its secrets are for the servers alone. */
export interface NatsWay {
  /** At least one. */
  servers: NatsPlace[];
  who: NatsIdentity;
  /** Null: only where the server demands it. */
  tls: NatsTls | null;
}

export interface NatsPlace {
  /** Of IPv6 in brackets. */
  host: string;
  port: number;
  /** `nats://host:port`, for people. */
  place: string;
}

export type NatsIdentity =
  | { kind: 'nobody' }
  | { kind: 'user'; user: string; password: string }
  | { kind: 'token'; token: string }
  | { kind: 'nkey'; seed: string }
  | { kind: 'credentials'; text: string };

/** PEM, as `tls.connect` takes it. */
export interface NatsTls {
  ca?: string;
  cert?: string;
  key?: string;
}

const DEFAULT_PORT = 4222;

const SEED = /^SU[A-Z2-7]{56}$/m;
const CREDENTIALS = /BEGIN NATS USER JWT-+\s*\S+\s*-+[\s\S]*BEGIN USER NKEY SEED-+\s*SU[A-Z2-7]{56}\s*-+/;

/** @throws InputError that holds no secret */
export async function readNatsWay(options: NatsOptions): Promise<NatsWay> {
  const urls = (options.servers ?? [options.url]).map(parseUrl);
  if (urls.length === 0) throw new InputError('no server of NATS is given; write nats://host:4222');
  return {
    servers: urls.map(placeOf),
    who: await readIdentity(options, urls),
    tls: await readTls(
      options,
      urls.some(({ protocol }) => protocol === 'tls:'),
    ),
  };
}

/** The addresses without who it is that goes there, for people. */
export function natsPlaces({ servers, url }: NatsOptions): string {
  return (servers ?? [url]).map((each) => each.replace(/\/\/.*@/, '//')).join(',');
}

/** Whose certificate a server has to have, as `tls.connect` takes it. */
export function certificateName(host: string): { host: string; servername: string | undefined } {
  const name = host.replace(/^\[|\]$/g, '');
  // An address is no name that could be asked for (section 3 of RFC 6066).
  return { host: name, servername: isIP(name) ? undefined : name };
}

function placeOf(url: URL): NatsPlace {
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const host = url.hostname.toLowerCase();
  return { host, port, place: `${url.protocol}//${host}:${port}` };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && ['', '/'].includes(url.pathname) && url.search + url.hash === '';
  if (url && isPlain && url.hostname !== '' && ['nats:', 'tls:'].includes(url.protocol)) return url;
  throw new InputError(
    `"${text.replace(/^(\w+:\/\/)?.*@/s, '$1…@')}" is not the address of a NATS server; write nats://host:4222, or tls://host:4222; ` +
      'in a user or password there, signs such as / and @ are written as %2F and %40',
  );
}

async function readIdentity(options: NatsOptions, urls: readonly URL[]): Promise<NatsIdentity> {
  const { user, password, token, credentialsFile, nkeyFile } = options;
  const inUrl = identityOfUrls(urls, password);
  if (password !== undefined && user === undefined && inUrl === undefined)
    throw new InputError('--nats-password needs --nats-user: whose password is it?');
  const ways: [string, () => Promise<NatsIdentity>][] = [];
  if (inUrl) ways.push(['the address of NATS', async () => inUrl]);
  if (user !== undefined)
    ways.push(['--nats-user', async () => ({ kind: 'user', user, password: password ?? '' })]);
  if (token !== undefined) ways.push(['--nats-token', async () => ({ kind: 'token', token })]);
  if (nkeyFile !== undefined) ways.push(['--nats-nkey', () => readSeed(nkeyFile)]);
  if (credentialsFile !== undefined) ways.push(['--nats-creds', () => readCredentials(credentialsFile)]);
  const [first, second] = ways;
  if (first && second)
    throw new InputError(`${first[0]} says who this is, and so does ${second[0]}; leave one of them out`);
  return first ? first[1]() : { kind: 'nobody' };
}

/** One of several addresses may say it for all of them; two may not say it differently. */
function identityOfUrls(urls: readonly URL[], beside: string | undefined): NatsIdentity | undefined {
  const found = urls.flatMap((url) => identityOfUrl(url, beside) ?? []);
  if (new Set(found.map((who) => JSON.stringify(who))).size > 1)
    throw new InputError(
      'the addresses of NATS say differently who this is; it is the same at all servers, so write it into one of them',
    );
  return found[0];
}

/** A user in the address may have the password beside it. */
function identityOfUrl({ username, password }: URL, beside: string | undefined): NatsIdentity | undefined {
  if (username === '') return undefined;
  const user = decoded(username);
  if (password !== '') return { kind: 'user', user, password: decoded(password) };
  return beside === undefined ? { kind: 'token', token: user } : { kind: 'user', user, password: beside };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What it says is a secret.
    throw new InputError(
      'the user or the password in the address of NATS has a % that begins no sign; write %25',
    );
  }
}

async function readSeed(file: string): Promise<NatsIdentity> {
  const [seed] = SEED.exec((await readText('--nats-nkey', file)).replace(/\s*$/gm, '')) ?? [];
  if (seed === undefined)
    throw new InputError(
      `--nats-nkey: ${file} holds no NKEY seed of a user; that is a line of 58 signs which begins with SU`,
    );
  return { kind: 'nkey', seed };
}

async function readCredentials(file: string): Promise<NatsIdentity> {
  const text = (await readText('--nats-creds', file)).replace(/\r\n/g, '\n');
  if (!CREDENTIALS.test(text))
    throw new InputError(
      `--nats-creds: ${file} is no credentials file of a user; \`nsc generate creds\` writes one, with a JWT and a seed`,
    );
  return { kind: 'credentials', text };
}

async function readTls(options: NatsOptions, isDemanded: boolean): Promise<NatsTls | null> {
  const { caFile, certificateFile, keyFile } = options;
  if ((certificateFile === undefined) !== (keyFile === undefined))
    throw new InputError(
      '--nats-cert and --nats-key go together: the certificate, and the key that belongs to it',
    );
  if (!isDemanded && caFile === undefined && certificateFile === undefined) return null;
  return {
    ...(caFile === undefined ? {} : { ca: await readText('--nats-ca', caFile) }),
    ...(certificateFile === undefined ? {} : { cert: await readText('--nats-cert', certificateFile) }),
    ...(keyFile === undefined ? {} : { key: await readText('--nats-key', keyFile) }),
  };
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new InputError(`${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
