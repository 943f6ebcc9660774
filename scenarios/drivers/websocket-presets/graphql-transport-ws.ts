import type { WebSocketPreset } from './preset.js';

/**
 * GraphQL over WebSocket, https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md: a subscription is the inbox,
 * a mutation on the same connection sends. The fields of the schema are an application's own: override `subscribe`,
 * `send` and `match.delivered`, and `join` and `sendToGroup` for groups. The protocol does not say when a subscription stands.
 */
export const graphqlTransportWs: WebSocketPreset = {
  subprotocols: ['graphql-transport-ws'],
  login: '{"type":"connection_init"}',
  loggedIn: { json: { type: 'connection_ack' } },
  subscribe:
    '{"id":"inbox","type":"subscribe","payload":{"query":"subscription ($user: ID!) { received(user: $user) { body } }","variables":{"user":"{{user}}"}}}',
  join: '{"id":"room","type":"subscribe","payload":{"query":"subscription ($room: ID!) { receivedInRoom(room: $room) { body } }","variables":{"room":"{{group}}"}}}',
  send: '{"id":"{{sequence}}","type":"subscribe","payload":{"query":"mutation ($to: ID!, $body: String!) { send(to: $to, body: $body) }","variables":{"to":"{{to}}","body":"{{payload}}"}}}',
  sendToGroup:
    '{"id":"{{sequence}}","type":"subscribe","payload":{"query":"mutation ($room: ID!, $body: String!) { sendToRoom(room: $room, body: $body) }","variables":{"room":"{{group}}","body":"{{payload}}"}}}',
  match: {
    delivered: [
      { json: { type: 'next', id: 'inbox' }, payload: 'payload.data.received.body' },
      { json: { type: 'next', id: 'room' }, payload: 'payload.data.receivedInRoom.body' },
    ],
    // Only the ids of mutations are numbers.
    accepted: { json: { type: 'next', 'payload.errors': { exists: false } }, sequence: 'id' },
    refused: [
      {
        json: { type: 'next', 'payload.errors': { exists: true } },
        sequence: 'id',
        reason: 'payload.errors.0.message',
      },
      { json: { type: 'error' }, sequence: 'id', reason: 'payload.0.message' },
    ],
    ping: { json: { type: 'ping' }, answer: '{"type":"pong"}' },
  },
  heartbeat: '{"type":"ping"}',
};
