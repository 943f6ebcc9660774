import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { freePort } from '../../lab/cluster/free-ports.js';
import { afterEachTest } from './clean-up.js';
import { testFolder } from './folder.js';

/** Servers that listen and speak something else; all are ended after the test. */

const endings: (() => unknown)[] = [];
afterEachTest('servers', async () => {
  await Promise.all(endings.splice(0).map((end) => end()));
});

/** @returns its port */
export async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

/** Says something, and goes on listening. */
export function bannerServer(banner: string | Buffer): Promise<number> {
  return listening(
    createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write(banner);
      socket.resume();
    }),
  );
}

/** Hangs up at the first byte. */
export function curtServer(): Promise<number> {
  return listening(createServer((socket) => socket.once('data', () => socket.destroy())));
}

/** Answers every upgrade with a status. */
export function httpServer(status = 404): Promise<number> {
  const server = createHttpServer((_, response) => response.writeHead(status).end());
  return listening(server);
}

/** A WebSocket server that sends back what it is sent. */
export async function echoServer(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => {
    socket.on('message', (bytes, isBinary) => socket.send(bytes as Buffer, { binary: isBinary }));
  });
  await once(server, 'listening');
  endings.push(() => {
    for (const socket of server.clients) socket.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

/** Mosquitto, with all that it is asked on the command line. */
export async function mosquitto(): Promise<number> {
  const port = await freePort();
  const child = spawn('mosquitto', ['-p', String(port)], {
    cwd: testFolder(),
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endings.push(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  // It speaks of clients running here before it listens; and a pipe that is closed ends it with its next word.
  let said = '';
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (/version \S+ running/.test(said)) resolve();
    });
  });
  return port;
}
