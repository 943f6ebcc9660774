import { connect } from 'node:net';
import { FrameDecoder } from '../../protocol/decode.js';
import { encodeFrame } from '../../protocol/encode.js';
import { type Frame, FrameType, PROTOCOL_VERSION } from '../../protocol/frame.js';

const SENDERS = 8;
/** On each of them. */
const UNDER_WAY = 200;
const PAYLOAD_BYTES = 100;

/**
 * Lets messages wait for users who are away, the same number for each; resolves once all of them are accepted.
 * @param senders users beside them, of whom some are taken
 */
export async function leaveWaiting(
  port: number,
  messages: number,
  recipients: readonly number[],
  senders: readonly number[],
): Promise<void> {
  await Promise.all(
    senders
      .slice(0, SENDERS)
      .map((user, at) =>
        send(
          port,
          user,
          Math.floor((messages * (at + 1)) / SENDERS) - Math.floor((messages * at) / SENDERS),
          recipients,
        ),
      ),
  );
}

function send(port: number, user: number, messages: number, recipients: readonly number[]): Promise<void> {
  const payload = Buffer.alloc(PAYLOAD_BYTES, user);
  const decoder = new FrameDecoder(65_536);
  let [sent, accepted] = [0, 0];
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const fill = (): void => {
      const frames: Buffer[] = [];
      while (sent < messages && sent - accepted < UNDER_WAY) {
        sent += 1;
        const to = recipients[sent % recipients.length] as number;
        frames.push(encodeFrame({ type: FrameType.Send, to, id: sent, payload }));
      }
      if (frames.length > 0) socket.write(Buffer.concat(frames));
    };
    const onFrame = (frame: Frame): boolean => {
      if (frame.type === FrameType.Accepted) accepted += 1;
      if (frame.type === FrameType.Error)
        socket.destroy(new Error(`the server refuses: ${JSON.stringify(frame)}`));
      return true;
    };
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      decoder.push(chunk, onFrame);
      fill();
      if (accepted === messages) socket.end(resolve);
    });
    socket.once('connect', () => {
      const hello = encodeFrame({ type: FrameType.Hello, version: PROTOCOL_VERSION });
      socket.write(Buffer.concat([hello, encodeFrame({ type: FrameType.Login, user, token: '' })]));
    });
  });
}
