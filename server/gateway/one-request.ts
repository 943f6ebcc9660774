import type { IncomingMessage, ServerResponse } from 'node:http';

/** Connections with a request under way; `told`: they have sent another one, and end behind the answer to that. */
const busy = new WeakMap<object, 'waiting' | 'told'>();

/**
 * One request at a time on each connection: Node hands over all that came in one read at once, hundreds of them, and what
 * each of them takes before it is its turn to be answered nobody has counted.
 * @returns false where another one is under way: it is refused, and its connection ends
 */
export function isOnlyRequest({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const state = busy.get(socket);
  if (state === undefined) {
    busy.set(socket, 'waiting');
    response.once('close', () => busy.get(socket) === 'waiting' && busy.delete(socket));
    return true;
  }
  if (state === 'waiting') {
    busy.set(socket, 'told');
    response.writeHead(429, { connection: 'close', 'content-type': 'text/plain' });
    response.end('one request at a time on each connection\n');
  }
  return false;
}
