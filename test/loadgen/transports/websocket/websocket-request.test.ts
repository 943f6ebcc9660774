import { expect, test } from 'vitest';
import type { Endpoint } from '../../../../loadgen/agent-messages.js';
import { upgradeRequest } from '../../../../loadgen/transports/websocket/websocket-request.js';

test.each<[Endpoint, string]>([
  [{ protocol: 'ws', host: '127.0.0.1', port: 8080 }, '127.0.0.1:8080'],
  [{ protocol: 'ws', host: '::1', port: 8080 }, '[::1]:8080'],
  [{ protocol: 'ws', host: '192.0.2.7', name: 'chat.example', port: 8080 }, 'chat.example:8080'],
  // What is meant anyway browsers leave out, and some servers do not expect.
  [{ protocol: 'ws', host: '192.0.2.7', name: 'chat.example', port: 80 }, 'chat.example'],
  [{ protocol: 'wss', host: '192.0.2.7', name: 'chat.example', port: 443 }, 'chat.example'],
  [{ protocol: 'wss', host: '192.0.2.7', name: 'chat.example', port: 80 }, 'chat.example:80'],
])('a server is asked for as the scenario calls it: %j', (endpoint, host) => {
  const options = { subprotocols: [], headers: {}, messages: 'text', compression: false } as const;
  expect(upgradeRequest(endpoint, 'key', options).split('\r\n')).toContain(`Host: ${host}`);
});
