import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * Relays that count what they hand on: over WebSocket in the words of examples/json-chat/server.js, over Socket.IO in those of
 * scenarios/shoot-out/socketio-server.js. `GET /count` tells how many messages have gone to a recipient who was there.
 *
 *   node counting-server.js websocket|socketio        prints its port
 */
let arrived = 0;

const http = createServer((request, response) => {
  response.statusCode = request.url === '/count' ? 200 : 404;
  response.end(String(arrived));
});

if (process.argv[2] === 'websocket') serveWebSocket();
else serveSocketIo();

http.listen(0, '127.0.0.1', () => {
  console.log((http.address() as AddressInfo).port);
});

interface ChatWords {
  type: 'login' | 'message';
  user: string;
  to: string;
  id: number;
  body: string;
}

function serveWebSocket(): void {
  const users = new Map<string, WebSocket>();
  new WebSocketServer({ server: http }).on('connection', (socket) => {
    let user = '';
    const answer = (words: object, to = socket) => to.send(JSON.stringify(words));
    socket.on('message', (data) => {
      const words: ChatWords = JSON.parse(data.toString());
      if (words.type === 'login') {
        user = words.user;
        users.set(user, socket);
        answer({ type: 'welcome', user });
        return;
      }
      const recipient = users.get(words.to);
      if (!recipient) {
        answer({ type: 'error', id: words.id, code: 'not-online' });
        return;
      }
      answer({ type: 'ack', id: words.id });
      answer({ type: 'message', from: user, id: words.id, body: words.body }, recipient);
      arrived += 1;
    });
    // Whoever measures ends its clients in the middle.
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      if (users.get(user) === socket) users.delete(user);
    });
  });
}

function serveSocketIo(): void {
  const io = new Server(http);
  io.on('connection', (socket) => {
    socket.on('login', (user: string, done?: () => void) => {
      socket.join(user);
      done?.();
    });
    socket.on('message', (to: string, text: string, done?: () => void) => {
      if (io.sockets.adapter.rooms.has(to)) arrived += 1;
      socket.to(to).emit('message', text);
      done?.();
    });
  });
}
