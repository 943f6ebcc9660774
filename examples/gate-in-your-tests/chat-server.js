import { once } from 'node:events';
import { WebSocketServer } from 'ws';

/**
 * The server of this example, in place of yours: a chat of JSON over WebSocket, as a product would have it. A client says
 * `{"type":"login","user":"7"}` and then `{"type":"message","to":"8","id":5,"body":"…"}`; it hears `welcome`, `ack`, and
 * `message`. Nothing in it knows that it is tested.
 */
export async function startChat(port = 0) {
  const users = new Map();
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  server.on('connection', (socket) => {
    socket.on('message', (data) => answer(socket, JSON.parse(data.toString())));
    socket.on('close', () => {
      if (users.get(socket.user) === socket) users.delete(socket.user);
    });
  });

  function answer(socket, { type, user, to, id, body }) {
    if (type === 'login') {
      socket.user = user;
      users.set(user, socket);
      send(socket, { type: 'welcome', user });
    } else if (type === 'message') {
      const recipient = users.get(to);
      if (!recipient) return send(socket, { type: 'error', id, code: 'not-online' });
      send(socket, { type: 'ack', id });
      send(recipient, { type: 'message', from: socket.user, id, body });
    }
  }

  await once(server, 'listening');
  return {
    address: `ws://127.0.0.1:${server.address().port}`,
    close: () => {
      for (const socket of server.clients) socket.terminate();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(socket, message) {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
