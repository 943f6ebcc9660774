import { WEBSOCKET_SUBPROTOCOL } from '../../../protocol/frame.js';
import type { Credentials } from '../../../protocol/user-token.js';
import type { Driver } from '../driver.js';
import { C2mClients } from './c2m-clients.js';

export interface C2mSettings {
  /** What clients log in with; null: the server asks for nothing. */
  credentials: Credentials | null;
}

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
