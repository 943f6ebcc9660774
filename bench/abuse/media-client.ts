import { createHash } from 'node:crypto';
import type { AttackContext } from './attack-context.js';
import { openSocket } from './raw-client.js';

export interface MediaFile {
  hash: string;
  type: string;
  content: Buffer;
}

export function mediaFile(content: Buffer, type: string): MediaFile {
  return { hash: createHash('sha256').update(content).digest('hex'), type, content };
}

/** Asks the media port as `user`. The status is counted; 0 where there was no answer. */
export async function ask(
  context: AttackContext,
  method: 'PUT' | 'GET' | 'DELETE',
  user: number,
  file: MediaFile,
): Promise<number> {
  const { body, ...headers } = method === 'PUT' ? { body: file.content, 'content-type': file.type } : {};
  context.tally.did(method);
  try {
    const response = await fetch(`${context.mediaUrl}/media/${file.hash}`, {
      method,
      headers: { authorization: basic(user), ...headers },
      body: body ? new Uint8Array(body) : null,
      signal: AbortSignal.timeout(30_000),
    });
    await response.arrayBuffer();
    context.tally.told(`${method} ${response.status}`);
    return response.status;
  } catch (error) {
    const { cause, name } = error as Error & { cause?: { code?: string } };
    context.tally.told(`${method} ${cause?.code ?? name}`);
    return 0;
  }
}

/** Uploads all of a file but its last byte, and breaks off. Its name need not be true. */
export async function breakOff(
  context: AttackContext,
  user: number,
  hash: string,
  bytes: number,
): Promise<void> {
  const socket = await openSocket(Number(new URL(context.mediaUrl ?? '').port), context.tally);
  if (!socket) return;
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.once('data', (head) => context.tally.told(`PUT ${head.toString('latin1').split(' ', 2)[1]}`));
  socket.write(
    `PUT /media/${hash} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${basic(user)}\r\n` +
      `content-type: application/pdf\r\ncontent-length: ${bytes}\r\n\r\n`,
  );
  context.tally.did('unfinished PUT');
  const written = new Promise<void>((resolve) => socket.write(Buffer.alloc(bytes - 1), () => resolve()));
  await Promise.race([written, gone]);
  socket.end();
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 500))]);
  socket.destroy();
}

function basic(user: number): string {
  return `Basic ${Buffer.from(`${user}:`).toString('base64')}`;
}
