import { createServer } from 'node:net';
import { WebSocketServer } from 'ws';

/**
 * A small chat server, to show how somebody's own protocol is brought to c2m. A line is a message, over TCP (lines end
 * with \n) and over WebSocket (each is a text message):
 *
 *   client                              server
 *   LOGIN 17                            WELCOME
 *   SEND 18 1 aGVsbG8=                  SENT 1             it has it; 1 is a number of the client's own
 *                                       FAILED 1 NotHere   user 18 is not there, and nothing waits for anybody
 *   PING                                PONG
 *                                       MESSAGE aGVsbG8=   somebody wrote to this user
 *
 * node server.js [TCP port] [WebSocket port]     without ports, any that are free
 */
const users = new Map();

/** @param say writes a line to this client */
function serve(say) {
  let user;
  return {
    heard(line) {
      const [word, first, second, content] = line.split(' ');
      if (word === 'LOGIN') {
        user = first;
        users.set(user, say);
        say('WELCOME');
      } else if (word === 'SEND' && user !== undefined) {
        const recipient = users.get(first);
        say(recipient ? `SENT ${second}` : `FAILED ${second} NotHere`);
        recipient?.(`MESSAGE ${content}`);
      } else if (word === 'PING') {
        say('PONG');
      } else {
        say('ERROR that is no line of this protocol');
        return false;
      }
      return true;
    },
    gone() {
      if (users.get(user) === say) users.delete(user);
    },
  };
}

const MOST_LINE_CHARACTERS = 1 << 20;

const lines = createServer({ noDelay: true }, (socket) => {
  const client = serve((line) => socket.write(`${line}\n`));
  let rest = '';
  socket.setEncoding('latin1').on('data', (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    if (!parts.every((line) => client.heard(line)) || rest.length > MOST_LINE_CHARACTERS) socket.end();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', client.gone);
});

const [port = 0, webSocketPort = 0] = process.argv.slice(2).map(Number);
const webSockets = new WebSocketServer({ host: '127.0.0.1', port: webSocketPort });
webSockets.on('connection', (socket) => {
  const client = serve((line) => socket.send(line));
  socket.on('message', (bytes) => {
    if (!client.heard(String(bytes))) socket.close(1002);
  });
  socket.on('close', client.gone);
});

lines.listen(port, '127.0.0.1', () => console.log(`tcp://127.0.0.1:${lines.address().port}`));
webSockets.on('listening', () => console.log(`ws://127.0.0.1:${webSockets.address().port}`));
