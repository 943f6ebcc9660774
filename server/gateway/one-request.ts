import type { IncomingMessage, ServerResponse } from 'node:http';

const busy = new WeakSet<object>();

/**
 * One request at a time on each connection: Node hands over all that came in one read at once, hundreds of them, and what
 * each of them takes before it is its turn to be answered nobody has counted.
 * @returns false where another one is under way: its connection is ended
 */
export function isOnlyRequest({ socket }: IncomingMessage, response: ServerResponse): boolean {
  if (busy.has(socket)) {
    socket.destroy();
    return false;
  }
  busy.add(socket);
  response.once('close', () => busy.delete(socket));
  return true;
}
