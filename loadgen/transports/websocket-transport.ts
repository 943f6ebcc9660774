import { WebSocket } from 'ws';
import { WEBSOCKET_SUBPROTOCOL } from '../../protocol/frame.js';
import type { Endpoint } from '../agent-messages.js';
import type { Transport, TransportListener } from './transport.js';

type ClientWebSocket = WebSocket & { c2mClient: number; c2mReason?: string };

/** The same byte streams in binary WebSocket messages, through `ws`. */
export class WebSocketTransport implements Transport {
  readonly #webSockets: (ClientWebSocket | undefined)[];
  readonly #isInsecure: boolean;
  readonly #onOpen: (this: WebSocket) => void;
  readonly #onMessage: (this: WebSocket, data: Buffer) => void;
  readonly #onClose: (this: WebSocket) => void;

  constructor(clients: number, isInsecure: boolean, listener: TransportListener) {
    const webSockets = new Array<ClientWebSocket | undefined>(clients);
    this.#webSockets = webSockets;
    this.#isInsecure = isInsecure;
    this.#onOpen = function (this: WebSocket) {
      const webSocket = this as ClientWebSocket;
      if (webSockets[webSocket.c2mClient] === webSocket) listener.opened(webSocket.c2mClient);
    };
    this.#onMessage = function (this: WebSocket, data: Buffer) {
      const webSocket = this as ClientWebSocket;
      if (webSockets[webSocket.c2mClient] === webSocket) listener.received(webSocket.c2mClient, data);
    };
    this.#onClose = function (this: WebSocket) {
      const webSocket = this as ClientWebSocket;
      if (webSockets[webSocket.c2mClient] !== webSocket) return;
      webSockets[webSocket.c2mClient] = undefined;
      listener.closed(webSocket.c2mClient, webSocket.c2mReason ?? 'PeerClosed');
    };
  }

  open(client: number, endpoint: Endpoint, sourceAddress: string | undefined): void {
    const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
    const webSocket = new WebSocket(
      `${endpoint.protocol}://${host}:${endpoint.port}`,
      WEBSOCKET_SUBPROTOCOL,
      {
        perMessageDeflate: false,
        skipUTF8Validation: true,
        rejectUnauthorized: !this.#isInsecure,
        ...(sourceAddress === undefined ? {} : { localAddress: sourceAddress }),
      },
    ) as ClientWebSocket;
    webSocket.c2mClient = client;
    webSocket.on('open', this.#onOpen);
    webSocket.on('message', this.#onMessage);
    webSocket.on('error', onError);
    webSocket.on('close', this.#onClose);
    this.#webSockets[client] = webSocket;
  }

  send(client: number, bytes: Buffer): boolean {
    const webSocket = this.#webSockets[client];
    if (!webSocket) return true;
    webSocket.send(bytes);
    return webSocket.bufferedAmount === 0;
  }

  end(client: number): void {
    this.#webSockets[client]?.close(1000);
  }

  pause(client: number): void {
    this.#webSockets[client]?.pause();
  }

  resume(client: number): void {
    this.#webSockets[client]?.resume();
  }

  cut(client: number): void {
    const webSocket = this.#webSockets[client];
    if (!webSocket) return;
    webSocket.c2mReason = 'Cut';
    webSocket.terminate();
  }
}

function onError(this: WebSocket, error: NodeJS.ErrnoException): void {
  const webSocket = this as ClientWebSocket;
  webSocket.c2mReason ??= error.code ?? error.message;
}
