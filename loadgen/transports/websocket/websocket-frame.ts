/** Frames as RFC 6455, section 5.2, lays them out, with the one reserved bit that RFC 7692 gives a meaning. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

const FIN_BIT = 0x80;
/** The message is compressed; stands in its first frame. To be added to an opcode. */
export const COMPRESSED_BIT = 0x40;
const RESERVED_BITS = 0x70;
const MASK_BIT = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;
const MOST_CONTROL_BYTES = 125;
/** No server of messages sends more at once; whoever does is cut off instead of being waited for. */
const MOST_FRAME_BYTES = 16 * 1024 * 1024;
/** Two bytes, a length of eight, a mask. */
export const LARGEST_HEADER_BYTES = 14;

/** The server broke the framing; the message says how. */
export class WebSocketError extends Error {}

/**
 * Hot path. Writes a masked frame of a client; returns the offset behind it.
 * @param mask 32 bits, anew for every frame (section 5.3)
 */
export function writeFrame(opcode: number, payload: Uint8Array, mask: number, target: Buffer): number {
  const { length } = payload;
  target[0] = FIN_BIT | opcode;
  let at = 2;
  if (length < LENGTH_16) {
    target[1] = MASK_BIT | length;
  } else if (length <= 0xff_ff) {
    target[1] = MASK_BIT | LENGTH_16;
    at = target.writeUInt16BE(length, at);
  } else {
    target[1] = MASK_BIT | LENGTH_64;
    at = target.writeBigUInt64BE(BigInt(length), at);
  }
  at = target.writeUInt32BE(mask >>> 0, at);
  for (let index = 0; index < length; index += 1) {
    target[at + index] = (payload[index] as number) ^ (target[at - MASK_BYTES + (index & 3)] as number);
  }
  return at + length;
}

/**
 * Hot path. Hands every whole frame of a server to `onFrame`; returns how many bytes they took. What is left is the
 * beginning of a frame. `onFrame` returns false to stop after its frame.
 * @param mayBeCompressed both ends have agreed to it
 * @throws WebSocketError
 */
export function readFrames(
  bytes: Buffer,
  onFrame: (opcode: number, payload: Buffer, isFinal: boolean, isCompressed: boolean) => boolean,
  mayBeCompressed = false,
): number {
  let at = 0;
  while (bytes.length - at >= 2) {
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const opcode = first & 0xf;
    const isFinal = (first & FIN_BIT) !== 0;
    const reserved = first & RESERVED_BITS;
    if (reserved !== 0 && !(mayBeCompressed && beginsCompressed(reserved, opcode)))
      throw new WebSocketError('a reserved bit is set');
    if ((second & MASK_BIT) !== 0) throw new WebSocketError('a server must not mask its frames');
    let length = second & 0x7f;
    let start = at + 2;
    if (opcode >= Opcode.Close && (!isFinal || length > MOST_CONTROL_BYTES)) {
      throw new WebSocketError('a control frame is fragmented or too long');
    }
    if (length === LENGTH_16) {
      if (bytes.length < start + 2) break;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === LENGTH_64) {
      if (bytes.length < start + 8) break;
      length = Number(bytes.readBigUInt64BE(start));
      if (length > MOST_FRAME_BYTES) throw new WebSocketError('a frame is too long');
      start += 8;
    }
    if (bytes.length < start + length) break;
    at = start + length;
    if (!onFrame(opcode, bytes.subarray(start, at), isFinal, reserved !== 0)) break;
  }
  return at;
}

function beginsCompressed(reserved: number, opcode: number): boolean {
  return reserved === COMPRESSED_BIT && (opcode === Opcode.Text || opcode === Opcode.Binary);
}
