/**
 * Keys of a home's store: a kind, then numbers as big-endian integers, so that the order of the bytes is the order of
 * the mailboxes and, within one, of its items. The first number is whose home has to keep it: a user or a group.
 */
export const KeyKind = {
  Item: 1,
  /** What a user had from a sender. */
  Window: 2,
  Receipt: 3,
  /** What a user had of a group. */
  GroupWindow: 4,
  GroupReceipt: 5,
  Group: 6,
  /** What a group had from a sender. */
  GroupSender: 7,
  Copies: 8,
  /** What time it was; of the home, not of a user. */
  Clock: 9,
  /** Where a user was connected when its home was handed over. */
  Connection: 10,
  /** How far its mailboxes have counted; of the home, not of a user. */
  Sequences: 11,
} as const;

export const ITEM_KEY_BYTES = 13;

const NUMBER_BYTES = 8;
const TWO_32 = 0x1_0000_0000;

/** Sorts behind every number that may follow a prefix: those have at most 53 bits. */
const BEHIND_ALL = Buffer.of(0xff);

/** Hot path. */
export function itemKey(user: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(ITEM_KEY_BYTES);
  key[0] = KeyKind.Item;
  writeInteger(user, key, 1);
  key.writeUInt32BE(sequence, 9);
  return key;
}

/** Undefined where it is the key of no item. */
export function readItemKey(key: Buffer): { user: number; sequence: number } | undefined {
  if (key.length !== ITEM_KEY_BYTES || key[0] !== KeyKind.Item) return undefined;
  return { user: readInteger(key, 1), sequence: key.readUInt32BE(9) };
}

/** Hot path. A kind and any numbers, or the beginning of such keys. */
export function numbersKey(kind: number, ...numbers: number[]): Buffer {
  const key = Buffer.allocUnsafe(1 + NUMBER_BYTES * numbers.length);
  key[0] = kind;
  let at = 1;
  for (const number of numbers) {
    writeInteger(number, key, at);
    at += NUMBER_BYTES;
  }
  return key;
}

/** The number at `index` of a key that `numbersKey` made. */
export function numberOf(key: Buffer, index: number): number {
  return readInteger(key, 1 + NUMBER_BYTES * index);
}

/** The user or the group whose home has to keep what is under `key`. */
export function ownerOf(key: Buffer): number {
  return numberOf(key, 0);
}

/** Every key that begins with `prefix`: from the first to before the second. */
export function keysFrom(prefix: Buffer): { start: Buffer; end: Buffer } {
  return { start: prefix, end: Buffer.concat([prefix, BEHIND_ALL]) };
}

function writeInteger(value: number, target: Buffer, offset: number): void {
  target.writeUInt32BE(Math.floor(value / TWO_32), offset);
  target.writeUInt32BE(value % TWO_32, offset + 4);
}

function readInteger(bytes: Buffer, offset: number): number {
  return bytes.readUInt32BE(offset) * TWO_32 + bytes.readUInt32BE(offset + 4);
}
