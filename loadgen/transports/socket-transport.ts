import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { Endpoint } from '../agent-messages.js';
import type { Transport, TransportListener } from './transport.js';

/** Reads of all sockets land here: a read is handled before the next one happens. */
const READ_BUFFER_BYTES = 64 * 1024;

/** A socket that knows its client, so that all sockets share their handlers. */
type ClientSocket = Socket & { c2mClient: number; c2mReason?: string };

/** TCP and TLS through the kernel. */
export class SocketTransport implements Transport {
  readonly #sockets: (ClientSocket | undefined)[];
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #secureContext = createSecureContext();
  readonly #isInsecure: boolean;
  readonly #onOpen: (this: Socket) => void;
  readonly #onRead: (bytes: number, buffer: Uint8Array) => boolean;
  readonly #onData: (this: Socket, bytes: Buffer) => void;
  readonly #onClose: (this: Socket) => void;

  constructor(clients: number, isInsecure: boolean, listener: TransportListener) {
    const sockets = new Array<ClientSocket | undefined>(clients);
    this.#sockets = sockets;
    this.#isInsecure = isInsecure;
    const readBuffer = this.#readBuffer;
    this.#onOpen = function (this: Socket) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] === socket) listener.opened(socket.c2mClient);
    };
    this.#onRead = function (this: unknown, bytes: number) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] === socket)
        listener.received(socket.c2mClient, readBuffer.subarray(0, bytes));
      return true;
    };
    this.#onData = function (this: Socket, bytes: Buffer) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] === socket) listener.received(socket.c2mClient, bytes);
    };
    this.#onClose = function (this: Socket) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] !== socket) return;
      sockets[socket.c2mClient] = undefined;
      listener.closed(socket.c2mClient, socket.c2mReason ?? 'PeerClosed');
    };
  }

  open(client: number, endpoint: Endpoint, sourceAddress: string | undefined): void {
    const { host, port } = endpoint;
    const local = sourceAddress === undefined ? {} : { localAddress: sourceAddress };
    let socket: ClientSocket;
    if (endpoint.protocol === 'tls' || endpoint.protocol === 'wss') {
      socket = connectTls({
        host,
        port,
        ...local,
        secureContext: this.#secureContext,
        rejectUnauthorized: !this.#isInsecure,
      }) as unknown as ClientSocket;
      socket.setNoDelay(true);
      socket.once('secureConnect', this.#onOpen);
      socket.on('data', this.#onData);
    } else {
      socket = connectTcp({
        host,
        port,
        ...local,
        noDelay: true,
        onread: { buffer: this.#readBuffer, callback: this.#onRead },
      }) as ClientSocket;
      socket.once('connect', this.#onOpen);
    }
    socket.c2mClient = client;
    socket.on('error', onError);
    socket.on('close', this.#onClose);
    this.#sockets[client] = socket;
  }

  send(client: number, bytes: Buffer): boolean {
    const socket = this.#sockets[client];
    if (!socket) return true;
    socket.write(bytes);
    return socket.writableLength === 0;
  }

  end(client: number): void {
    this.#sockets[client]?.end();
  }

  pause(client: number): void {
    this.#sockets[client]?.pause();
  }

  resume(client: number): void {
    this.#sockets[client]?.resume();
  }

  cut(client: number): void {
    const socket = this.#sockets[client];
    if (!socket) return;
    socket.c2mReason = 'Cut';
    if (socket.connecting) socket.destroy();
    else socket.resetAndDestroy();
  }
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  const socket = this as ClientSocket;
  socket.c2mReason ??= error.code ?? error.message;
}
