import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { isLoopback, writtenHost } from '../../protocol/address.js';
import { BAD_REQUEST, partWith } from '../gateway/graceful-close.js';
import { isOnlyRequest } from '../gateway/one-request.js';
import { Metrics } from './metrics.js';
import type { ServerState } from './server-state.js';

/**
 * The admin port, on loopback: GET `/healthz`, `/metrics` (Prometheus) and `/stats` (protocol/stats.ts), and POST
 * `/reload`. Whoever may connect may ask; that a page in somebody's browser cannot is seen to here.
 */
export interface Admin {
  url: string;
  close(): Promise<void>;
}

/** Tools ask from this machine and at once; whoever sends half a request, or nothing, gives the place back. */
const REQUEST_TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 256;

/** @throws the system's error where the port cannot be had */
export async function startAdmin(
  address: { host: string; port: number },
  state: ServerState,
  reload: () => Promise<string>,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
): Promise<Admin> {
  const metrics = new Metrics();
  const timeouts = {
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: requestTimeoutMs / 5,
  };
  const server = createServer(timeouts, (request, response) => {
    if (!isOnlyRequest(request, response)) return;
    if (!isFromHere(request)) return answer(response, 403, 'text/plain', 'only for this machine\n');
    if (request.method === 'POST' && request.url === '/reload') {
      reload().then(
        (version) => answer(response, 200, 'application/json', JSON.stringify({ version })),
        (error: Error) => answer(response, 409, 'application/json', JSON.stringify({ error: error.message })),
      );
      return;
    }
    if (request.method !== 'GET') return answer(response, 405, 'text/plain', 'only GET, and POST /reload\n');
    switch (request.url) {
      case '/healthz':
        if (state.problem !== undefined) return answer(response, 503, 'text/plain', `${state.problem}\n`);
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
  boundConnections(server);
  server.on('clientError', (_error, socket) => partWith(socket, BAD_REQUEST));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${writtenHost(address.host)}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * The connection that has asked nothing for the longest time makes room, so that whoever asks is answered; one whose
 * answer is under way does not.
 */
function boundConnections(server: Server): void {
  const idle = new Set<Socket>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    open += 1;
    idle.add(socket);
    socket.once('close', () => {
      open -= 1;
      idle.delete(socket);
    });
    if (open > MAX_CONNECTIONS) (idle.values().next().value as Socket).destroy();
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    idle.delete(socket);
    response.once('close', () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
}

/**
 * A page can make a browser send requests to loopback: to another name that it lets point here (DNS rebinding), and
 * from another origin. Neither is how a tool on this machine asks.
 */
function isFromHere({ headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isLoopback(host) && headers.origin === undefined && headers['sec-fetch-site'] === undefined;
}

function answer(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}
