import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import type { Driver } from '../driver.js';
import { NatsClients } from './nats-clients.js';
import { tlsProblems } from './tls-choice.js';

/** NATS: subjects of its core, at most once; or JetStream, which stores messages and delivers them at least once. */
export const driver: Driver<NatsSettings> = {
  name: 'nats',
  promises: ({ mode }) => {
    const isStored = mode === 'jetstream';
    return {
      accepted: isStored,
      receipt: false,
      groups: true,
      storesForAway: isStored,
      marksRedelivery: isStored,
      recognizesRepetitions: isStored,
      order: 'per-sender',
      delivery: isStored ? 'at-least-once' : 'at-most-once',
      recipient: 'partner',
    };
  },
  framing: ({ tls }) => ({
    carriers: ['tcp', 'tls', 'ws', 'wss'],
    webSocketMessages: 'stream',
    subprotocols: [],
    beginsTls: tls !== 'handshakeFirst',
  }),
  problems: tlsProblems,
  create: (settings, clients, events) => new NatsClients(settings, clients, events),
};
