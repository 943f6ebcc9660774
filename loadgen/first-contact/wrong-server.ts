import { formatAddress, writtenHost } from '../../protocol/address.js';
import type { Endpoint } from '../agent-messages.js';
import { DRIVER_NAMES, driversOver } from '../drivers/load-driver.js';
import { excerpt, isTls, type KnownAnswer, recognize } from './known-answers.js';
import type { Witnessed } from './witness.js';

/** A login that did not come about. */
export interface FailedLogin extends Witnessed {
  endpoint: Endpoint;
  /** Of the plan, and as people know it. */
  driver: { name: string; words: string };
  /** A client library makes the connections: nobody has seen their bytes. */
  isByLibrary: boolean;
  /** Why, as it would be counted. */
  reason: string;
}

/** What a transport says of a server that ends the connection in the middle, or is about to. */
const BARE_ENDS: ReadonlySet<string> = new Set(['PeerClosed', 'ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** OpenSSL has read something that is no TLS. */
const NO_TLS =
  /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_TOO_SMALL))$/;

/** What the server says of the certificate that it was shown, or was not. */
const CLIENT_CERTIFICATE = /ALERT_(\w*CERTIFICATE\w*|UNKNOWN_CA|DECRYPT_ERROR|ACCESS_DENIED)$/;

const CERTIFICATE = /CERT|SIGNATURE|ISSUER|^ERR_TLS_/;

/** Codes of a WebSocket server that could not make anything of what it was sent: RFC 6455, section 7.4.1. */
const NOT_UNDERSTOOD = /^Close(1002|1003|1007)$/;

/** Of a client library, what may be otherwise with the next client. */
const PASSING_REASON = /^(ConnectTimeout|E(CONN|TIMEDOUT|PIPE|HOST|NET)\w*)$/;

/** Full or busy, which is for a run to find out. */
const PASSING_STATUS = /^(429|5\d\d)$/;

/**
 * Why no client can ever log in there, and what to write instead. Undefined: the server may be wrong, slow, full, or refuse
 * the login in words of the protocol, and none of that says that it speaks another one.
 */
export function wrongServerWords(login: FailedLogin): string | undefined {
  const { endpoint, reason, closed, isByLibrary } = login;
  const at = addressOf(endpoint);
  if (isByLibrary)
    return PASSING_REASON.test(reason) ? undefined : `${at}: the first client could not log in: ${reason}`;
  const [, status] = /^Http(\d{3})$/.exec(reason) ?? [];
  if (status !== undefined) return PASSING_STATUS.test(status) ? undefined : upgradeWords(at, status, login);
  if (NO_TLS.test(reason)) return `${at} does not speak TLS (${reason}); write ${withoutTls(login)}`;
  if (CLIENT_CERTIFICATE.test(reason))
    return `${at} does not take the certificate that clients show, or wants to see one (${reason}); write target.tls: {certFile: …, keyFile: …}`;
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `${at}: its certificate is for another name (${reason}); write that name in target.addresses, or as target.tls.serverName`;
  if (CERTIFICATE.test(reason))
    return `${at}: its certificate is not trusted here (${reason}); write target.insecure: true if you know the server, or target.tls.caFile with the certificate that signed it`;
  if (reason === 'ConnectTimeout') return isForeign(login) ? speechWords(at, login) : undefined;
  const isBroken = closed === 'Cut' || reason === 'ServerWebSocketError' || NOT_UNDERSTOOD.test(reason);
  const isBare = closed === reason && BARE_ENDS.has(reason);
  return isBroken || isBare ? speechWords(at, login) : undefined;
}

/** Where a NATS server has TLS, it comes later, unless the driver is told that it comes first. */
function withoutTls({ endpoint, driver }: FailedLogin): string {
  if (driver.name === 'nats' && endpoint.protocol === 'tls') return 'target.driver.nats.tls: auto';
  return `${isWebSocket(endpoint) ? 'ws' : 'tcp'}:// instead of ${endpoint.protocol}://`;
}

/** Whether what came is known to be of another protocol than the driver's; what somebody's own driver speaks is not known. */
export function isForeign({
  driver,
  heard,
  received,
}: Pick<FailedLogin, 'driver' | 'heard' | 'received'>): boolean {
  if (driver.name === 'own') return false;
  const answer = recognize(heard);
  return (answer !== undefined && answer.driver !== driver.name) || isTls(received);
}

/** What came, and what follows from it. */
function speechWords(at: string, login: FailedLogin): string {
  const { endpoint, driver, heard, received, sent, reason } = login;
  const { protocol } = endpoint;
  const isUpgraded = isWebSocket(endpoint) && /^HTTP\/1\.1 101/.test(received.toString('latin1', 0, 16));
  const isBareSocket = isWebSocket(endpoint) && !isUpgraded;
  const begins = `${at} does not speak ${isBareSocket ? 'WebSocket' : driver.words}`;
  const came = isUpgraded ? heard : received;
  if (isTls(came))
    return `${begins}: it answered in TLS; write ${isBareSocket ? 'wss' : 'tls'}:// instead of ${protocol}://`;
  if (came.length === 0) {
    const how = /^Close\d/.test(reason) ? `with the code ${reason.slice('Close'.length)}` : 'without a word';
    const advice = isBareSocket
      ? `write tcp:// or tls:// if what it speaks is carried by those${protocol === 'ws' ? ', or wss:// if it wants TLS' : ''}`
      : `write ${protocol === 'tls' ? 'tcp:// if it has no TLS, or ' : ''}${otherDrivers(login)}${protocol === 'tcp' ? ', or tls:// if it wants TLS' : ''}`;
    return `${begins}: it closed the connection ${how}; ${advice}`;
  }
  if (isEcho(sent, heard))
    return `${begins}: it sends back what it was sent, as an echo does; write ${otherDrivers(login)}`;
  const answer = recognize(came);
  const which = answer ? `, which is ${answer.protocol}` : '';
  const advice = answer
    ? adviceFor(answer, login, isBareSocket)
    : isBareSocket
      ? 'correct target.addresses'
      : `write ${otherDrivers(login)}`;
  return `${begins}: it answered ${excerpt(came)}${which}; ${advice}`;
}

function adviceFor(
  { protocol, driver: speaker }: KnownAnswer,
  login: FailedLogin,
  isBareSocket: boolean,
): string {
  const { endpoint, driver } = login;
  const withDriver =
    speaker !== undefined && speaker !== driver.name && DRIVER_NAMES.includes(speaker)
      ? `target.driver: ${speaker}`
      : undefined;
  if (isBareSocket && speaker !== undefined) {
    const scheme = `${endpoint.protocol === 'ws' ? 'tcp' : 'tls'}:// instead of ${endpoint.protocol}://`;
    return `write ${[scheme, withDriver].filter(Boolean).join(', and ')}`;
  }
  if (withDriver !== undefined) return `write ${withDriver}`;
  if (protocol === 'HTTP') {
    const scheme = endpoint.protocol === 'tls' ? 'wss' : 'ws';
    return `if it takes WebSocket connections, write ${scheme}:// with their path, such as ${scheme}://${hostOf(endpoint)}/chat`;
  }
  return `correct target.addresses, or write ${otherDrivers(login)}`;
}

/** The server speaks HTTP, and does not upgrade. */
function upgradeWords(at: string, status: string, { received }: FailedLogin): string {
  const answered = `${at} takes no WebSocket connection: it answered ${excerpt(received)}`;
  switch (status) {
    case '401':
    case '403':
      return `${answered}; say who asks in target.websocket.headers, such as {Authorization: "Bearer …"} or {Cookie: "session=…"}`;
    case '200':
    case '404':
    case '405':
      return `${answered}; write the path of its WebSocket behind the address`;
    default:
      return `${answered}; correct the path behind the address, target.websocket.headers or target.websocket.subprotocols`;
  }
}

function isEcho(sent: Buffer, heard: Buffer): boolean {
  const length = Math.min(sent.length, heard.length);
  return length > 0 && sent.subarray(0, length).equals(heard.subarray(0, length));
}

function otherDrivers({ driver, endpoint }: FailedLogin): string {
  const others = driversOver(endpoint.protocol).filter((name) => name !== driver.name);
  const known = others.length > 0 ? `${others.join(', ')}, or the file of your own` : 'the file of your own';
  return `target.driver (${known})`;
}

function isWebSocket({ protocol }: Endpoint): boolean {
  return protocol === 'ws' || protocol === 'wss';
}

function hostOf({ host, port }: Endpoint): string {
  return `${writtenHost(host)}:${port}`;
}

function addressOf(endpoint: Endpoint): string {
  return `${formatAddress(endpoint)}${endpoint.path ?? ''}`;
}
