import { connect } from 'node:net';
import mqtt, { type Packet } from 'mqtt-packet';
import type { Client, FloodOptions, State } from './flood-client.js';

/**
 * A client of an MQTT broker with QoS 1 and a session that outlives its connection: PUBLISH until the window is full,
 * PUBACK what comes in, PUBLISH again for each that has come to the neighbour. A message has come full circle there;
 * the second check mark, which the neighbour would have to send, is left out in MQTT's favour.
 */
export function openMqttClient(index: number, options: FloodOptions, state: State): Promise<Client> {
  const payload = Buffer.alloc(options.payloadBytes, index);
  const topic = `to/${index ^ 1}`;
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
    const publish = () => {
      lastId = (lastId % 65_535) + 1;
      sentMs.set(lastId, performance.now());
      say({ cmd: 'publish', topic, payload, qos: 1, messageId: lastId, dup: false, retain: false });
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
          say({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `to/${index}`, qos: 1 }] });
          break;
        case 'suback':
          resolve(client);
          break;
        case 'puback':
          state.accepted.recordValue(
            Math.round((performance.now() - (sentMs.get(packet.messageId ?? 0) ?? 0)) * 1000),
          );
          sentMs.delete(packet.messageId ?? 0);
          publish();
          break;
        case 'publish':
          state.completed += 1;
          say({ cmd: 'puback', messageId: packet.messageId ?? 0 });
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
