import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import type { Scenario, WireProtocol } from '../../../scenarios/scenario.js';
import type { ServerInfo } from './connect-line.js';

/** What follows the INFO of a server: the login as the connection is, TLS, or an end. */
export type AfterInfo = 'login' | 'tls' | { reason: string };

/**
 * Who begins TLS, and whether, is said by the INFO.
 * @param carriers of the run: WebSocket is enciphered, or not, beneath the protocol
 */
export function afterInfo(
  tls: NatsSettings['tls'],
  carriers: readonly WireProtocol[],
  { tls_required, tls_available }: ServerInfo,
): AfterInfo {
  if (tls === 'handshakeFirst' || !isOfStreams(carriers)) return 'login';
  const isWanted = tls_required === true;
  if (tls === 'never') return isWanted ? { reason: 'TlsRequired' } : 'login';
  const isAskedFor = tls === 'required' || carriers.includes('tls');
  if (isWanted || (isAskedFor && tls_available === true)) return 'tls';
  // Whoever asks for TLS does not want to talk without it.
  return isAskedFor ? { reason: 'NoTls' } : 'login';
}

/** Where addresses and `tls` contradict each other. */
export function tlsProblems({ tls }: NatsSettings, { target, generator }: Scenario): string[] {
  if (target.kind === 'embedded' || tls === 'auto') return [];
  const carriers = target.addresses.map((address) => address.slice(0, address.indexOf(':')).toLowerCase());
  const problem = (message: string): string[] => [`target.driver.nats.tls: ${message}`];
  if (!carriers.every((each) => each === 'tcp' || each === 'tls'))
    return tls === 'never' ? [] : problem(`${tls} is not for WebSocket; leave it out, and write wss://`);
  if (tls === 'handshakeFirst' && carriers.includes('tcp'))
    return problem('handshakeFirst is not for tcp://; write tls:// in target.addresses');
  if (tls === 'never' && carriers.includes('tls'))
    return problem('never contradicts tls:// in target.addresses; write tcp:// there, or leave it out');
  if (tls === 'required' && generator.transport === 'packets')
    return problem('required needs generator.transport: sockets');
  return [];
}

function isOfStreams(carriers: readonly WireProtocol[]): boolean {
  return carriers.every((each) => each === 'tcp' || each === 'tls');
}
