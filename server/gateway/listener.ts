import cluster from 'node:cluster';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { WebSocketServer } from 'ws';
import { WEBSOCKET_SUBPROTOCOL } from '../../protocol/frame.js';
import type { ListenAddress } from '../config.js';
import type { Certificate } from './certificate.js';
import { BAD_REQUEST, partWith, TLS_ALERT } from './graceful-close.js';
import {
  adoptSocket,
  listenToSocket,
  listenToWebSocket,
  WebSocketWire,
  type Wire,
  type WireListener,
} from './wire.js';

/** Several frames may share a WebSocket message; this bounds what one may hold. */
const MAX_WEBSOCKET_MESSAGE_BYTES = 1_048_576;

export interface ListenerOptions {
  address: ListenAddress;
  /** Shares its port with no other worker. */
  isExclusive: boolean;
  certificate: Certificate | undefined;
  loginTimeoutMs: number;
  /** Makes the session for a new connection; undefined refuses it. */
  accept(wire: Wire): WireListener | undefined;
}

/** One address that accepts connections, whatever carries the frames on it. */
export class Listener {
  /** With the port that the kernel chose, once it listens. */
  #address: ListenAddress;
  readonly #server: Server;
  readonly #isExclusive: boolean;
  readonly #configuredPort: number;
  #isStarting = false;

  constructor(options: ListenerOptions) {
    this.#address = options.address;
    this.#isExclusive = options.isExclusive;
    this.#configuredPort = options.address.port;
    const pauseOnConnect = options.address.protocol === 'tcp';
    this.#server = createServer({ noDelay: true, pauseOnConnect }, chooseTaker(options));
  }

  /** @throws the system's error, such as EADDRINUSE */
  async listen(): Promise<ListenAddress> {
    this.#isStarting = true;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const { host } = this.#address;
      // Workers share a port by having asked the primary for the same one, which may have been 0.
      const isShared = cluster.isWorker && !this.#isExclusive;
      const port = isShared ? this.#configuredPort : this.#address.port;
      this.#server.listen({ host, port, backlog: 65_535, exclusive: this.#isExclusive }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    }).finally(() => {
      this.#isStarting = false;
    });
    const { port } = this.#server.address() as AddressInfo;
    this.#address = { ...this.#address, port };
    return this.#address;
  }

  /** True from the call of `listen` on: a worker asks its primary for the port, and that takes a while. */
  get isListening(): boolean {
    return this.#isStarting || this.#server.listening;
  }

  /** Stops accepting; open connections stay, and `listen` may be called again. */
  stop(): void {
    if (this.#server.listening) this.#server.close();
  }
}

function chooseTaker(options: ListenerOptions): (socket: Socket) => void {
  const { certificate, loginTimeoutMs } = options;
  const { protocol } = options.address;
  if (protocol === 'tcp') return (socket) => acceptSocket(adoptSocket(socket), options);
  if (protocol === 'ws') return createUpgrader(options);
  if (!certificate) throw new Error(`${protocol} needs a certificate`);
  const tls: TlsServer = createTlsServer({ ...certificate, handshakeTimeout: loginTimeoutMs });
  // Peers that break the handshake are none of ours: they are told, and let go.
  tls.on('tlsClientError', (_error, socket) => partWith(carrierOf(socket), TLS_ALERT));
  const upgrade = protocol === 'wss' ? createUpgrader(options) : undefined;
  tls.on('secureConnection', (socket) => (upgrade ? upgrade(socket) : acceptSocket(socket, options)));
  return (socket) => tls.emit('connection', socket);
}

/** The connection under a TLS socket: Node has no public name for it. */
function carrierOf(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { _parent?: Socket })._parent;
}

function acceptSocket(socket: Socket, options: ListenerOptions): void {
  const listener = options.accept(socket);
  if (listener) listenToSocket(socket, listener);
  else socket.destroy();
}

/** An HTTP server that knows nothing but the upgrade to WebSocket; returns what takes a fresh connection. */
function createUpgrader(options: ListenerOptions): (socket: Socket) => void {
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    skipUTF8Validation: true,
    maxPayload: MAX_WEBSOCKET_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(WEBSOCKET_SUBPROTOCOL) ? WEBSOCKET_SUBPROTOCOL : false),
  });
  // An HTTP server that never listens itself checks no time-outs, so each handshake has its own.
  const handshakes = new WeakMap<object, NodeJS.Timeout>();
  const server = createHttpServer((_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close', upgrade: 'websocket' });
    response.end('This port speaks the c2m protocol over WebSocket; see docs/protocol.md.\n');
  });
  server.on('clientError', (_error, socket) => partWith(socket as Socket, BAD_REQUEST));
  server.on('upgrade', (request, socket, head) => {
    clearTimeout(handshakes.get(socket));
    // Else the timer would live as long as the connection.
    handshakes.delete(socket);
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const listener = options.accept(new WebSocketWire(webSocket, socket as Socket));
      if (listener) listenToWebSocket(webSocket, socket as Socket, listener);
      else webSocket.terminate();
    });
  });
  return (socket) => {
    handshakes.set(socket, setTimeout(() => socket.destroy(), options.loginTimeoutMs).unref());
    server.emit('connection', socket);
  };
}
