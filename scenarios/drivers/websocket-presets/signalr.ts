import type { WebSocketPreset } from './preset.js';

/**
 * ASP.NET Core SignalR, its JSON hub protocol
 * (https://github.com/dotnet/aspnetcore/blob/main/src/SignalR/docs/specs/HubProtocol.md), without negotiation. Each record
 * ends with the character 0x1e. The hub's methods are an application's own.
 */
export const signalr: WebSocketPreset = {
  separator: '\u001e',
  login: '{"protocol":"json","version":1}\u001e',
  loggedIn: { text: '^\\{\\}$' },
  subscribe: '{"type":1,"invocationId":"login","target":"Login","arguments":["{{user}}"]}\u001e',
  subscribed: { json: { type: 3, invocationId: 'login', error: { exists: false } } },
  join: '{"type":1,"invocationId":"join","target":"Join","arguments":["{{group}}"]}\u001e',
  joined: { json: { type: 3, invocationId: 'join', error: { exists: false } } },
  send: '{"type":1,"invocationId":"{{sequence}}","target":"Send","arguments":["{{to}}","{{payload}}"]}\u001e',
  sendToGroup:
    '{"type":1,"invocationId":"{{sequence}}","target":"SendToGroup","arguments":["{{group}}","{{payload}}"]}\u001e',
  match: {
    delivered: { json: { type: 1, target: 'Receive' }, payload: 'arguments.0' },
    accepted: { json: { type: 3, error: { exists: false } }, sequence: 'invocationId' },
    refused: [
      { json: { type: 3, error: { exists: true } }, sequence: 'invocationId', reason: 'error' },
      // The answer to the handshake.
      { json: { type: { exists: false }, error: { exists: true } }, reason: 'error' },
    ],
    ping: { json: { type: 6 } },
    ended: { json: { type: 7 }, reason: 'error' },
  },
  heartbeat: '{"type":6}\u001e',
};
