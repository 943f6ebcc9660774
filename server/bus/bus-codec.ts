import type { ReasonCode } from '../../protocol/frame.js';
import type { BusMessage } from './bus.js';

/**
 * Bus messages between processes: a 32-bit length (of all behind it), an operation byte and fixed fields, little-endian; ids
 * as doubles, which hold 2^53 exactly. The processes of one machine are the same build and speak the newest version; peers of
 * a cluster agree on one. Version 2: `attach` may say what was sent. Version 3: `attach` and `attached` may say an epoch.
 */
export const OLDEST_CODEC = 1;
export const NEWEST_CODEC = 3;

const Operation = {
  attach: 1,
  detach: 2,
  submit: 3,
  acknowledge: 4,
  attached: 5,
  replaced: 6,
  accepted: 7,
  refused: 8,
  deliver: 9,
  receipt: 10,
  'receipt-kept': 11,
  'submit-to-group': 12,
  group: 13,
  copies: 14,
  'copies-kept': 15,
  resend: 16,
  resending: 17,
} as const;

/** What stands before every message: the bytes behind it. */
export const LENGTH_BYTES = 4;

const PREFIX_BYTES = LENGTH_BYTES + 1;

/** By operation: what its fields take at least. The reading below relies on it; what follows them is left unread. */
const LEAST_BYTES: Readonly<Record<number, number>> = {
  [Operation.attach]: 14,
  [Operation.detach]: 14,
  [Operation.submit]: 30,
  [Operation.acknowledge]: 18,
  [Operation.attached]: 8,
  [Operation.replaced]: 4,
  [Operation.accepted]: 12,
  [Operation.refused]: 14,
  [Operation.deliver]: 8,
  [Operation.receipt]: 33,
  [Operation['receipt-kept']]: 33,
  [Operation['submit-to-group']]: 30,
  [Operation.group]: 30,
  [Operation.copies]: 36,
  [Operation['copies-kept']]: 18,
  [Operation.resend]: 2,
  [Operation.resending]: 2,
};

/** An `attach` that says what was sent. */
const ATTACH_SENT_BYTES = 18;
/** One that says an epoch has room for what was sent, and a byte that is 1 where it says that too. */
const ATTACH_EPOCH_BYTES = ATTACH_SENT_BYTES + 8 + 1;
const ATTACHED_BYTES = 8;
const ATTACHED_EPOCH_BYTES = ATTACHED_BYTES + 8;

/** Bytes that `message` takes on the bus. */
export function busMessageBytes(message: BusMessage, version = NEWEST_CODEC): number {
  return PREFIX_BYTES + fieldBytes(message, version);
}

function fieldBytes(message: BusMessage, version: number): number {
  switch (message.kind) {
    case 'attach':
      if (message.epoch !== undefined && version >= 3) return ATTACH_EPOCH_BYTES;
      return message.sent === undefined || version < 2 ? 14 : ATTACH_SENT_BYTES;
    case 'detach':
      return 14;
    case 'submit':
    case 'submit-to-group':
      return 30 + message.payload.length;
    case 'acknowledge':
      return 18;
    case 'attached':
      return message.epoch === undefined || version < 3 ? ATTACHED_BYTES : ATTACHED_EPOCH_BYTES;
    case 'replaced':
      return 4;
    case 'accepted':
      return 12;
    case 'refused':
      return 14;
    case 'deliver':
      return 8 + message.frame.length;
    case 'receipt':
    case 'receipt-kept':
      return 33;
    case 'group':
      return 30 + 8 * message.members.length;
    case 'copies':
      return 36 + 8 * message.members.length + message.payload.length;
    case 'copies-kept':
      return 18;
    case 'resend':
    case 'resending':
      return 2;
  }
}

/** More than any message takes that a frame of a client becomes: the largest is one to a group, for members who are all at one home. */
export function largestMessageBytes(maxFrameBytes: number, groupMembers: number): number {
  return PREFIX_BYTES + (LEAST_BYTES[Operation.copies] as number) + 8 * groupMembers + maxFrameBytes;
}

/** Hot path. Writes `message` at `offset`; returns the offset behind it. The caller has made room. */
export function writeBusMessage(
  message: BusMessage,
  target: Buffer,
  offset: number,
  version = NEWEST_CODEC,
): number {
  const length = fieldBytes(message, version);
  let at = target.writeUInt32LE(length + 1, offset);
  at = target.writeUInt8(Operation[message.kind], at);
  const end = at + length;
  switch (message.kind) {
    case 'attach':
      at = target.writeDoubleLE(message.user, at);
      at = target.writeUInt16LE(message.worker, at);
      at = target.writeUInt32LE(message.connection, at);
      if (length >= ATTACH_SENT_BYTES) at = target.writeUInt32LE(message.sent ?? 0, at);
      if (length >= ATTACH_EPOCH_BYTES) {
        at = target.writeDoubleLE(message.epoch as number, at);
        target.writeUInt8(message.sent === undefined ? 0 : 1, at);
      }
      break;
    case 'detach':
      at = target.writeDoubleLE(message.user, at);
      at = target.writeUInt16LE(message.worker, at);
      target.writeUInt32LE(message.connection, at);
      break;
    case 'submit':
    case 'submit-to-group':
      at = target.writeDoubleLE(message.from, at);
      at = target.writeUInt16LE(message.worker, at);
      at = target.writeUInt32LE(message.connection, at);
      at = target.writeDoubleLE(message.kind === 'submit' ? message.to : message.group, at);
      at = target.writeDoubleLE(message.id, at);
      target.set(message.payload, at);
      break;
    case 'acknowledge':
      at = target.writeDoubleLE(message.user, at);
      at = target.writeUInt16LE(message.worker, at);
      at = target.writeUInt32LE(message.connection, at);
      target.writeUInt32LE(message.sequence, at);
      break;
    case 'attached':
      at = target.writeUInt32LE(message.connection, at);
      at = target.writeUInt32LE(message.waiting, at);
      if (length >= ATTACHED_EPOCH_BYTES) target.writeDoubleLE(message.epoch as number, at);
      break;
    case 'replaced':
      target.writeUInt32LE(message.connection, at);
      break;
    case 'accepted':
      at = target.writeUInt32LE(message.connection, at);
      target.writeDoubleLE(message.id, at);
      break;
    case 'refused':
      at = target.writeUInt32LE(message.connection, at);
      at = target.writeDoubleLE(message.id, at);
      target.writeUInt16LE(message.code, at);
      break;
    case 'deliver':
      at = target.writeUInt32LE(message.connection, at);
      at = target.writeUInt32LE(message.sequence, at);
      target.set(message.frame, at);
      break;
    case 'receipt':
    case 'receipt-kept':
      at = target.writeDoubleLE(message.to, at);
      at = target.writeDoubleLE(message.by, at);
      at = target.writeDoubleLE(message.id, at);
      at = target.writeDoubleLE(message.group, at);
      target.writeUInt8(message.isUndelivered ? 1 : 0, at);
      break;
    case 'group':
      at = target.writeDoubleLE(message.user, at);
      at = target.writeUInt16LE(message.worker, at);
      at = target.writeUInt32LE(message.connection, at);
      at = target.writeDoubleLE(message.group, at);
      at = target.writeDoubleLE(message.id, at);
      for (const member of message.members) at = target.writeDoubleLE(member, at);
      break;
    case 'copies':
      at = target.writeDoubleLE(message.group, at);
      at = target.writeDoubleLE(message.number, at);
      at = target.writeDoubleLE(message.from, at);
      at = target.writeDoubleLE(message.id, at);
      at = target.writeUInt32LE(message.members.length, at);
      for (const member of message.members) at = target.writeDoubleLE(member, at);
      target.set(message.payload, at);
      break;
    case 'copies-kept':
      at = target.writeDoubleLE(message.group, at);
      at = target.writeDoubleLE(message.number, at);
      target.writeUInt16LE(message.home, at);
      break;
    case 'resend':
    case 'resending':
      target.writeUInt16LE(message.home, at);
      break;
  }
  return end;
}

/** Hot path. Hands every whole message in `bytes` to `onMessage`; returns how many bytes they took. */
export function readBusMessages(bytes: Buffer, onMessage: (message: BusMessage) => void): number {
  let at = 0;
  while (bytes.length - at >= LENGTH_BYTES) {
    const end = messageEnd(bytes, at);
    if (end > bytes.length) break;
    onMessage(readBusMessage(bytes, at + LENGTH_BYTES, end));
    at = end;
  }
  return at;
}

/** Where the message that begins at `at` ends, by its length. */
export function messageEnd(bytes: Buffer, at: number): number {
  return at + LENGTH_BYTES + bytes.readUInt32LE(at);
}

/**
 * Hot path. What the message from `start`, its operation, to `end` is: one that `readBusMessage` can read, one of a version
 * that this build does not know, or none.
 */
export function checkBusMessage(bytes: Buffer, start: number, end: number): 'known' | 'unknown' | 'broken' {
  if (end <= start || end > bytes.length) return 'broken';
  const operation = bytes[start] as number;
  const least = LEAST_BYTES[operation];
  if (least === undefined) return 'unknown';
  const length = end - start - 1;
  if (length < least) return 'broken';
  if (operation !== Operation.copies) return 'known';
  return bytes.readUInt32LE(start + 1 + 32) <= (length - least) / 8 ? 'known' : 'broken';
}

/** Hot path. The message from `start`, its operation, to `end`. */
export function readBusMessage(
  bytes: Buffer,
  start: number,
  end: number,
  version = NEWEST_CODEC,
): BusMessage {
  const operation = bytes[start];
  const at = start + 1;
  switch (operation) {
    case Operation.attach: {
      const attach: BusMessage = {
        kind: 'attach',
        user: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
      };
      const hasEpoch = version >= 3 && end - at >= ATTACH_EPOCH_BYTES;
      if (hasEpoch) attach.epoch = bytes.readDoubleLE(at + ATTACH_SENT_BYTES);
      const hasSent = hasEpoch ? bytes[at + ATTACH_SENT_BYTES + 8] === 1 : end - at >= ATTACH_SENT_BYTES;
      if (version >= 2 && hasSent) attach.sent = bytes.readUInt32LE(at + 14);
      return attach;
    }
    case Operation.detach:
      return {
        kind: 'detach',
        user: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
      };
    case Operation.submit:
      return {
        kind: 'submit',
        from: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
        to: bytes.readDoubleLE(at + 14),
        id: bytes.readDoubleLE(at + 22),
        payload: bytes.subarray(at + 30, end),
      };
    case Operation.acknowledge:
      return {
        kind: 'acknowledge',
        user: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
        sequence: bytes.readUInt32LE(at + 14),
      };
    case Operation.attached: {
      const attached: BusMessage = {
        kind: 'attached',
        connection: bytes.readUInt32LE(at),
        waiting: bytes.readUInt32LE(at + 4),
      };
      if (version >= 3 && end - at >= ATTACHED_EPOCH_BYTES)
        attached.epoch = bytes.readDoubleLE(at + ATTACHED_BYTES);
      return attached;
    }
    case Operation.replaced:
      return { kind: 'replaced', connection: bytes.readUInt32LE(at) };
    case Operation.accepted:
      return { kind: 'accepted', connection: bytes.readUInt32LE(at), id: bytes.readDoubleLE(at + 4) };
    case Operation.refused:
      return {
        kind: 'refused',
        connection: bytes.readUInt32LE(at),
        id: bytes.readDoubleLE(at + 4),
        code: bytes.readUInt16LE(at + 12) as ReasonCode,
      };
    case Operation.deliver:
      return {
        kind: 'deliver',
        connection: bytes.readUInt32LE(at),
        sequence: bytes.readUInt32LE(at + 4),
        // A view into the chunk, up to 64 KiB, which it keeps in memory: whoever holds it past the turn copies it.
        frame: bytes.subarray(at + 8, end),
      };
    case Operation.receipt:
    case Operation['receipt-kept']:
      return {
        kind: operation === Operation.receipt ? 'receipt' : 'receipt-kept',
        to: bytes.readDoubleLE(at),
        by: bytes.readDoubleLE(at + 8),
        id: bytes.readDoubleLE(at + 16),
        group: bytes.readDoubleLE(at + 24),
        isUndelivered: bytes[at + 32] === 1,
      };
    case Operation['submit-to-group']:
      return {
        kind: 'submit-to-group',
        from: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
        group: bytes.readDoubleLE(at + 14),
        id: bytes.readDoubleLE(at + 22),
        payload: bytes.subarray(at + 30, end),
      };
    case Operation.group:
      return {
        kind: 'group',
        user: bytes.readDoubleLE(at),
        worker: bytes.readUInt16LE(at + 8),
        connection: bytes.readUInt32LE(at + 10),
        group: bytes.readDoubleLE(at + 14),
        id: bytes.readDoubleLE(at + 22),
        members: readMembers(bytes, at + 30, Math.floor((end - at - 30) / 8)),
      };
    case Operation.copies: {
      const count = bytes.readUInt32LE(at + 32);
      return {
        kind: 'copies',
        group: bytes.readDoubleLE(at),
        number: bytes.readDoubleLE(at + 8),
        from: bytes.readDoubleLE(at + 16),
        id: bytes.readDoubleLE(at + 24),
        members: readMembers(bytes, at + 36, count),
        payload: bytes.subarray(at + 36 + 8 * count, end),
      };
    }
    case Operation['copies-kept']:
      return {
        kind: 'copies-kept',
        group: bytes.readDoubleLE(at),
        number: bytes.readDoubleLE(at + 8),
        home: bytes.readUInt16LE(at + 16),
      };
    case Operation.resend:
    case Operation.resending:
      return {
        kind: operation === Operation.resend ? 'resend' : 'resending',
        home: bytes.readUInt16LE(at),
      };
    default:
      throw new Error(`unknown bus operation ${operation}: the workers are not of one build`);
  }
}

function readMembers(bytes: Buffer, offset: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => bytes.readDoubleLE(offset + 8 * index));
}
