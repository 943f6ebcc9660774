import type { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as ws from 'ws';
import {
  LARGEST_HEADER_BYTES,
  Opcode,
  readFrames,
  WebSocketError,
  writeFrame,
} from '../../../../loadgen/transports/websocket/websocket-frame.js';

/** Exported, but not in the types. */
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => Writable;
  Sender: { frame(data: Buffer, options: object): Buffer[] };
};

/** What the server's end of `ws` reads out of our bytes. */
function readWithWs(bytes: Buffer): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const messages: Buffer[] = [];
    const receiver = new Receiver({
      isServer: true,
      maxPayload: 1 << 20,
      binaryType: 'nodebuffer',
    } as object);
    receiver.on('message', (data: Buffer) => messages.push(data));
    receiver.on('error', reject);
    receiver.end(bytes, () => setImmediate(() => resolve(messages)));
  });
}

/** A frame as the server's end of `ws` writes it. */
function writeWithWs(payload: Buffer, opcode: number, isFinal = true): Buffer {
  const options = { fin: isFinal, rsv1: false, opcode, mask: false, readOnly: true };
  return Buffer.concat(Sender.frame(payload, options));
}

const textOf = (payloads: Buffer[]): string[] => payloads.map((each) => each.toString('latin1'));

const payload = fc
  .oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536), fc.nat(3000))
  .map((length) => Buffer.alloc(length, 'the quick brown fox'));

describe('WebSocket frames of the packet transport', () => {
  test('of a client are what ws reads', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(payload, { maxLength: 4 }), fc.nat(0xff_ff_ff_ff), async (payloads, mask) => {
        const frames = payloads.map((each) => {
          const target = Buffer.alloc(each.length + LARGEST_HEADER_BYTES);
          return target.subarray(0, writeFrame(Opcode.Binary, each, mask, target));
        });
        expect(textOf(await readWithWs(Buffer.concat(frames)))).toEqual(textOf(payloads));
      }),
      { numRuns: 50 },
    );
  });

  test('that ws writes are read, however the bytes are split', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 4 }), fc.nat(), (payloads, cut) => {
        const bytes = Buffer.concat(payloads.map((each) => writeWithWs(each, Opcode.Binary)));
        const split = bytes.length === 0 ? 0 : cut % bytes.length;
        const read: Buffer[] = [];
        const take = (_opcode: number, each: Buffer): boolean => read.push(Buffer.from(each)) > 0;
        const consumed = readFrames(bytes.subarray(0, split), take);
        readFrames(bytes.subarray(consumed), take);
        expect(textOf(read)).toEqual(textOf(payloads));
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a masked frame from a server', Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0])],
    ['a reserved bit', Buffer.from([0xc2, 0x00])],
    ['a ping in parts', Buffer.from([0x09, 0x00])],
    ['a ping of more than 125 bytes', Buffer.from([0x89, 126, 0, 126])],
  ])('refuse %s', (_, bytes) => {
    expect(() => readFrames(bytes, () => true)).toThrow(WebSocketError);
  });
});
