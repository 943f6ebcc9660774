import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The peer that the server is measured against: a bare relay on `ws`. It promises nothing: the first message
 * of a connection is its number, every other one goes to the neighbour (number ^ 1), if that is there.
 */
const connections: (WebSocket | undefined)[] = [];
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  perMessageDeflate: false,
  clientTracking: false,
  skipUTF8Validation: true,
});

server.on('connection', (webSocket) => {
  let partner = -1;
  webSocket.on('message', (data: Buffer) => {
    if (partner >= 0) {
      connections[partner]?.send(data);
      return;
    }
    const self = data.readUInt32BE(0);
    connections[self] = webSocket;
    partner = self ^ 1;
    webSocket.send(data);
  });
});

server.on('listening', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit(0));
