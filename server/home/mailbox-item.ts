import { decodeFrames } from '../../protocol/decode.js';
import { bodyBytes, writeFrame } from '../../protocol/encode.js';
import { FrameType, HEADER_BYTES, type ItemFrame, LARGEST_BODY_BYTES } from '../../protocol/frame.js';
import { NO_GROUP } from '../bus/bus.js';
import { VALUE_OFFSET } from '../store/home-store.js';

/** When the item was stored, milliseconds since 1970, as a double. */
const TIME_BYTES = 8;
const FRAME_OFFSET = VALUE_OFFSET + TIME_BYTES;

/**
 * One item of a mailbox: a message for the user, or a receipt for a message that the user sent.
 * `frame` is what goes over the wire, so that delivering is a write and no more.
 */
export interface MailboxItem {
  /** Counts the items of one mailbox. */
  readonly sequence: number;
  /** Sender of the message, or the user whose receipt this is. */
  readonly from: number;
  readonly id: number;
  readonly isReceipt: boolean;
  /** The group that the message was for; `NO_GROUP`: for the user alone. */
  readonly group: number;
  readonly frame: Buffer;
}

/** Hot path. `content` as the store keeps it: its time, and the frame. */
export function writeItem(content: ItemFrame, atMs: number): Buffer {
  const value = Buffer.allocUnsafe(FRAME_OFFSET + HEADER_BYTES + bodyBytes(content));
  value.writeDoubleLE(atMs, VALUE_OFFSET);
  writeFrame(content, value, FRAME_OFFSET);
  return value;
}

/** Hot path. The item that `content` is, written out as `value`. */
export function itemOf(content: ItemFrame, value: Buffer): MailboxItem {
  return toItem(content, value.subarray(FRAME_OFFSET));
}

/** The value that `item` would have been written as. */
export function writeAgain({ frame }: MailboxItem, atMs: number): Buffer {
  const value = Buffer.allocUnsafe(FRAME_OFFSET + frame.length);
  value.writeDoubleLE(atMs, VALUE_OFFSET);
  value.set(frame, FRAME_OFFSET);
  return value;
}

/** When the item that `value` holds was stored. */
export function storedAtMs(value: Buffer): number {
  return value.readDoubleLE(VALUE_OFFSET);
}

/** Undefined where it is not item `sequence`. */
export function readItem(sequence: number, value: Buffer): MailboxItem | undefined {
  const frame = value.subarray(FRAME_OFFSET);
  let item: MailboxItem | undefined;
  decodeFrames(frame, LARGEST_BODY_BYTES, (content) => {
    switch (content.type) {
      case FrameType.Deliver:
      case FrameType.Receipt:
      case FrameType.GroupDeliver:
      case FrameType.GroupReceipt:
        if (content.sequence === sequence) item = toItem(content, frame);
    }
    return false;
  });
  return item;
}

function toItem(content: ItemFrame, frame: Buffer): MailboxItem {
  const { sequence, id } = content;
  switch (content.type) {
    case FrameType.Deliver:
      return { sequence, from: content.from, id, isReceipt: false, group: NO_GROUP, frame };
    case FrameType.Receipt:
      return { sequence, from: content.by, id, isReceipt: true, group: NO_GROUP, frame };
    case FrameType.GroupDeliver:
      return { sequence, from: content.from, id, isReceipt: false, group: content.group, frame };
    case FrameType.GroupReceipt:
      return { sequence, from: content.by, id, isReceipt: true, group: content.group, frame };
  }
}
