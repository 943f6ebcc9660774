import { writtenHost } from '../../../protocol/address.js';
import type { Endpoint } from '../../agent-messages.js';
import { DEFLATE_OFFER } from './message-deflate.js';

/** What is asked for, and what messages are to whoever asks. */
export interface WebSocketOptions {
  subprotocols: readonly string[];
  /** Further lines of the request, such as a cookie. */
  headers: Readonly<Record<string, string>>;
  /** See `Framing`. */
  messages: 'stream' | 'text' | 'binary';
  /** Where to, of an endpoint without a path; undefined: /. */
  path?: string;
  /** Offer to compress messages. */
  compression: boolean;
}

/** The request for the upgrade (RFC 6455, section 4.1). */
export function upgradeRequest(
  endpoint: Endpoint,
  key: string,
  { subprotocols, headers, compression, path: defaultPath = '/' }: WebSocketOptions,
): string {
  const lines = [
    `GET ${endpoint.path ?? defaultPath} HTTP/1.1`,
    `Host: ${hostHeader(endpoint)}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...(subprotocols.length > 0 ? [`Sec-WebSocket-Protocol: ${subprotocols.join(', ')}`] : []),
    ...(compression ? [`Sec-WebSocket-Extensions: ${DEFLATE_OFFER}`] : []),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** As browsers write it (RFC 9110, section 7.2): servers choose by it which of their sites is meant. */
function hostHeader({ protocol, host, name = host, port }: Endpoint): string {
  const written = writtenHost(name);
  return port === (protocol === 'wss' ? 443 : 80) ? written : `${written}:${port}`;
}

/** A header of a response, its lines without the status; undefined: it has none. */
export function headerOf(lines: readonly string[], name: string): string | undefined {
  const values = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return line.slice(0, colon).trim().toLowerCase() === name ? [line.slice(colon + 1).trim()] : [];
  });
  return values.length === 0 ? undefined : values.join(', ');
}
