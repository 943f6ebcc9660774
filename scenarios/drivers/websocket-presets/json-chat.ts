import type { WebSocketPreset } from './preset.js';

/** The chat of examples/json-chat: JSON with a `type`, direct messages, rooms, acknowledgements, read receipts. */
export const jsonChat: WebSocketPreset = {
  login: '{"type":"login","user":"{{user}}"}',
  loggedIn: { json: { type: 'welcome' } },
  join: '{"type":"join","room":"{{group}}"}',
  joined: { json: { type: 'joined' } },
  send: '{"type":"message","to":"{{to}}","id":{{sequence}},"body":"{{payload}}"}',
  sendToGroup: '{"type":"message","room":"{{group}}","id":{{sequence}},"body":"{{payload}}"}',
  match: {
    delivered: {
      json: { type: 'message' },
      payload: 'body',
      answer: '{"type":"read","to":"{{message.from}}","id":{{message.id}}}',
    },
    accepted: { json: { type: 'ack' }, sequence: 'id' },
    receipted: { json: { type: 'read' }, sequence: 'id', by: 'from' },
    refused: { json: { type: 'error' }, sequence: 'id', reason: 'code' },
    ping: { json: { type: 'ping' }, answer: '{"type":"pong"}' },
  },
  heartbeat: '{"type":"ping"}',
};
