// A chat on Socket.IO: npm install socket.io, then node socketio-server.js 18835
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http);

io.on('connection', (socket) => {
  socket.on('login', (user, done) => {
    socket.join(user);
    done();
  });
  socket.on('message', (to, text, done) => {
    socket.to(to).emit('message', text);
    done();
  });
});

http.listen(Number(process.argv[2]), '127.0.0.1');
