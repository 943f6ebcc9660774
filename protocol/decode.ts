import { ByteQueue } from './byte-queue.js';
import { type Frame, FrameType, HEADER_BYTES, ProtocolError, ReasonCode } from './frame.js';

const TWO_32 = 0x1_0000_0000;
const MAGIC = 0x63_32_6d; // "c2m"
const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(FrameType));
const LARGEST_HIGH_HALF = 0x1f_ff_ff; // 2^53 - 1 has 21 bits above the low 32

/**
 * Decodes every whole frame in `bytes`, hands each to `onFrame`, and returns how many bytes they took.
 * What is left over is the beginning of a frame: put it in front of the next bytes. Payloads are views into
 * `bytes`; whoever keeps one beyond the call copies it. `onFrame` returns false to stop after its frame.
 * @throws ProtocolError as soon as the bytes cannot be the beginning of a valid frame.
 */
export function decodeFrames(
  bytes: Buffer,
  maxFrameBytes: number,
  onFrame: (frame: Frame) => boolean,
): number {
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const header = bytes.readUInt32BE(at);
    const length = header >>> 8;
    if (length > maxFrameBytes) {
      throw new ProtocolError(
        ReasonCode.FrameTooLarge,
        `a frame of ${length} bytes; the limit is ${maxFrameBytes}`,
      );
    }
    const start = at + HEADER_BYTES;
    const end = start + length;
    if (bytes.length < end) {
      // What is of no known type never becomes a frame, however much of it comes.
      if (!KNOWN_TYPES.has(header & 0xff)) throw unknownType(header & 0xff);
      break;
    }
    const frame = decodeBody(header & 0xff, bytes, start, end);
    at = end;
    if (!onFrame(frame)) break;
  }
  return at;
}

/** Takes any split of a byte stream and gives its frames; keeps the unfinished one between calls. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  #pending: ByteQueue | undefined;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes of an unfinished frame held back for the next call. */
  get pendingBytes(): number {
    return this.#pending?.length ?? 0;
  }

  /** As `decodeFrames`; `chunk` may be reused by the caller after the call. */
  push(chunk: Buffer, onFrame: (frame: Frame) => boolean): void {
    this.#pending?.append(chunk);
    const consumed = decodeFrames(this.#pending?.bytes ?? chunk, this.#maxFrameBytes, onFrame);
    this.#pending = keepRest(this.#pending, chunk, consumed);
  }
}

/**
 * What is kept when `consumed` bytes were decoded, of `kept` where there was something, else of `chunk`.
 * Undefined: nothing.
 */
export function keepRest(
  kept: ByteQueue | undefined,
  chunk: Buffer,
  consumed: number,
): ByteQueue | undefined {
  if (!kept) return consumed === chunk.length ? undefined : new ByteQueue(chunk.subarray(consumed));
  if (consumed === kept.length) return undefined;
  kept.drop(consumed);
  return kept;
}

function decodeBody(type: number, bytes: Buffer, start: number, end: number): Frame {
  const length = end - start;
  switch (type) {
    case FrameType.Hello: {
      expectLength('HELLO', length, 4);
      const word = bytes.readUInt32BE(start);
      if (word >>> 8 !== MAGIC)
        throw new ProtocolError(ReasonCode.ProtocolError, 'HELLO without the magic "c2m"');
      return { type, version: word & 0xff };
    }
    case FrameType.Login:
      expectAtLeast('LOGIN', length, 8);
      return { type, user: readInteger(bytes, start), token: bytes.toString('utf8', start + 8, end) };
    case FrameType.Welcome:
      expectLength('WELCOME', length, 14);
      return {
        type,
        waiting: bytes.readUInt32BE(start),
        window: bytes.readUInt16BE(start + 4),
        firstId: readInteger(bytes, start + 6),
      };
    case FrameType.Send:
      expectAtLeast('SEND', length, 16);
      return {
        type,
        to: readInteger(bytes, start),
        id: readInteger(bytes, start + 8),
        payload: bytes.subarray(start + 16, end),
      };
    case FrameType.Accepted:
      expectLength('ACCEPTED', length, 8);
      return { type, id: readInteger(bytes, start) };
    case FrameType.Deliver:
      expectAtLeast('DELIVER', length, 21);
      return {
        type,
        sequence: bytes.readUInt32BE(start),
        flags: bytes.readUInt8(start + 4),
        from: readInteger(bytes, start + 5),
        id: readInteger(bytes, start + 13),
        payload: bytes.subarray(start + 21, end),
      };
    case FrameType.Ack:
      expectLength('ACK', length, 4);
      return { type, sequence: bytes.readUInt32BE(start) };
    case FrameType.Receipt:
      expectLength('RECEIPT', length, 21);
      return {
        type,
        sequence: bytes.readUInt32BE(start),
        flags: bytes.readUInt8(start + 4),
        by: readInteger(bytes, start + 5),
        id: readInteger(bytes, start + 13),
      };
    case FrameType.Ping:
      expectLength('PING', length, 4);
      return { type, nonce: bytes.readUInt32BE(start) };
    case FrameType.Pong:
      expectLength('PONG', length, 4);
      return { type, nonce: bytes.readUInt32BE(start) };
    case FrameType.Error:
      expectAtLeast('ERROR', length, 10);
      return {
        type,
        code: bytes.readUInt16BE(start),
        reference: readInteger(bytes, start + 2),
        reason: bytes.toString('utf8', start + 10, end),
      };
    case FrameType.Goodbye:
      expectLength('GOODBYE', length, 2);
      return { type, code: bytes.readUInt16BE(start) };
    case FrameType.Group:
      expectAtLeast('GROUP', length, 16);
      return {
        type,
        id: readInteger(bytes, start),
        group: readInteger(bytes, start + 8),
        members: readMembers(bytes, start + 16, end),
      };
    case FrameType.GroupSend:
      expectAtLeast('GROUP_SEND', length, 16);
      return {
        type,
        group: readInteger(bytes, start),
        id: readInteger(bytes, start + 8),
        payload: bytes.subarray(start + 16, end),
      };
    case FrameType.GroupDeliver:
      expectAtLeast('GROUP_DELIVER', length, 33);
      return {
        type,
        sequence: bytes.readUInt32BE(start),
        flags: bytes.readUInt8(start + 4),
        from: readInteger(bytes, start + 5),
        id: readInteger(bytes, start + 13),
        group: readInteger(bytes, start + 21),
        number: bytes.readUInt32BE(start + 29),
        payload: bytes.subarray(start + 33, end),
      };
    case FrameType.GroupReceipt:
      expectLength('GROUP_RECEIPT', length, 29);
      return {
        type,
        sequence: bytes.readUInt32BE(start),
        flags: bytes.readUInt8(start + 4),
        by: readInteger(bytes, start + 5),
        id: readInteger(bytes, start + 13),
        group: readInteger(bytes, start + 21),
      };
    default:
      throw unknownType(type);
  }
}

function unknownType(type: number): ProtocolError {
  return new ProtocolError(ReasonCode.ProtocolError, `unknown frame type 0x${type.toString(16)}`);
}

function expectLength(name: string, length: number, expected: number): void {
  if (length !== expected) {
    throw new ProtocolError(ReasonCode.ProtocolError, `${name} has ${length} bytes, not ${expected}`);
  }
}

function expectAtLeast(name: string, length: number, least: number): void {
  if (length < least) {
    throw new ProtocolError(
      ReasonCode.ProtocolError,
      `${name} has ${length} bytes, at least ${least} belong to it`,
    );
  }
}

function readMembers(bytes: Buffer, start: number, end: number): number[] {
  if ((end - start) % 8 !== 0)
    throw new ProtocolError(ReasonCode.ProtocolError, 'GROUP ends in the middle of a member');
  const members: number[] = [];
  for (let at = start; at < end; at += 8) members.push(readInteger(bytes, at));
  return members;
}

function readInteger(bytes: Buffer, offset: number): number {
  const high = bytes.readUInt32BE(offset);
  if (high > LARGEST_HIGH_HALF) throw new ProtocolError(ReasonCode.ProtocolError, 'an id above 2^53 - 1');
  return high * TWO_32 + bytes.readUInt32BE(offset + 4);
}
