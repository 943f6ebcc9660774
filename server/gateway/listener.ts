import cluster from 'node:cluster';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { ListenAddress } from '../config.js';
import type { Certificate } from './certificate.js';
import type { Doorkeeper } from './doorkeeper.js';
import { OVERLOADED, partWith, TLS_ALERT } from './graceful-close.js';
import type { Upgrade, UpgraderOptions } from './upgrader.js';
import { adoptSocket, closeListener, listenToSocket } from './wire.js';

export interface ListenerOptions extends UpgraderOptions {
  address: ListenAddress;
  /** Shares its port with no other worker. */
  isExclusive: boolean;
  certificate: Certificate | undefined;
  /** One for all listeners of the worker. */
  door: Doorkeeper;
}

/** One address that accepts connections, whatever carries the frames on it. */
export class Listener {
  /** With the port that the kernel chose, once it listens. */
  #address: ListenAddress;
  readonly #server: Server;
  readonly #isExclusive: boolean;
  #configuredPort: number;
  #isStarting = false;

  static async make(options: ListenerOptions): Promise<Listener> {
    const { protocol } = options.address;
    if (protocol === 'tcp' || protocol === 'tls') return new Listener(options, undefined);
    // Loaded for those who want it: a process takes as long for it as for a third of all else.
    const { createUpgrader } = await import('./upgrader.js');
    return new Listener(options, createUpgrader(options));
  }

  private constructor(options: ListenerOptions, upgrade: Upgrade | undefined) {
    this.#address = options.address;
    this.#isExclusive = options.isExclusive;
    this.#configuredPort = options.address.port;
    const pauseOnConnect = options.address.protocol === 'tcp';
    this.#server = createServer({ noDelay: true, pauseOnConnect }, chooseTaker(options, upgrade));
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
    const before = this.#address.port;
    if (before !== 0 && port !== before) {
      // All workers had left it, and the kernel chose another: from now on it is asked for by its number.
      this.#configuredPort = before;
      // Its callback would wait for the connections that are open.
      this.#server.close();
      return this.listen();
    }
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

function chooseTaker(options: ListenerOptions, upgrade: Upgrade | undefined): (socket: Socket) => void {
  const { certificate, loginTimeoutMs, door } = options;
  const { protocol } = options.address;
  if (protocol === 'tcp') {
    const onClose = closeListener(door.left);
    return (accepted) => {
      const socket = door.isFull ? accepted : adoptSocket(accepted);
      if (!door.admits(socket, true)) {
        partWith(socket, OVERLOADED);
        return;
      }
      const listener = options.accept(socket);
      if (listener) {
        listenToSocket(socket, listener, onClose);
      } else {
        socket.on('close', door.left);
        socket.destroy();
      }
    };
  }
  if (protocol === 'ws' && upgrade) return (socket) => upgrade(socket, !door.admits(socket));
  if (!certificate) throw new Error(`${protocol} needs a certificate`);
  const tls: TlsServer = createTlsServer({ ...certificate, handshakeTimeout: loginTimeoutMs });
  // Peers that break the handshake are none of ours: they are told, and let go.
  tls.on('tlsClientError', (_error, socket) => partWith(carrierOf(socket), TLS_ALERT));
  tls.on('secureConnection', (socket) => {
    const isTurnedAway = door.isTurnedAway(carrierOf(socket) ?? socket);
    if (upgrade) upgrade(socket, isTurnedAway);
    else if (isTurnedAway) partWith(socket, OVERLOADED);
    else acceptSocket(socket, options);
  });
  return (socket) => {
    door.admits(socket);
    if (!socket.destroyed) tls.emit('connection', socket);
  };
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
