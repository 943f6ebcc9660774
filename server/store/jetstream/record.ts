import { crc32 } from 'node:zlib';

/** Keys and values one behind the other; a value that is undefined: what is under the key is removed. */
export type Changes = readonly (Buffer | undefined)[];

/** Who writes: the epoch of an owner, and a number of its own, since nothing keeps an epoch from being given twice. */
export interface Owner {
  readonly epoch: number;
  /** 32 bits, at random. */
  readonly mark: number;
}

/** A message of a home's stream: a fence, or a turn, or a part of one that is too large for a message. */
export interface LogRecord {
  readonly owner: Owner;
  /** Counts the records of the owner from 1 on; 0: its fence. */
  readonly number: number;
  readonly beginsTurn: boolean;
  readonly endsTurn: boolean;
  /** Changes, or a part of their bytes. */
  readonly body: Buffer;
}

/** A message that is not what was written. */
export class RecordError extends Error {
  readonly code = 'C2M_LOG_RECORD';
}

const VERSION = 1;
const MAGIC = 0xc2;
const BEGINS = 1;
const ENDS = 2;

/** Checksum (4 bytes), magic, version, flags, 0, epoch (6), mark (4), number (6); little-endian. */
export const HEAD_BYTES = 24;
/** The checksum covers what is behind it. */
const SUMMED_FROM = 4;
/** Of its key (2 bytes) and of its value (4), before both. */
const LENGTHS_BYTES = 6;
const REMOVAL = 0xffff_ffff;

/** The record by which an owner takes over. */
export function encodeFence(owner: Owner): Buffer {
  return finish(Buffer.alloc(HEAD_BYTES), owner, 0, 0);
}

/**
 * Hot path. A turn as one record, or as several of at most `mostBytes`, which count only once the last of them is there.
 * @param first number of the first of them
 */
export function encodeTurn(changes: Changes, owner: Owner, first: number, mostBytes: number): Buffer[] {
  const bytes = bytesOf(changes);
  const part = mostBytes - HEAD_BYTES;
  if (bytes <= part) {
    const record = Buffer.allocUnsafe(HEAD_BYTES + bytes);
    writeChanges(changes, record, HEAD_BYTES);
    return [finish(record, owner, first, BEGINS | ENDS)];
  }
  const body = Buffer.allocUnsafe(bytes);
  writeChanges(changes, body, 0);
  const records: Buffer[] = [];
  for (let from = 0; from < bytes; from += part) {
    const to = Math.min(from + part, bytes);
    const record = Buffer.allocUnsafe(HEAD_BYTES + to - from);
    body.copy(record, HEAD_BYTES, from, to);
    const flags = (from === 0 ? BEGINS : 0) | (to === bytes ? ENDS : 0);
    records.push(finish(record, owner, first + records.length, flags));
  }
  return records;
}

/** @throws RecordError for bytes that are not a record, whole and of this version */
export function decodeRecord(bytes: Uint8Array): LogRecord {
  const record = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (record.length < HEAD_BYTES || record[4] !== MAGIC) throw new RecordError('is no record of a home');
  if (crc32(record.subarray(SUMMED_FROM)) !== record.readUInt32LE(0))
    throw new RecordError('is damaged: its checksum is wrong');
  if (record[5] !== VERSION)
    throw new RecordError(`is of version ${record[5]}, which this server cannot read`);
  const flags = record[6] as number;
  return {
    owner: { epoch: record.readUIntLE(8, 6), mark: record.readUInt32LE(14) },
    number: record.readUIntLE(18, 6),
    beginsTurn: (flags & BEGINS) !== 0,
    endsTurn: (flags & ENDS) !== 0,
    body: record.subarray(HEAD_BYTES),
  };
}

/**
 * Hot path. Reads the changes of a turn; keys and values are parts of `body`.
 * @throws RecordError where they do not end with it
 */
export function readChanges(body: Buffer, change: (key: Buffer, value: Buffer | undefined) => void): void {
  let at = 0;
  while (at < body.length) {
    if (at + LENGTHS_BYTES > body.length) throw new RecordError('ends within a change');
    const keyEnd = at + LENGTHS_BYTES + body.readUInt16LE(at);
    const valueBytes = body.readUInt32LE(at + 2);
    const end = valueBytes === REMOVAL ? keyEnd : keyEnd + valueBytes;
    if (end > body.length) throw new RecordError('ends within a change');
    const key = body.subarray(at + LENGTHS_BYTES, keyEnd);
    change(key, valueBytes === REMOVAL ? undefined : body.subarray(keyEnd, end));
    at = end;
  }
}

/** Bytes that the changes take in a record. */
export function bytesOf(changes: Changes): number {
  let bytes = 0;
  for (let at = 0; at < changes.length; at += 2)
    bytes += LENGTHS_BYTES + (changes[at] as Buffer).length + (changes[at + 1]?.length ?? 0);
  return bytes;
}

/** Hot path. Writes changes as `readChanges` reads them, into `bytesOf` of them. */
export function writeChanges(changes: Changes, target: Buffer, from: number): void {
  let at = from;
  for (let index = 0; index < changes.length; index += 2) {
    const key = changes[index] as Buffer;
    const value = changes[index + 1];
    target.writeUInt16LE(key.length, at);
    target.writeUInt32LE(value ? value.length : REMOVAL, at + 2);
    at += LENGTHS_BYTES;
    at += key.copy(target, at);
    if (value) at += value.copy(target, at);
  }
}

function finish(record: Buffer, { epoch, mark }: Owner, number: number, flags: number): Buffer {
  record[4] = MAGIC;
  record[5] = VERSION;
  record[6] = flags;
  record[7] = 0;
  record.writeUIntLE(epoch, 8, 6);
  record.writeUInt32LE(mark, 14);
  record.writeUIntLE(number, 18, 6);
  record.writeUInt32LE(crc32(record.subarray(SUMMED_FROM)), 0);
  return record;
}
