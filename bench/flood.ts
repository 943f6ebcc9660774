import { connect, type Socket } from 'node:net';
import { build, type Histogram } from 'hdr-histogram-js';
import { WebSocket } from 'ws';
import { FrameDecoder } from '../protocol/decode.js';
import { encodeFrame } from '../protocol/encode.js';
import { type Frame, FrameType, PROTOCOL_VERSION, WEBSOCKET_SUBPROTOCOL } from '../protocol/frame.js';
import type { Client, FloodOptions, State } from './flood-client.js';
import { openJetStreamClient } from './jetstream-client.js';
import { openMqttClient } from './mqtt-client.js';

export interface Flood {
  /** Messages that have come full circle: their receipt is here (relay: the neighbour has them). */
  completed(): number;
  /** From a message to its first check mark, microseconds, since the last call. */
  takeAccepted(): Histogram;
  stop(): void;
}

/** Opens every connection, then starts to send. */
export async function startFlood(options: FloodOptions): Promise<Flood> {
  const state = { completed: 0, isStopped: false, accepted: newHistogram() };
  const indices = Array.from({ length: options.connections }, (_, index) => index);
  const open = OPENERS[options.target];
  const clients = await Promise.all(indices.map((index) => open(index, options, state)));
  for (const client of clients) client.start();
  return {
    completed: () => state.completed,
    takeAccepted: () => {
      const { accepted } = state;
      state.accepted = newHistogram();
      return accepted;
    },
    stop: () => {
      state.isStopped = true;
      for (const client of clients) client.close();
    },
  };
}

const OPENERS = {
  'c2m-tcp': openClient,
  'c2m-ws': openClient,
  'relay-ws': openRelayClient,
  mqtt: openMqttClient,
  'mqtt-receipts': openMqttClient,
  jetstream: openJetStreamClient,
};

function newHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  });
}

/** A c2m client: SEND until the window is full, ACK what comes in once a chunk, SEND again for each RECEIPT. */
function openClient(index: number, options: FloodOptions, state: State): Promise<Client> {
  const payload = Buffer.alloc(options.payloadBytes, index);
  const decoder = new FrameDecoder(65_536);
  const user = options.users?.[index] ?? index + 1;
  const partner = options.users?.[index ^ 1] ?? (index ^ 1) + 1;
  const ports = [options.port, ...(options.otherPorts ?? [])];
  const port = ports[index % ports.length] as number;
  const isWebSocket = options.target === 'c2m-ws';
  let sent = 0;
  let toAcknowledge = 0;
  let out: Buffer[] = [];
  const sentMs = new Map<number, number>();
  return new Promise((resolve, reject) => {
    const carrier = isWebSocket
      ? new WebSocket(`ws://127.0.0.1:${port}`, WEBSOCKET_SUBPROTOCOL, { perMessageDeflate: false })
      : connect({ port, host: '127.0.0.1', noDelay: true });
    const write = (bytes: Buffer) => {
      if (carrier instanceof WebSocket) carrier.send(bytes);
      else carrier.write(bytes);
    };
    const send = () => {
      sent += 1;
      sentMs.set(sent, performance.now());
      out.push(encodeFrame({ type: FrameType.Send, to: partner, id: sent, payload }));
    };
    const flush = () => {
      if (toAcknowledge > 0) out.push(encodeFrame({ type: FrameType.Ack, sequence: toAcknowledge }));
      toAcknowledge = 0;
      if (out.length > 0 && !state.isStopped)
        write(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
      out = [];
    };
    const client: Client = {
      start: () => {
        for (let i = 0; i < options.window; i += 1) send();
        flush();
      },
      close: () => (carrier instanceof WebSocket ? carrier.terminate() : (carrier as Socket).destroy()),
    };
    const onFrame = (frame: Frame): boolean => {
      switch (frame.type) {
        case FrameType.Welcome:
          resolve(client);
          break;
        case FrameType.Accepted:
          state.accepted.recordValue(Math.round((performance.now() - (sentMs.get(frame.id) ?? 0)) * 1000));
          sentMs.delete(frame.id);
          break;
        case FrameType.Deliver:
          toAcknowledge = frame.sequence;
          break;
        case FrameType.Receipt:
          toAcknowledge = frame.sequence;
          state.completed += 1;
          send();
          break;
        case FrameType.Error:
          throw new Error(`the server refuses: ${frame.reason}`);
      }
      return true;
    };
    carrier.on('error', reject);
    carrier.on(isWebSocket ? 'message' : 'data', (chunk: Buffer) => {
      decoder.push(chunk, onFrame);
      flush();
    });
    carrier.once(isWebSocket ? 'open' : 'connect', () => {
      write(
        Buffer.concat([
          encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION }),
          encodeFrame({ type: FrameType.Login, user, token: '' }),
        ]),
      );
    });
  });
}

/** A client of the bare relay: for each message that arrives one goes out. */
function openRelayClient(index: number, options: FloodOptions, state: State): Promise<Client> {
  const payload = Buffer.alloc(options.payloadBytes, index);
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`ws://127.0.0.1:${options.port}`, { perMessageDeflate: false });
    const client: Client = {
      start: () => {
        webSocket.removeAllListeners('message');
        webSocket.on('message', () => {
          state.completed += 1;
          if (!state.isStopped) webSocket.send(payload);
        });
        for (let i = 0; i < options.window; i += 1) webSocket.send(payload);
      },
      close: () => webSocket.terminate(),
    };
    webSocket.on('error', reject);
    webSocket.once('message', () => resolve(client));
    webSocket.once('open', () => {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(index);
      webSocket.send(number);
    });
  });
}
