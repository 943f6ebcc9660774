import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { afterEach, expect, test } from 'vitest';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Endpoint } from '../../../../loadgen/agent-messages.js';
import { mqttDriver } from '../../../support/mqtt.js';
import { testRun, testScenario } from '../../../support/run.js';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The broker of npm, over TCP or WebSocket. */
async function startAedes(protocol: 'tcp' | 'ws'): Promise<Endpoint> {
  const broker = await Aedes.createBroker();
  const server: Server = protocol === 'tcp' ? createServer(broker.handle) : createHttpServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  if (protocol === 'ws') {
    const webSockets = new WebSocketServer({
      server: server as ReturnType<typeof createHttpServer>,
      handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
    });
    webSockets.on('connection', (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      // A client that is gone is no news to this server.
      stream.on('error', () => undefined);
      broker.handle(stream);
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => broker.close(resolve));
    await new Promise((resolve) => server.close(resolve));
  });
  return { protocol, host: '127.0.0.1', port: (server.address() as { port: number }).port };
}

test.each([
  { protocol: 'tcp' as const, qos: 1 },
  { protocol: 'ws' as const, qos: 2 },
])('aedes carries every message once: %j', async ({ protocol, qos }) => {
  const endpoint = await startAedes(protocol);
  const scenario = testScenario((made) => {
    made.groups = { members: 4, share: 0.3 };
  });
  const run = await testRun(scenario, endpoint, null, null, null, mqttDriver({ qos }));
  const { messages, connections } = await run.measurement;
  expect(connections).toMatchObject({ peak: 40, failed: 0, dropped: 0, failures: {} });
  expect(messages).toMatchObject({
    lost: 0,
    duplicated: 0,
    corrupted: 0,
    refused: 0,
    outOfOrder: 0,
    delivered: messages.sent,
    accepted: messages.sent,
  });
});
