import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metrics } from './metrics.js';
import type { ServerState } from './server-state.js';

/** The admin port, on loopback: `/healthz`, `/metrics` (Prometheus) and `/stats` (protocol/stats.ts). */
export interface Admin {
  url: string;
  close(): Promise<void>;
}

/** @throws the system's error where the port cannot be had */
export async function startAdmin(
  address: { host: string; port: number },
  state: ServerState,
): Promise<Admin> {
  const metrics = new Metrics();
  const server = createServer((request, response) => {
    if (request.method !== 'GET') return answer(response, 405, 'text/plain', 'only GET\n');
    switch (request.url) {
      case '/healthz':
        return answer(response, 200, 'text/plain', 'ok\n');
      case '/stats':
        return answer(response, 200, 'application/json', JSON.stringify(state.stats()));
      case '/metrics':
        metrics.render(state.stats()).then(
          (text) => answer(response, 200, metrics.contentType, text),
          (error: Error) => answer(response, 500, 'text/plain', `${error.message}\n`),
        );
        return;
      default:
        return answer(response, 404, 'text/plain', 'try /healthz, /metrics or /stats\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}
