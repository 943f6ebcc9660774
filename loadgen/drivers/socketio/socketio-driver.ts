import type { SocketioSettings } from '../../../scenarios/drivers/socketio-schema.js';
import type { Driver } from '../driver.js';
import { SocketioClients } from './socketio-clients.js';

/** Socket.IO over WebSocket. What it promises is what the events of that server mean, as the settings say. */
export const driver: Driver<SocketioSettings> = {
  name: 'socketio',
  promises: ({ acknowledgement, receipt, sendToGroup, server, recipient }) => ({
    accepted: acknowledgement,
    receipt: receipt !== undefined,
    groups: sendToGroup !== undefined,
    storesForAway: server.storesForAway,
    marksRedelivery: false,
    recognizesRepetitions: server.recognizesRepetitions,
    order: 'per-sender',
    // What was not acknowledged is sent again, and a server that keeps messages may deliver one twice.
    delivery: acknowledgement || server.storesForAway ? 'at-least-once' : 'at-most-once',
    recipient,
  }),
  groupsNeed: 'write sendToGroup, and join where a room has to be entered',
  framing: () => ({
    carriers: ['ws', 'wss'],
    webSocketMessages: 'text',
    subprotocols: [],
    path: '/socket.io/?EIO=4&transport=websocket',
  }),
  create: (settings, clients, events) => new SocketioClients(settings, clients, events),
};
