import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrames, FrameDecoder } from '../../protocol/decode.js';
import { bodyBytes, encodeFrame } from '../../protocol/encode.js';
import { type Frame, FrameType, HEADER_BYTES, ProtocolError, ReasonCode } from '../../protocol/frame.js';

const MAX_BYTES = 4096;

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xff_ff });
const u32 = fc.integer({ min: 0, max: 0xff_ff_ff_ff });
const id = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.maxSafeNat());
const text = fc.string({ maxLength: 40, unit: 'grapheme' });
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: fc.constant(FrameType.Hello), version: u8 }),
  fc.record({ type: fc.constant(FrameType.Login), user: id, token: text }),
  fc.record({ type: fc.constant(FrameType.Welcome), waiting: u32, window: u16, firstId: id }),
  fc.record({ type: fc.constant(FrameType.Send), to: id, id, payload }),
  fc.record({ type: fc.constant(FrameType.Accepted), id }),
  fc.record({ type: fc.constant(FrameType.Deliver), sequence: u32, flags: u8, from: id, id, payload }),
  fc.record({ type: fc.constant(FrameType.Ack), sequence: u32 }),
  fc.record({ type: fc.constant(FrameType.Receipt), sequence: u32, flags: u8, by: id, id }),
  fc.record({ type: fc.constant(FrameType.Ping), nonce: u32 }),
  fc.record({ type: fc.constant(FrameType.Pong), nonce: u32 }),
  fc.record({ type: fc.constant(FrameType.Error), code: u16, reference: id, reason: text }),
  fc.record({ type: fc.constant(FrameType.Goodbye), code: u16 }),
  fc.record({ type: fc.constant(FrameType.Group), id, group: id, members: fc.array(id, { maxLength: 40 }) }),
  fc.record({ type: fc.constant(FrameType.GroupSend), group: id, id, payload }),
  fc.record({
    type: fc.constant(FrameType.GroupDeliver),
    sequence: u32,
    flags: u8,
    group: id,
    number: u32,
    from: id,
    id,
    payload,
  }),
  fc.record({ type: fc.constant(FrameType.GroupReceipt), sequence: u32, flags: u8, group: id, by: id, id }),
);

/** Payloads are views into the chunk, so they are copied. */
function decodeChunks(chunks: Buffer[]): Frame[] {
  const decoder = new FrameDecoder(MAX_BYTES);
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk, (frame) => {
      frames.push('payload' in frame ? { ...frame, payload: Buffer.from(frame.payload) } : frame);
      return true;
    });
    // A decoder that copies what it keeps does not mind what becomes of the chunk.
    chunk.fill(0xee);
  }
  return frames;
}

function split(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) =>
    Buffer.from(bytes.subarray(from, places[index] ?? bytes.length)),
  );
}

describe('a stream of frames', () => {
  test('is read as it was written, however its bytes are split', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat()), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(encodeFrame));
        expect(bytes.length).toBe(frames.reduce((sum, frame) => sum + HEADER_BYTES + bodyBytes(frame), 0));
        expect(decodeChunks(split(bytes, cuts))).toEqual(frames);
      }),
      { numRuns: 500 },
    );
  });

  test('is read as it was written when it is split at every boundary, and byte by byte', () => {
    const frames = fc.sample(anyFrame, { numRuns: 30, seed: 7 });
    const bytes = Buffer.concat(frames.map(encodeFrame));
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(decodeChunks([Buffer.from(bytes.subarray(0, cut)), Buffer.from(bytes.subarray(cut))])).toEqual(
        frames,
      );
    }
    expect(decodeChunks(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(frames);
  });

  test('stops after the frame that its reader wants to be the last, and keeps the rest for later', () => {
    const decoder = new FrameDecoder(MAX_BYTES);
    const seen: number[] = [];
    const pings = [1, 2, 3].map((nonce) => encodeFrame({ type: FrameType.Ping, nonce }));
    const take = (frame: Frame): boolean => seen.push((frame as { nonce: number }).nonce) === 3;
    decoder.push(Buffer.concat(pings), take);
    expect(seen).toEqual([1]);
    expect(decoder.pendingBytes).toBe(16);
  });
});

describe('bytes that are no frames', () => {
  /** Frames, or a clean error: nothing else may come of any bytes, and never more is kept than one frame. */
  function digest(chunks: Buffer[]): void {
    const decoder = new FrameDecoder(MAX_BYTES);
    try {
      for (const chunk of chunks) {
        decoder.push(chunk, () => true);
        expect(decoder.pendingBytes).toBeLessThanOrEqual(MAX_BYTES + HEADER_BYTES);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      expect(Object.values(ReasonCode)).toContain((error as ProtocolError).code);
      expect((error as Error).message).not.toBe('');
    }
  }

  test('at random end in frames or in a protocol error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) =>
        digest(chunks.map((c) => Buffer.from(c))),
      ),
      { numRuns: 2000 },
    );
  });

  test('made from right ones by changing, deleting and inserting end in frames or in a protocol error', () => {
    const change = fc.record({ at: fc.nat(), byte: u8, kind: fc.constantFrom('set', 'delete', 'insert') });
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 5 }),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 4 }),
        (frames, changes, cuts) => {
          const bytes = [...Buffer.concat(frames.map(encodeFrame))];
          for (const { at, byte, kind } of changes) {
            const place = at % bytes.length;
            if (kind === 'set') bytes[place] = byte;
            else if (kind === 'delete' && bytes.length > 1) bytes.splice(place, 1);
            else bytes.splice(place, 0, byte);
          }
          digest(split(Buffer.from(bytes), cuts));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['a length above the limit, told from the header alone', '001001 10', ReasonCode.FrameTooLarge],
    ['an unknown type', '000000 7f', ReasonCode.ProtocolError],
    ['a HELLO without the magic', '000004 01 63326e01', ReasonCode.ProtocolError],
    ['a body that is too short', '000003 13 000001', ReasonCode.ProtocolError],
    ['a body that is too long', '000005 13 0000000100', ReasonCode.ProtocolError],
    [
      'a GROUP that ends in the middle of a member',
      '000014 40 0000000000000001 0000000000000002 00000000',
      ReasonCode.ProtocolError,
    ],
    ['an id above 2^53 - 1', '000008 11 0020000000000000', ReasonCode.ProtocolError],
  ])('%s is refused', (_, hex, code) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(() => decodeFrames(bytes, MAX_BYTES, () => true)).toThrow(expect.objectContaining({ code }));
  });

  test('a frame of the largest length that is allowed is taken', () => {
    const frame: Frame = { type: FrameType.Send, to: 1, id: 1, payload: Buffer.alloc(MAX_BYTES - 16, 1) };
    expect(decodeChunks([encodeFrame(frame)])).toEqual([frame]);
  });

  test('a frame that 24 bits cannot measure is not written', () => {
    const payload = Buffer.alloc(0x1_00_00_00);
    expect(() => encodeFrame({ type: FrameType.Send, to: 1, id: 1, payload })).toThrow(ProtocolError);
  });
});
