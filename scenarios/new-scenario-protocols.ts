import { PRESET_NAMES, WEBSOCKET_PRESETS } from './drivers/websocket-presets/presets.js';

/** What `c2m init` writes for a protocol. */
export interface NewProtocol {
  /** For the question which one. */
  summary: string;
  /** Where its servers usually listen; null: the reference server, which the lab starts. */
  address: string | null;
  /** What an address may begin with. */
  carriers: readonly string[];
  /** Lines of `target.driver`; undefined: our own protocol. */
  driver?: readonly string[];
  /** All clients are one group, so each message is for all of them. */
  isOneGroup?: boolean;
}

const WEBSOCKET = ['ws', 'wss'];
const TCP = ['tcp', 'tls'];

/** The chat of examples/json-chat, in full: what somebody changes for a server of their own. */
const JSON_OVER_WEBSOCKET = [
  '# What a client writes, and how it knows what the server says. These are the words of examples/json-chat of c2m:',
  '# put those of your server there. {{user}} is the number of a user, {{payload}} carries what is measured.',
  'websocket:',
  `  login: '{"type":"login","user":"{{user}}"}'`,
  '  loggedIn: { json: { type: welcome } }',
  `  send: '{"type":"message","to":"{{to}}","id":{{sequence}},"body":"{{payload}}"}'`,
  '  match:',
  '    # A message has come: where its payload stands, and what the client answers.',
  '    delivered:',
  '      json: { type: message }',
  '      payload: body',
  `      answer: '{"type":"read","to":"{{message.from}}","id":{{message.id}}}'`,
  '    # The server has taken a message; leave it out if yours says nothing.',
  '    accepted: { json: { type: ack }, sequence: id }',
  '    # The recipient has read it.',
  '    receipted: { json: { type: read }, sequence: id, by: from }',
  '    refused: { json: { type: error }, sequence: id, reason: code }',
  `    ping: { json: { type: ping }, answer: '{"type":"pong"}' }`,
  `  heartbeat: '{"type":"ping"}'`,
];

const OWN: Record<string, NewProtocol> = {
  c2m: {
    summary: 'the reference server, which the lab starts',
    address: null,
    carriers: [...TCP, ...WEBSOCKET],
  },
  websocket: {
    summary: 'JSON, or any text, in WebSocket messages',
    address: 'ws://127.0.0.1:8080',
    carriers: WEBSOCKET,
    driver: JSON_OVER_WEBSOCKET,
  },
  socketio: {
    summary: 'Socket.IO',
    address: 'ws://127.0.0.1:3000',
    carriers: WEBSOCKET,
    driver: [
      'socketio:',
      '  # The event with which a client logs in, and is acknowledged; leave it out if there is none.',
      `  login: { event: login, arguments: ['{{user}}'] }`,
      '  # What it sends to another one, and the event with which messages come: the payload is argument 0.',
      `  send: { event: message, arguments: ['{{to}}', '{{payload}}'] }`,
      `  message: { event: message, payload: '0' }`,
    ],
  },
  mqtt: {
    summary: 'MQTT 3.1.1 or 5',
    address: 'tcp://127.0.0.1:1883',
    carriers: [...TCP, ...WEBSOCKET],
    driver: [
      '# Everybody subscribes to a topic of their own, c2m/user/<number>, and publishes to those of others.',
      'mqtt: { version: 4, qos: 1 }',
    ],
  },
  nats: {
    summary: 'NATS, core or JetStream',
    address: 'tcp://127.0.0.1:4222',
    carriers: [...TCP, ...WEBSOCKET],
    driver: ['# jetstream: the server stores messages, and says so.', 'nats: { mode: core }'],
  },
  xmpp: {
    summary: 'XMPP',
    address: 'tcp://127.0.0.1:5222',
    carriers: TCP,
    driver: [
      '# register: each client registers its user, if the server lets it; else users user1, user2 … must be there,',
      '# with the passwords password1, password2 …',
      'xmpp: { domain: localhost, register: true }',
    ],
  },
};

const PRESET_WORDS: Record<(typeof PRESET_NAMES)[number], string> = {
  echo: 'WebSocket: a server that sends back what it gets',
  'json-chat': 'WebSocket: the chat of examples/json-chat',
  'broadcast-room': 'WebSocket: a server that sends what it gets to everybody',
  'graphql-transport-ws': 'GraphQL subscriptions over WebSocket',
  phoenix: 'Phoenix channels',
  centrifugo: 'Centrifugo, JSON protocol',
  signalr: 'ASP.NET Core SignalR, JSON',
};

function presetProtocol(name: (typeof PRESET_NAMES)[number]): NewProtocol {
  const isOneGroup = WEBSOCKET_PRESETS[name].send === undefined;
  const path =
    name === 'phoenix' ? '/socket/websocket?vsn=2.0.0' : name === 'centrifugo' ? '/connection/websocket' : '';
  return {
    summary: PRESET_WORDS[name],
    address: `ws://127.0.0.1:8080${path}`,
    carriers: WEBSOCKET,
    driver: ['# Keys beside the preset replace its own: docs/drivers.md.', `websocket: { preset: ${name} }`],
    ...(isOneGroup && { isOneGroup }),
  };
}

/** By name: the drivers that ship, and the presets of the one for WebSocket. */
export const NEW_PROTOCOLS: Readonly<Record<string, NewProtocol>> = {
  ...OWN,
  ...Object.fromEntries(PRESET_NAMES.map((name) => [name, presetProtocol(name)])),
};
