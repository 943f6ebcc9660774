import type { Socket } from 'node:net';

/** A line that is longer is none of ours. */
const LONGEST_LINE = 16 * 1024;

/**
 * Hands over each line that comes over a socket, without its end. A peer that sends a longer one is cut off.
 * @param socket with an encoding, so that no character comes in two pieces
 */
export function eachLine(socket: Socket, take: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() as string;
    if (rest.length > LONGEST_LINE) socket.destroy();
    for (const line of lines) take(line);
  });
}
