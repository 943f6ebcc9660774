import { VALUE_OFFSET } from '../store/home-store.js';
import { KeyKind, numberOf, numbersKey } from '../store/store-keys.js';
import type { KeptConnection } from './mailboxes.js';

/** Epoch, worker, connection, and the sequences: last sent, last, highest sent. */
const NOTE_BYTES = 8 + 2 + 4 + 3 * 4;

/** All that an owner has noted down of connections when it handed its home over. */
export const NOTES = numbersKey(KeyKind.Connection);

/** @param epoch of the owner that writes it */
export function noteOf(kept: KeptConnection, epoch: number): [key: Buffer, value: Buffer] {
  const value = Buffer.allocUnsafe(VALUE_OFFSET + NOTE_BYTES);
  let at = value.writeDoubleLE(epoch, VALUE_OFFSET);
  at = value.writeUInt16LE(kept.worker, at);
  at = value.writeUInt32LE(kept.connection, at);
  at = value.writeUInt32LE(kept.sentSequence, at);
  at = value.writeUInt32LE(kept.lastSequence, at);
  value.writeUInt32LE(kept.highestSent, at);
  return [numbersKey(KeyKind.Connection, kept.user), value];
}

/** Undefined: it is of another epoch, and out of date. */
export function readNote(key: Buffer, value: Buffer, epoch: number): KeptConnection | undefined {
  let at = VALUE_OFFSET;
  if (value.readDoubleLE(at) !== epoch) return undefined;
  at += 8;
  return {
    user: numberOf(key, 0),
    worker: value.readUInt16LE(at),
    connection: value.readUInt32LE(at + 2),
    sentSequence: value.readUInt32LE(at + 6),
    lastSequence: value.readUInt32LE(at + 10),
    highestSent: value.readUInt32LE(at + 14),
  };
}
