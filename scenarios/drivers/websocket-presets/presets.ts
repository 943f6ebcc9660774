import { broadcastRoom } from './broadcast-room.js';
import { centrifugo } from './centrifugo.js';
import { echo } from './echo.js';
import { graphqlTransportWs } from './graphql-transport-ws.js';
import { jsonChat } from './json-chat.js';
import { phoenix } from './phoenix.js';
import type { WebSocketPreset } from './preset.js';
import { signalr } from './signalr.js';

export const PRESET_NAMES = [
  'echo',
  'json-chat',
  'broadcast-room',
  'graphql-transport-ws',
  'phoenix',
  'centrifugo',
  'signalr',
] as const;

/** Servers that many people have, by the name that a scenario calls them: `preset`. */
export const WEBSOCKET_PRESETS: Readonly<Record<(typeof PRESET_NAMES)[number], WebSocketPreset>> = {
  echo,
  'json-chat': jsonChat,
  'broadcast-room': broadcastRoom,
  'graphql-transport-ws': graphqlTransportWs,
  phoenix,
  centrifugo,
  signalr,
};
