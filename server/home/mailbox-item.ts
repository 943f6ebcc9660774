import { FrameType, type ItemFrame } from '../../protocol/frame.js';
import { NO_GROUP } from '../bus/bus.js';

/**
 * One item of a mailbox: a message for the user, or a receipt for a message that the user sent.
 * `frame` is what goes over the wire, so that delivering is a write and no more.
 */
export interface MailboxItem {
  /** Counts the items of one mailbox, from 1, without gaps. */
  readonly sequence: number;
  /** Sender of the message, or the user whose receipt this is. */
  readonly from: number;
  readonly id: number;
  readonly isReceipt: boolean;
  /** The group that the message was for; `NO_GROUP`: for the user alone. */
  readonly group: number;
  /** Number of the message in its group; 0 for a receipt, and without a group. */
  readonly number: number;
  /** Wall clock when it was stored, milliseconds since 1970. */
  readonly atMs: number;
  readonly frame: Buffer;
}

/** Hot path. The item that `content`, written out as `frame`, is. */
export function itemOf(content: ItemFrame, atMs: number, frame: Buffer): MailboxItem {
  const { sequence, id } = content;
  switch (content.type) {
    case FrameType.Deliver:
      return {
        sequence,
        from: content.from,
        id,
        isReceipt: false,
        group: NO_GROUP,
        number: 0,
        atMs,
        frame,
      };
    case FrameType.Receipt:
      return { sequence, from: content.by, id, isReceipt: true, group: NO_GROUP, number: 0, atMs, frame };
    case FrameType.GroupDeliver:
      return {
        sequence,
        from: content.from,
        id,
        isReceipt: false,
        group: content.group,
        number: content.number,
        atMs,
        frame,
      };
    case FrameType.GroupReceipt:
      return {
        sequence,
        from: content.by,
        id,
        isReceipt: true,
        group: content.group,
        number: 0,
        atMs,
        frame,
      };
  }
}
