import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import type { Driver } from '../driver.js';
import { XmppClients } from './xmpp-clients.js';

/** XMPP: RFC 6120 and 6121, with receipts (XEP-0184), stream management (XEP-0198) and rooms (XEP-0045). */
export const driver: Driver<XmppSettings> = {
  name: 'xmpp',
  promises: ({ receipts, streamManagement }) => ({
    accepted: streamManagement,
    receipt: receipts,
    // Nobody acknowledges what is said in a room.
    groups: !receipts,
    storesForAway: true,
    // A room keeps nothing for members who are not in it.
    groupsStoreForAway: false,
    // A <delay/> says that a message waited, not that it may have come before.
    marksRedelivery: false,
    // Servers do not look at ids: what is sent again is another message to them.
    recognizesRepetitions: false,
    order: 'per-sender',
    delivery: streamManagement ? 'at-least-once' : 'at-most-once',
    recipient: 'partner',
  }),
  problems: ({ streamManagement, resume }) =>
    resume && !streamManagement
      ? [
          'target.driver.xmpp.resume: is a part of stream management, which is off; write streamManagement: true, or resume: false',
        ]
      : [],
  groupsNeed: 'write receipts: false, because nobody acknowledges what is said in a room',
  framing: ({ domain }) => ({
    carriers: ['tcp', 'tls'],
    webSocketMessages: 'stream',
    subprotocols: [],
    // XEP-0368.
    tls: { serverName: domain, alpn: ['xmpp-client'] },
  }),
  create: (settings, clients, events) => new XmppClients(settings, clients, events),
};
