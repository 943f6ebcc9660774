import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import type { Endpoint, TlsPlan } from '../agent-messages.js';
import type { Transport, TransportListener } from './transport.js';

/** Of one socket, that a server has not taken yet; more, and it is cut. */
const MOST_UNSENT_BYTES = 16 * 1024 * 1024;

/** Reads of all sockets land here: a read is handled before the next one happens. */
const READ_BUFFER_BYTES = 64 * 1024;

/** A socket that knows its client, so that all sockets share their handlers. */
type ClientSocket = Socket & {
  c2mClient: number;
  c2mReason?: string;
  /** Whose certificate TLS expects that begins later: Node itself knows only names, and no addresses. */
  c2mHost: string;
  /** What TLS was begun on when it was open already. */
  c2mUnder?: ClientSocket;
};

export interface SocketOptions extends TlsPlan {
  /** Any certificate will do. */
  isInsecure: boolean;
  /** Protocols of which a client of TLS asks for one. */
  alpn?: readonly string[];
  /** See `Framing`. */
  beginsTls?: boolean;
}

/** TCP and TLS through the kernel. */
export class SocketTransport implements Transport {
  readonly #sockets: (ClientSocket | undefined)[];
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  /** The same for all clients: what each of them added of its own would cost memory. */
  readonly #tls: ConnectionOptions;
  readonly #alpn: string[];
  readonly #beginsTls: boolean;
  readonly #onOpen: (this: Socket) => void;
  readonly #onSecured: (this: Socket) => void;
  readonly #onRead: (bytes: number, buffer: Uint8Array) => boolean;
  readonly #onData: (this: Socket, bytes: Buffer) => void;
  readonly #onClose: (this: Socket) => void;

  constructor(
    clients: number,
    listener: TransportListener,
    { isInsecure, serverName = '', alpn = [], beginsTls = false, ca, cert, key }: SocketOptions,
  ) {
    const sockets = new Array<ClientSocket | undefined>(clients);
    this.#sockets = sockets;
    this.#tls = {
      secureContext: createSecureContext({ ca, cert, key }),
      rejectUnauthorized: !isInsecure,
      // An address is no name that could be asked for (section 3 of RFC 6066).
      ...(serverName === '' || isIP(serverName) ? {} : { servername: serverName }),
    };
    this.#alpn = [...alpn];
    this.#beginsTls = beginsTls;
    const readBuffer = this.#readBuffer;
    this.#onOpen = function (this: Socket) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] === socket) listener.opened(socket.c2mClient);
    };
    this.#onSecured = function (this: Socket) {
      const socket = this as ClientSocket;
      if (sockets[socket.c2mClient] === socket) listener.secured?.(socket.c2mClient);
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
    const { host, name, port } = endpoint;
    const local = sourceAddress === undefined ? {} : { localAddress: sourceAddress };
    let socket: ClientSocket;
    if (endpoint.protocol === 'wss' || (endpoint.protocol === 'tls' && !this.#beginsTls)) {
      socket = connectTls({
        host,
        port,
        ...local,
        ...(name === undefined ? {} : { servername: name }),
        ...this.#tls,
        ...(this.#alpn.length > 0 ? { ALPNProtocols: this.#alpn } : {}),
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
    socket.c2mHost = name ?? host;
    socket.on('error', onError);
    socket.on('close', this.#onClose);
    this.#sockets[client] = socket;
  }

  send(client: number, bytes: Buffer): boolean {
    const socket = this.#sockets[client];
    // Behind its end nothing can be said any more; what the server still sends is read.
    if (!socket || socket.writableEnded) return true;
    if (socket.writableLength > 0) {
      // The server does not read: what waits for it should not hold more than itself, and not all of the memory.
      if (socket.writableLength > MOST_UNSENT_BYTES) this.#fail(socket, 'SendBufferFull');
      else socket.write(Buffer.from(bytes));
      return true;
    }
    socket.write(bytes);
    return socket.writableLength === 0;
  }

  startTls(client: number): boolean {
    const under = this.#sockets[client];
    if (!under) return false;
    const socket = connectTls({
      host: under.c2mHost,
      ...(isIP(under.c2mHost) ? {} : { servername: under.c2mHost }),
      ...this.#tls,
      socket: under,
    }) as unknown as ClientSocket;
    socket.c2mClient = client;
    socket.c2mHost = under.c2mHost;
    socket.c2mUnder = under;
    socket.once('secureConnect', this.#onSecured);
    socket.on('data', this.#onData);
    socket.on('error', onError);
    socket.on('close', this.#onClose);
    this.#sockets[client] = socket;
    return true;
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

  #fail(socket: ClientSocket, reason: string): void {
    socket.c2mReason ??= reason;
    socket.destroy();
  }

  cut(client: number): void {
    const socket = this.#sockets[client];
    if (!socket) return;
    socket.c2mReason = 'Cut';
    const under = socket.c2mUnder ?? socket;
    // Where TLS has made the connection there is nothing under it that Node could reset: it ends without a goodbye.
    if (under.connecting || under instanceof TLSSocket) under.destroy();
    else under.resetAndDestroy();
  }
}

function onError(this: Socket, error: NodeJS.ErrnoException): void {
  const socket = this as ClientSocket;
  socket.c2mReason ??= error.code ?? error.message;
}
