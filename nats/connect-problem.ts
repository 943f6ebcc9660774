import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { printable } from '../record/printable.js';
import { quote } from '../record/quantity.js';
import { certificateName, type NatsPlace, type NatsWay } from './nats-way.js';

/** A server says something as soon as it is connected to. */
const GREETING_TIMEOUT_MS = 2000;
/** What TLS 1.3 says of a client's certificate comes after the handshake. */
const ALERT_TIMEOUT_MS = 1000;

/** What a server of NATS says first, as far as it matters for who wants in. */
interface Greeting {
  tls_required?: boolean;
  tls_available?: boolean;
  /** It wants to see a certificate. */
  tls_verify?: boolean;
}

/** One of the servers, and how it is reached. */
export type NatsServerWay = NatsPlace & Pick<NatsWay, 'who' | 'tls'>;

/**
 * Why a connect failed and what to do, in words that hold no secret. Where the client library does not tell, the server is
 * looked at once more.
 */
export async function connectProblem(error: Error, way: NatsServerWay): Promise<string> {
  const { place } = way;
  if (error.name === 'AuthorizationError') return refusedWords(way);
  const code = codeOf(error);
  if (code === 'ECONNREFUSED')
    return `nobody listens at ${place} (${code}); start nats-server there, or correct the address`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `${place}: ${way.host} cannot be resolved (${code}); correct the address`;
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT')
    return `${place} cannot be reached from here (${code}); correct the address, or the network`;
  return (await lookAgain(way)) ?? `${place}: ${printable(error.message)}`;
}

function refusedWords({ place, who }: NatsServerWay): string {
  const what = {
    nobody:
      'wants to know who this is; give --nats-user and --nats-password, --nats-token, --nats-nkey or --nats-creds',
    user: 'does not take this user and password; correct them, or `authorization` in its configuration',
    token: 'does not take this token; correct it, or `authorization` in its configuration',
    nkey: 'does not know this NKEY; its `authorization` must list the public key that belongs to the seed',
    credentials: 'does not take these credentials; are they of an account that it knows, and still valid?',
  }[who.kind];
  return `${place} ${what}`;
}

/** Undefined: nothing seems to be wrong. */
async function lookAgain(way: NatsServerWay): Promise<string | undefined> {
  const { place, tls } = way;
  const socket = connect({ host: certificateName(way.host).host, port: way.port });
  try {
    const line = await firstLine(socket);
    if (line === undefined)
      return `${place} says nothing within ${GREETING_TIMEOUT_MS / 1000} s, as no NATS server would; correct the address`;
    const greeting = greetingIn(line);
    if (!greeting)
      return `what listens at ${place} is no NATS server: it said ${quote(printable(line))}; correct the address`;
    if (!greeting.tls_required && !greeting.tls_available) {
      const asked =
        'leave out --nats-ca, --nats-cert and --nats-key, and write nats://, or give it a certificate';
      return tls ? `${place} has no TLS; ${asked}` : undefined;
    }
    return tlsWords(way, greeting, await tlsCode(socket, way));
  } catch (error) {
    return `${place} cannot be reached (${codeOf(error as Error) ?? (error as Error).message})`;
  } finally {
    socket.destroy();
  }
}

/** Undefined: there was none in time. */
async function firstLine(socket: Socket): Promise<string | undefined> {
  let text = '';
  const signal = AbortSignal.timeout(GREETING_TIMEOUT_MS);
  try {
    while (!text.includes('\n')) {
      const [bytes] = (await once(socket, 'data', { signal })) as [Buffer];
      text += bytes.toString('latin1');
    }
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
    return text === '' ? undefined : text;
  }
  return text.slice(0, text.indexOf('\n')).trimEnd();
}

function greetingIn(line: string): Greeting | undefined {
  if (!line.startsWith('INFO {')) return undefined;
  try {
    return JSON.parse(line.slice('INFO '.length)) as Greeting;
  } catch {
    return undefined;
  }
}

/** How a handshake fails; undefined: it does not. */
async function tlsCode(socket: Socket, { host, tls }: NatsServerWay): Promise<string | undefined> {
  const secure = connectTls({ ...tls, ...certificateName(host), socket });
  try {
    await once(secure, 'secureConnect', { signal: AbortSignal.timeout(GREETING_TIMEOUT_MS) });
    // It speaks again only to say that it does not take what it was shown.
    await once(secure, 'data', { signal: AbortSignal.timeout(ALERT_TIMEOUT_MS) });
    return undefined;
  } catch (error) {
    return (error as Error).name === 'AbortError' ? undefined : (codeOf(error as Error) ?? 'TLS');
  } finally {
    secure.on('error', () => undefined);
    secure.destroy();
  }
}

function tlsWords(
  { place, tls }: NatsServerWay,
  greeting: Greeting,
  code: string | undefined,
): string | undefined {
  if (greeting.tls_verify && tls?.cert === undefined)
    return `${place} wants to see a certificate; give --nats-cert and --nats-key`;
  if (code === undefined) return undefined;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate of ${place} is for another name; write the name that it is for in the address`;
  if (code === 'CERT_HAS_EXPIRED')
    return `the certificate of ${place} has expired; give the server a new one`;
  if (/SELF_SIGNED|UNABLE_TO_|LEAF_SIGNATURE/.test(code))
    return `the certificate of ${place} is not known here (${code}); give --nats-ca with the certificate that signed it`;
  return tls?.cert === undefined
    ? `TLS with ${place} fails (${code})`
    : `${place} does not take the certificate of --nats-cert (${code}); it must be signed by the one that the server trusts`;
}

/** Also of what caused it. */
function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  return error.cause instanceof Error ? codeOf(error.cause) : undefined;
}
