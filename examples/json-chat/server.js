// A small chat over WebSocket, as many products have one: JSON messages with a `type`.
//
//   node examples/json-chat/server.js 8080      (0: any free port)
//
// A client says                                  and hears
//   {"type":"login","user":"7"}                    {"type":"welcome","user":"7"}
//   {"type":"join","room":"1"}                     {"type":"joined","room":"1"}
//   {"type":"message","to":"8","id":5,"body":"…"}  {"type":"ack","id":5}, and user 8: {"type":"message","from":"7","id":5,"body":"…"}
//   {"type":"message","room":"1","id":6,…}         the same for everybody in the room, its sender included
//   {"type":"read","to":"7","id":5}                user 7: {"type":"read","from":"8","id":5}
//   {"type":"ping"}                                {"type":"pong"}
// What cannot be done is answered with {"type":"error","id":5,"code":"not-online"}. Nothing is stored.
import { WebSocketServer } from 'ws';

const PING_MS = 20_000;

/** Sockets by user, and sets of sockets by room. */
const users = new Map();
const rooms = new Map();

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2] ?? 8080) });

server.on('listening', () => {
  console.log(`listening on ws://127.0.0.1:${server.address().port}`);
});

server.on('connection', (socket) => {
  socket.on('message', (data) => {
    try {
      answer(socket, JSON.parse(data.toString()));
    } catch (error) {
      send(socket, { type: 'error', code: error instanceof SyntaxError ? 'no-json' : error.message });
    }
  });
  socket.on('close', () => {
    if (users.get(socket.user) === socket) users.delete(socket.user);
    for (const members of rooms.values()) members.delete(socket);
  });
});

setInterval(() => {
  for (const socket of server.clients) send(socket, { type: 'ping' });
}, PING_MS);

function answer(socket, message) {
  if (message.type === 'login') {
    socket.user = String(message.user);
    users.set(socket.user, socket);
    send(socket, { type: 'welcome', user: socket.user });
    return;
  }
  if (socket.user === undefined) throw new Error('not-logged-in');
  switch (message.type) {
    case 'join':
      if (!rooms.has(message.room)) rooms.set(message.room, new Set());
      rooms.get(message.room).add(socket);
      send(socket, { type: 'joined', room: message.room });
      break;
    case 'message':
      post(socket, message);
      break;
    case 'read':
      send(users.get(message.to), { type: 'read', from: socket.user, id: message.id });
      break;
    case 'ping':
      send(socket, { type: 'pong' });
      break;
    case 'pong':
      break;
    default:
      throw new Error('unknown-type');
  }
}

function post(socket, { to, room, id, body }) {
  const recipients = room === undefined ? [users.get(to)] : [...(rooms.get(room) ?? [])];
  if (recipients.length === 0 || recipients[0] === undefined) {
    send(socket, { type: 'error', id, code: 'not-online' });
    return;
  }
  send(socket, { type: 'ack', id });
  for (const recipient of recipients) send(recipient, { type: 'message', from: socket.user, id, body });
}

function send(socket, message) {
  if (socket?.readyState === 1) socket.send(JSON.stringify(message));
}
