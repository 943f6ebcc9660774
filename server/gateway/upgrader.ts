import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { WEBSOCKET_SUBPROTOCOL } from '../../protocol/frame.js';
import { BAD_REQUEST, httpRefusal, partWith } from './graceful-close.js';
import { isOnlyRequest } from './one-request.js';
import { WebSocketWire } from './websocket-wire.js';
import type { Wire, WireListener } from './wire.js';

/** Of the request that asks for the upgrade: what a stranger may make the server keep. */
const MAX_HANDSHAKE_BYTES = 8192;

/** Several frames may share a WebSocket message; this bounds what one may hold. */
const MAX_WEBSOCKET_MESSAGE_BYTES = 1_048_576;

export interface UpgraderOptions {
  loginTimeoutMs: number;
  /** As in `limits`. */
  loginBytes: number;
  /** Web pages that may connect, such as `https://chat.example`. */
  origins: readonly string[];
  /** Makes the session for a new connection; undefined refuses it. */
  accept(wire: Wire): WireListener | undefined;
}

/** Takes a fresh connection. */
export type Upgrade = (socket: Socket, isTurnedAway: boolean) => void;

/** An HTTP server that knows nothing but the upgrade to WebSocket. */
export function createUpgrader(options: UpgraderOptions): Upgrade {
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: MAX_WEBSOCKET_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(WEBSOCKET_SUBPROTOCOL) ? WEBSOCKET_SUBPROTOCOL : false),
  });
  // An HTTP server that never listens itself checks no time-outs, so each handshake has its own.
  const handshakes = new WeakMap<object, () => void>();
  const turnedAway = new WeakSet<object>();
  const server = createHttpServer({ maxHeaderSize: MAX_HANDSHAKE_BYTES }, (request, response) => {
    if (!isOnlyRequest(request, response)) return;
    if (turnedAway.has(request.socket)) {
      partWith(request.socket, FULL);
      return;
    }
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close', upgrade: 'websocket' });
    response.end('This port speaks the c2m protocol over WebSocket; see docs/protocol.md.\n');
  });
  server.on('clientError', (_error, socket) => partWith(socket as Socket, BAD_REQUEST));
  server.on('upgrade', (request, socket, head) => {
    const stop = handshakes.get(socket);
    stop?.();
    // Else the timer would live as long as the connection.
    if (stop) socket.off('close', stop);
    handshakes.delete(socket);
    const refusal = turnedAway.has(socket) ? FULL : refusalOf(request, options.origins);
    if (refusal) {
      partWith(socket, refusal);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const wire = new WebSocketWire(webSocket, socket as Socket);
      const listener = options.accept(wire);
      if (listener) wire.listen(listener, options.loginBytes);
      else webSocket.terminate();
    });
  });
  return (socket, isTurnedAway) => {
    if (socket.destroyed) return;
    if (isTurnedAway) turnedAway.add(socket);
    const timer = setTimeout(() => socket.destroy(), options.loginTimeoutMs).unref();
    const stop = () => clearTimeout(timer);
    handshakes.set(socket, stop);
    socket.on('close', stop);
    server.emit('connection', socket);
  };
}

const FULL = httpRefusal(503, 'the server has as many connections as it takes; try again later');

/**
 * Why an upgrade is refused, or undefined. Every browser names the origin of the page, also of one that reaches us under
 * another name for this machine (DNS rebinding); other clients name none.
 */
function refusalOf({ url, headers }: IncomingMessage, origins: readonly string[]): Buffer | undefined {
  const { origin } = headers;
  if (origin !== undefined && !origins.includes(origin)) {
    return httpRefusal(
      403,
      `pages of ${JSON.stringify(origin)} may not connect; see origins in docs/server.md`,
    );
  }
  if (url !== '/') return httpRefusal(404, 'the path is /');
  const offered = headers['sec-websocket-protocol'];
  if (offered !== undefined && !offered.split(',').some((name) => name.trim() === WEBSOCKET_SUBPROTOCOL)) {
    return httpRefusal(400, `the subprotocol is ${WEBSOCKET_SUBPROTOCOL}`);
  }
  return undefined;
}
