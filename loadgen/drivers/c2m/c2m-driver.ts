import { WEBSOCKET_SUBPROTOCOL } from '../../../protocol/frame.js';
import type { Driver } from '../driver.js';
import { C2mClients } from './c2m-clients.js';
import type { C2mSettings } from './c2m-settings.js';

/** The protocol of the reference server. */
export const driver: Driver<C2mSettings> = {
  name: 'c2m',
  promises: () => ({
    accepted: true,
    receipt: true,
    groups: true,
    storesForAway: true,
    marksRedelivery: true,
    recognizesRepetitions: true,
    order: 'per-sender',
    delivery: 'at-least-once',
    recipient: 'partner',
  }),
  framing: () => ({
    carriers: ['tcp', 'tls', 'ws', 'wss'],
    webSocketMessages: 'stream',
    subprotocols: [WEBSOCKET_SUBPROTOCOL],
  }),
  create: (own, clients, events) => new C2mClients(own, clients, events),
};
