import type { OutgoingReceipt } from './store.js';

/**
 * Keys of the durable store: a kind, then numbers as big-endian integers, so that the order of the bytes is the order
 * of the mailboxes and, within one, of its items.
 */
export const KeyKind = { Item: 1, Repeats: 2, Receipt: 3 } as const;

export const ITEM_KEY_BYTES = 13;

const TWO_32 = 0x1_0000_0000;

/** Hot path. @param key where to write it */
export function itemKey(user: number, sequence: number, key = Buffer.allocUnsafe(ITEM_KEY_BYTES)): Buffer {
  key[0] = KeyKind.Item;
  writeInteger(user, key, 1);
  key.writeUInt32BE(sequence, 9);
  return key;
}

export function readItemKey(key: Buffer): { user: number; sequence: number } {
  return { user: readInteger(key, 1), sequence: key.readUInt32BE(9) };
}

export function repeatsKey(user: number, from: number): Buffer {
  return numbersKey(KeyKind.Repeats, [user, from]);
}

export function receiptKey({ by, to, id }: OutgoingReceipt): Buffer {
  return numbersKey(KeyKind.Receipt, [by, to, id]);
}

export function readReceiptKey(key: Buffer): OutgoingReceipt {
  return { by: readInteger(key, 1), to: readInteger(key, 9), id: readInteger(key, 17) };
}

/** The user whose home has to keep what is under `key`. */
export function ownerOf(key: Buffer): number {
  return readInteger(key, 1);
}

/** Every key of one kind: from the first to before the second. */
export function keysOf(kind: number): { start: Buffer; end: Buffer } {
  return { start: Buffer.from([kind]), end: Buffer.from([kind + 1]) };
}

function numbersKey(kind: number, numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + 8 * numbers.length);
  key[0] = kind;
  numbers.forEach((number, index) => {
    writeInteger(number, key, 1 + 8 * index);
  });
  return key;
}

function writeInteger(value: number, target: Buffer, offset: number): void {
  target.writeUInt32BE(Math.floor(value / TWO_32), offset);
  target.writeUInt32BE(value % TWO_32, offset + 4);
}

function readInteger(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
}
