import type { MqttSettings } from '../../../scenarios/drivers/mqtt-schema.js';
import type { Driver } from '../driver.js';
import { MqttClients } from './mqtt-clients.js';

/** MQTT 3.1.1 and 5. */
export const driver: Driver<MqttSettings> = {
  name: 'mqtt',
  promises: ({ qos, cleanSession, share }) => ({
    // PUBACK, or PUBREC of QoS 2: from then on the server answers for the message.
    accepted: qos > 0,
    receipt: false,
    groups: true,
    storesForAway: qos > 0 && !cleanSession,
    // DUP says that the server has sent it before. A copy that it makes of what a client had to send again has none.
    marksRedelivery: false,
    // By the packet id, as long as the session lives.
    recognizesRepetitions: qos === 2 && !cleanSession,
    order: share === undefined ? 'per-sender' : 'none',
    delivery: qos === 0 ? 'at-most-once' : qos === 2 && !cleanSession ? 'exactly-once' : 'at-least-once',
    recipient: 'partner',
  }),
  framing: () => ({
    carriers: ['tcp', 'tls', 'ws', 'wss'],
    webSocketMessages: 'stream',
    subprotocols: ['mqtt'],
  }),
  create: (settings, clients, events) => new MqttClients(settings, clients, events),
};
