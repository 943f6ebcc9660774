import { connect } from 'node:net';
import mqtt from 'mqtt-packet';
import type { Count } from './cost.js';

/** Counts at the server what has arrived, as long as it is open. */
export interface Counter {
  counts: Count[];
  close(): void;
}

const EVERY_MS = 100;
/** PUBLISH that mosquitto has sent to subscribers, this counter's own of one a second among them. */
const SENT = '$SYS/broker/publish/messages/sent';

/** Of a server that answers with the number. */
export function countByHttp(url: string): Counter {
  const counts: Count[] = [];
  let isAsking = false;
  const timer = setInterval(async () => {
    if (isAsking) return;
    isAsking = true;
    try {
      const arrived = Number(await (await fetch(url)).text());
      // Noted when the answer is here: a busy server answers late, and the count is of then.
      counts.push({ atMs: performance.now(), arrived });
    } catch (error) {
      // The server of a run that is over.
      if (!(error instanceof TypeError)) throw error;
    } finally {
      isAsking = false;
    }
  }, EVERY_MS);
  return { counts, close: () => clearInterval(timer) };
}

/** Of mosquitto, which tells it each `sys_interval`: a count is of the moment at which it comes. */
export function countByMosquitto(port: number): Counter {
  const counts: Count[] = [];
  const parser = mqtt.parser({ protocolVersion: 4 });
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.once('connect', () => {
    socket.write(
      mqtt.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        clientId: 'counter',
        keepalive: 0,
      }),
    );
    socket.write(mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: SENT, qos: 0 }] }));
  });
  socket.on('data', (bytes) => parser.parse(bytes));
  // The broker goes before the counter where something went wrong; then there are no more counts.
  socket.on('error', () => socket.destroy());
  parser.on('packet', (packet) => {
    if (packet.cmd === 'publish')
      counts.push({ atMs: performance.now(), arrived: Number(packet.payload.toString()) });
  });
  return { counts, close: () => socket.destroy() };
}
