import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import { ProtocolViolation } from '../driver.js';

/** What a server says of itself, as far as it matters here. */
export interface ServerInfo {
  tls_required?: boolean;
  headers?: boolean;
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
export function connectLine({ user, password, token }: NatsSettings, number: number): string {
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
  };
  return `CONNECT ${JSON.stringify(options)}\r\n`;
}
