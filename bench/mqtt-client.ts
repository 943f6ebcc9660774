import { connect } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';
import type { Client, FloodOptions, State } from './flood-client.js';

/** Whose message, and which: what RECEIPT of c2m says. */
const RECEIPT = Buffer.alloc(16);

/**
 * A client of an MQTT broker with QoS 1 and a session that outlives its connection: PUBLISH until the window is full,
 * PUBACK what comes in. MQTT has one check mark, so target `mqtt` ends a message where its neighbour has it, and sends the
 * next with the PUBACK. With `mqtt-receipts` the neighbour says that it has it, in a message of its own to the sender,
 * which then sends the next: what c2m does for every message.
 */
export function openMqttClient(index: number, options: FloodOptions, state: State): Promise<Client> {
  const payload = Buffer.alloc(options.payloadBytes, index);
  const partner = index ^ 1;
  const hasReceipts = options.target === 'mqtt-receipts';
  const sentMs = new Map<number, number>();
  let lastId = 0;
  let out: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    const parser = mqtt.parser({ protocolVersion: 4 });
    const say = (packet: Packet) => out.push(mqtt.generate(packet));
    const flush = () => {
      if (out.length > 0 && !state.isStopped) socket.write(Buffer.concat(out));
      out = [];
    };
    const announce = (topic: string, content: Buffer) => {
      lastId = (lastId % 65_535) + 1;
      say({ cmd: 'publish', topic, payload: content, qos: 1, messageId: lastId, dup: false, retain: false });
    };
    const publish = () => {
      announce(`to/${partner}`, payload);
      sentMs.set(lastId, performance.now());
    };
    const client: Client = {
      start: () => {
        for (let i = 0; i < options.window; i += 1) publish();
        flush();
      },
      close: () => socket.destroy(),
    };
    parser.on('packet', (packet) => {
      switch (packet.cmd) {
        case 'connack':
          say({
            cmd: 'subscribe',
            messageId: 1,
            subscriptions: [`to/${index}`, ...(hasReceipts ? [`receipt/${index}`] : [])].map((topic) => ({
              topic,
              qos: 1,
            })),
          });
          break;
        case 'suback':
          resolve(client);
          break;
        case 'puback': {
          const since = sentMs.get(packet.messageId ?? 0);
          // Of a receipt: nobody waits for its check mark.
          if (since === undefined) break;
          state.accepted.recordValue(Math.round((performance.now() - since) * 1000));
          sentMs.delete(packet.messageId ?? 0);
          if (!hasReceipts) publish();
          break;
        }
        case 'publish':
          say({ cmd: 'puback', messageId: packet.messageId ?? 0 });
          if (!hasReceipts) {
            state.completed += 1;
          } else if (packet.topic.startsWith('receipt/')) {
            state.completed += 1;
            publish();
          } else announce(`receipt/${partner}`, RECEIPT);
          break;
      }
    });
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      parser.parse(chunk);
      flush();
    });
    socket.once('connect', () => {
      say({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: false,
        clientId: `c${index}`,
        keepalive: 0,
      });
      flush();
    });
  });
}
