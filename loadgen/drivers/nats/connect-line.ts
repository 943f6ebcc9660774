import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import { ProtocolViolation } from '../driver.js';
import type { Signer } from './signer.js';

/** What a server says of itself, as far as it matters here. */
export interface ServerInfo {
  tls_required?: boolean;
  tls_available?: boolean;
  headers?: boolean;
  /** To be signed by whoever logs in with a key. */
  nonce?: string;
}

/** @throws ProtocolViolation */
export function serverInfo(text: string): ServerInfo {
  try {
    const info: unknown = JSON.parse(text);
    if (typeof info === 'object' && info !== null) return info;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ProtocolViolation('ServerProtocolError', 'the server sent an INFO that is no JSON object');
}

/** The line with which a user logs in. What it publishes does not come back to it. */
export function connectLine(
  { user, password, token, jwt }: NatsSettings,
  number: number,
  { nonce }: ServerInfo,
  signer: Signer | undefined,
): string {
  const told = (template: string | undefined): string | undefined =>
    template?.replaceAll('{user}', String(number));
  const options = {
    verbose: false,
    pedantic: false,
    tls_required: false,
    lang: 'c2m',
    version: '1',
    protocol: 1,
    echo: false,
    headers: true,
    no_responders: true,
    user: told(user),
    pass: told(password),
    auth_token: told(token),
    jwt,
    nkey: signer?.publicKey,
    sig: nonce === undefined ? undefined : signer?.sign(nonce),
  };
  return `CONNECT ${JSON.stringify(options)}\r\n`;
}
