import {
  type Frame,
  FrameType,
  HEADER_BYTES,
  LARGEST_BODY_BYTES,
  ProtocolError,
  ReasonCode,
} from './frame.js';

const TWO_32 = 0x1_0000_0000;
const MAGIC = Buffer.from('c2m', 'latin1');

/** Body length in bytes that `frame` will have on the wire. */
export function bodyBytes(frame: Frame): number {
  switch (frame.type) {
    case FrameType.Hello:
      return 4;
    case FrameType.Login:
      return 8 + Buffer.byteLength(frame.token);
    case FrameType.Welcome:
      return 14;
    case FrameType.Send:
      return 16 + frame.payload.length;
    case FrameType.Accepted:
      return 8;
    case FrameType.Deliver:
      return 21 + frame.payload.length;
    case FrameType.Ack:
    case FrameType.Ping:
    case FrameType.Pong:
      return 4;
    case FrameType.Receipt:
      return 21;
    case FrameType.Error:
      return 10 + Buffer.byteLength(frame.reason);
    case FrameType.Goodbye:
      return 2;
    case FrameType.Group:
      return 16 + 8 * frame.members.length;
    case FrameType.GroupSend:
      return 16 + frame.payload.length;
    case FrameType.GroupDeliver:
      return 33 + frame.payload.length;
    case FrameType.GroupReceipt:
      return 29;
  }
}

/**
 * Writes `frame` with its header into `target` at `offset` and returns the offset behind it.
 * The caller has made room for `HEADER_BYTES + bodyBytes(frame)`.
 * @throws ProtocolError FrameTooLarge where the body exceeds what 24 bits can say.
 */
export function writeFrame(frame: Frame, target: Buffer, offset: number): number {
  const length = bodyBytes(frame);
  if (length > LARGEST_BODY_BYTES) {
    throw new ProtocolError(ReasonCode.FrameTooLarge, `a body of ${length} bytes does not fit a frame`);
  }
  target.writeUInt32BE(length * 0x100 + frame.type, offset);
  let at = offset + HEADER_BYTES;
  switch (frame.type) {
    case FrameType.Hello:
      target.set(MAGIC, at);
      target[at + 3] = frame.version;
      break;
    case FrameType.Login:
      at = writeInteger(frame.user, target, at);
      target.write(frame.token, at, 'utf8');
      break;
    case FrameType.Welcome:
      at = target.writeUInt32BE(frame.waiting, at);
      at = target.writeUInt16BE(frame.window, at);
      writeInteger(frame.firstId, target, at);
      break;
    case FrameType.Send:
      at = writeInteger(frame.to, target, at);
      at = writeInteger(frame.id, target, at);
      target.set(frame.payload, at);
      break;
    case FrameType.Accepted:
      writeInteger(frame.id, target, at);
      break;
    case FrameType.Deliver:
      at = writeItem(frame.sequence, frame.flags, frame.from, frame.id, target, at);
      target.set(frame.payload, at);
      break;
    case FrameType.Ack:
      target.writeUInt32BE(frame.sequence, at);
      break;
    case FrameType.Receipt:
      writeItem(frame.sequence, frame.flags, frame.by, frame.id, target, at);
      break;
    case FrameType.Ping:
    case FrameType.Pong:
      target.writeUInt32BE(frame.nonce, at);
      break;
    case FrameType.Error:
      at = target.writeUInt16BE(frame.code, at);
      at = writeInteger(frame.reference, target, at);
      target.write(frame.reason, at, 'utf8');
      break;
    case FrameType.Goodbye:
      target.writeUInt16BE(frame.code, at);
      break;
    case FrameType.Group:
      at = writeInteger(frame.id, target, at);
      at = writeInteger(frame.group, target, at);
      for (const member of frame.members) at = writeInteger(member, target, at);
      break;
    case FrameType.GroupSend:
      at = writeInteger(frame.group, target, at);
      at = writeInteger(frame.id, target, at);
      target.set(frame.payload, at);
      break;
    case FrameType.GroupDeliver:
      at = writeItem(frame.sequence, frame.flags, frame.from, frame.id, target, at);
      at = writeInteger(frame.group, target, at);
      at = target.writeUInt32BE(frame.number, at);
      target.set(frame.payload, at);
      break;
    case FrameType.GroupReceipt:
      at = writeItem(frame.sequence, frame.flags, frame.by, frame.id, target, at);
      writeInteger(frame.group, target, at);
      break;
  }
  return offset + HEADER_BYTES + length;
}

/** `frame` as bytes of its own, header included. */
export function encodeFrame(frame: Frame): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes(frame));
  writeFrame(frame, bytes, 0);
  return bytes;
}

function writeItem(
  sequence: number,
  flags: number,
  user: number,
  id: number,
  target: Buffer,
  offset: number,
): number {
  target.writeUInt32BE(sequence, offset);
  target[offset + 4] = flags;
  return writeInteger(id, target, writeInteger(user, target, offset + 5));
}

/** Eight bytes, big-endian; two 32-bit halves because BigInt would allocate for every id. */
function writeInteger(value: number, target: Buffer, offset: number): number {
  target.writeUInt32BE(Math.floor(value / TWO_32), offset);
  return target.writeUInt32BE(value % TWO_32, offset + 4);
}
