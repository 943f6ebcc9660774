import type { WebSocketPreset } from './preset.js';

/**
 * Centrifugo, its JSON protocol, https://centrifugal.dev/docs/transports/client_protocol: everybody subscribes to a channel
 * of their own and publishes into that of others, which the namespace has to allow. The ids of what is said at the login
 * are above those of all messages.
 */
export const centrifugo: WebSocketPreset = {
  separator: '\n',
  login: '{"id":4294967295,"connect":{"token":"{{token}}"}}',
  loggedIn: { json: { connect: { exists: true } } },
  subscribe: '{"id":4294967294,"subscribe":{"channel":"user-{{user}}"}}',
  subscribed: { json: { id: 4_294_967_294, subscribe: { exists: true } } },
  join: '{"id":4294967293,"subscribe":{"channel":"room-{{group}}"}}',
  joined: { json: { id: 4_294_967_293, subscribe: { exists: true } } },
  send: '{"id":{{sequence}},"publish":{"channel":"user-{{to}}","data":{"body":"{{payload}}"}}}',
  sendToGroup: '{"id":{{sequence}},"publish":{"channel":"room-{{group}}","data":{"body":"{{payload}}"}}}',
  match: {
    delivered: { json: { 'push.pub': { exists: true } }, payload: 'push.pub.data.body' },
    accepted: { json: { publish: { exists: true } }, sequence: 'id' },
    refused: { json: { error: { exists: true } }, sequence: 'id', reason: 'error.message' },
    ping: { text: '^\\{\\}$', answer: '{}' },
    ended: { json: { 'push.disconnect': { exists: true } }, reason: 'push.disconnect.reason' },
  },
};
