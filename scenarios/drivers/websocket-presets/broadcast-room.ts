import type { WebSocketPreset } from './preset.js';

/** A server that sends what it gets to everybody who is connected, with or without its sender: all are one group. */
export const broadcastRoom: WebSocketPreset = {
  sendToGroup: '{{payload}}',
  match: { delivered: { text: '^(?<payload>[A-Za-z0-9+/]+=*)$' } },
};
