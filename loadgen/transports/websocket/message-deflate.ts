import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { WebSocketError } from './websocket-frame.js';

/**
 * permessage-deflate (RFC 7692) with no context that would be kept between messages: a client that is idle costs nothing
 * more, and each message costs a deflater of its own, some ten microseconds.
 */
export const DEFLATE_OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

/** Every message ends with it, and it is left out (section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** What the server may answer: without the first, its messages would need those before; 15 bits are what we inflate with. */
const NO_CONTEXT = 'server_no_context_takeover';
const ANSWERS = [NO_CONTEXT, 'client_no_context_takeover', /^server_max_window_bits="?(?:[89]|1[0-5])"?$/];

/**
 * Whether both ends compress from now on.
 * @param answer the server's Sec-WebSocket-Extensions; undefined: it has none
 * @throws WebSocketError for anything that was not offered
 */
export function agreesToDeflate(answer: string | undefined, isOffered: boolean): boolean {
  if (answer === undefined) return false;
  const [name, ...parameters] = answer.split(';').map((each) => each.trim().replaceAll(/\s*=\s*/g, '='));
  const isOurs =
    isOffered &&
    name === 'permessage-deflate' &&
    parameters.includes(NO_CONTEXT) &&
    parameters.every((each) =>
      ANSWERS.some((known) => (typeof known === 'string' ? known === each : known.test(each))),
    );
  if (!isOurs) throw new WebSocketError(`the server uses extensions that were not offered: ${answer}`);
  return true;
}

/** @throws WebSocketError for what is no deflate, or becomes longer than `mostBytes` */
export function inflateMessage(compressed: Buffer, mostBytes: number): Buffer {
  try {
    return inflateRawSync(Buffer.concat([compressed, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: mostBytes,
    });
  } catch (error) {
    throw new WebSocketError(`a compressed message cannot be read: ${(error as Error).message}`);
  }
}

/** Undefined: it is shorter as it is. */
export function deflateMessage(message: Buffer): Buffer | undefined {
  const compressed = deflateRawSync(message, { finishFlush: constants.Z_SYNC_FLUSH });
  const length = compressed.length - TAIL.length;
  return length < message.length ? compressed.subarray(0, length) : undefined;
}
