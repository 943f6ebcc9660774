import type { WebSocketPreset } from './preset.js';

/** A server that sends back what it gets: the sender is the recipient. */
export const echo: WebSocketPreset = {
  send: '{{payload}}',
  match: { delivered: { text: '^(?<payload>[A-Za-z0-9+/]+=*)$' } },
  recipient: 'sender',
};
