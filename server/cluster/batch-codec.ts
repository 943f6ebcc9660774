import type { BusMessage } from '../bus/bus.js';
import { checkBusMessage, LENGTH_BYTES, messageEnd, readBusMessage } from '../bus/bus-codec.js';

/**
 * A batch: what one peer says to another in one message of NATS. Little-endian: magic byte, version of the messages, flags, a
 * byte that is 0, the numbers of both peers (16 bits each), number of the batch and number of the last one that came from the
 * other (doubles); then messages, each behind the number of a home (16 bits): whom it is for, or which home says it.
 */
export interface BatchHeader {
  /** Of the messages in it. */
  version: number;
  flags: number;
  /** Numbers of peers. */
  from: number;
  to: number;
  /** 1, 2, 3 … on this link; of a batch that only confirms the last one that was sent, which is 0 before the first. */
  number: number;
  /** All up to this one came from the other. */
  confirmed: number;
}

export const BATCH_HEADER_BYTES = 24;
/** What stands before each message. */
export const HOME_BYTES = 2;

export const BatchFlag = {
  /** It has no messages: it confirms, or asks. */
  confirms: 1,
  /** Whoever takes it says at once what came. */
  asks: 2,
  /** What was sent behind `confirmed` has not come, or not in order: it is to be sent again. */
  lacks: 4,
} as const;

const ALL_FLAGS = BatchFlag.confirms | BatchFlag.asks | BatchFlag.lacks;
const MAGIC = 0xc2;
const FLAGS_OFFSET = 2;
const CONFIRMED_OFFSET = 16;

/**
 * Operations of batches alone, about a home that moves; the field of each is an epoch, a double. `held`: the peer holds back
 * what it has to say to that home. `here`: it knows that the home is at whom this is said to, and what it held back follows.
 */
const MARKERS = { held: 255, here: 254 } as const;
const FIRST_MARKER = MARKERS.here;
export const MARKER_BYTES = HOME_BYTES + LENGTH_BYTES + 1 + 8;

export type Marker = keyof typeof MARKERS;

/** Hot path. */
export function writeBatchHeader(header: BatchHeader, target: Buffer): void {
  target[0] = MAGIC;
  target[1] = header.version;
  target[FLAGS_OFFSET] = header.flags;
  target[3] = 0;
  target.writeUInt16LE(header.from, 4);
  target.writeUInt16LE(header.to, 6);
  target.writeDoubleLE(header.number, 8);
  target.writeDoubleLE(header.confirmed, CONFIRMED_OFFSET);
}

/** Hot path. Brings a batch that is sent now, perhaps again, up to date. */
export function writeConfirmed(target: Buffer, confirmed: number): void {
  target.writeDoubleLE(confirmed, CONFIRMED_OFFSET);
}

/** Hot path. @returns undefined for what is no batch */
export function readBatchHeader(bytes: Buffer): BatchHeader | undefined {
  if (bytes.length < BATCH_HEADER_BYTES || bytes[0] !== MAGIC || bytes[3] !== 0) return undefined;
  const flags = bytes[FLAGS_OFFSET] as number;
  const number = bytes.readDoubleLE(8);
  const confirmed = bytes.readDoubleLE(CONFIRMED_OFFSET);
  if (flags > ALL_FLAGS || !isCount(number) || !isCount(confirmed)) return undefined;
  const isBare = (flags & BatchFlag.confirms) !== 0;
  // What is numbered says something, and what only confirms says nothing.
  if (isBare !== (bytes.length === BATCH_HEADER_BYTES) || (!isBare && number === 0)) return undefined;
  return {
    version: bytes[1] as number,
    flags,
    from: bytes.readUInt16LE(4),
    to: bytes.readUInt16LE(6),
    number,
    confirmed,
  };
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

/** @returns the offset behind it */
export function writeMarker(
  marker: Marker,
  home: number,
  epoch: number,
  target: Buffer,
  offset: number,
): number {
  let at = target.writeUInt16LE(home, offset);
  at = target.writeUInt32LE(1 + 8, at);
  at = target.writeUInt8(MARKERS[marker], at);
  return target.writeDoubleLE(epoch, at);
}

/**
 * Hot path. Looks over the messages of a batch before the first is taken, so that one is taken wholly or not at all.
 * @param homes how many there are
 * @returns how many of its messages this build does not know; undefined: it is no batch of messages
 */
export function checkBatch(bytes: Buffer, homes: number): number | undefined {
  let unknown = 0;
  let at = BATCH_HEADER_BYTES;
  while (at < bytes.length) {
    const start = at + HOME_BYTES + LENGTH_BYTES;
    if (start >= bytes.length || bytes.readUInt16LE(at) >= homes) return undefined;
    const end = messageEnd(bytes, at + HOME_BYTES);
    if ((bytes[start] as number) >= FIRST_MARKER) {
      if (end !== at + MARKER_BYTES || end > bytes.length || !isCount(bytes.readDoubleLE(start + 1)))
        return undefined;
    } else {
      const found = checkBusMessage(bytes, start, end);
      if (found === 'broken') return undefined;
      if (found === 'unknown') unknown += 1;
    }
    at = end;
  }
  return unknown;
}

export interface BatchReceiver {
  /** @param home whom it is for, or which home says it */
  message(home: number, message: BusMessage): void;
  marker(marker: Marker, home: number, epoch: number): void;
}

/** Hot path. Hands on the messages of a batch that was looked over, but not those that this build does not know. */
export function readBatch(bytes: Buffer, version: number, receiver: BatchReceiver): void {
  let at = BATCH_HEADER_BYTES;
  while (at < bytes.length) {
    const home = bytes.readUInt16LE(at);
    const start = at + HOME_BYTES + LENGTH_BYTES;
    const end = messageEnd(bytes, at + HOME_BYTES);
    const operation = bytes[start] as number;
    if (operation >= FIRST_MARKER)
      receiver.marker(operation === MARKERS.held ? 'held' : 'here', home, bytes.readDoubleLE(start + 1));
    else if (checkBusMessage(bytes, start, end) === 'known')
      receiver.message(home, readBusMessage(bytes, start, end, version));
    at = end;
  }
}
