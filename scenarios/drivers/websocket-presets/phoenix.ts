import type { WebSocketPreset } from './preset.js';

/**
 * Phoenix channels, serializer 2 ([join_ref, ref, topic, event, payload]; the address ends in
 * /socket/websocket?vsn=2.0.0): everybody joins a topic of their own, rooms are topics. Topics and the event `message` are
 * an application's own.
 */
export const phoenix: WebSocketPreset = {
  login: '["login","login","user:{{user}}","phx_join",{}]',
  loggedIn: { json: { '1': 'login', '3': 'phx_reply', '4.status': 'ok' } },
  join: '["room","room","room:{{group}}","phx_join",{}]',
  joined: { json: { '1': 'room', '3': 'phx_reply', '4.status': 'ok' } },
  send: '["login","{{sequence}}","user:{{user}}","message",{"to":"{{to}}","body":"{{payload}}"}]',
  sendToGroup: '["room","{{sequence}}","room:{{group}}","message",{"body":"{{payload}}"}]',
  match: {
    delivered: { json: { '3': 'message' }, payload: '4.body' },
    // The refs of joins and heartbeats are no numbers.
    accepted: { json: { '3': 'phx_reply', '4.status': 'ok' }, sequence: '1' },
    refused: { json: { '3': 'phx_reply', '4.status': 'error' }, sequence: '1', reason: '4.response.reason' },
    ended: { json: { '3': ['phx_error', 'phx_close'] }, reason: '3' },
  },
  heartbeat: '[null,"heartbeat","phoenix","heartbeat",{}]',
};
