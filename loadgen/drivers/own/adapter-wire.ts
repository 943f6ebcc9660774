/**
 * How the clients of an adapter and what carries them speak to each other: bytes, as between any clients and any
 * transport, so that a population needs to know nothing of client libraries. An item is its kind, two numbers and a
 * body with its length, all big-endian.
 */
export const ITEM_HEAD_BYTES = 13;

/** What clients ask for. */
export const Ask = {
  /** To a client, with a sequence; the body is the payload. */
  Send: 1,
  KeepAlive: 2,
} as const;

/** What clients are told. */
export const Told = {
  /** A sequence. */
  Accepted: 1,
  /** The body is the payload; 1: it is marked as a redelivery. */
  Delivered: 2,
  /** By a client, a sequence. */
  Receipted: 3,
  /** A sequence; the body is the reason. */
  Refused: 4,
} as const;

/** Client that is none of these, such as a user of somebody else. */
export const NOBODY = 0xffff_ffff;

export const NO_BODY = Buffer.alloc(0);

/** Hot path. Writes an item at `offset`, and returns the offset behind it. */
export function writeItem(
  kind: number,
  first: number,
  second: number,
  body: Uint8Array,
  target: Buffer,
  offset: number,
): number {
  target[offset] = kind;
  let at = target.writeUInt32BE(first, offset + 1);
  at = target.writeUInt32BE(second, at);
  at = target.writeUInt32BE(body.length, at);
  target.set(body, at);
  return at + body.length;
}

/** Hot path. Hands on all items: both sides write none but whole ones. */
export function readItems(
  bytes: Buffer,
  onItem: (kind: number, first: number, second: number, body: Buffer) => void,
): void {
  let at = 0;
  while (at < bytes.length) {
    const start = at + ITEM_HEAD_BYTES;
    const end = start + bytes.readUInt32BE(at + 9);
    onItem(
      bytes[at] as number,
      bytes.readUInt32BE(at + 1),
      bytes.readUInt32BE(at + 5),
      bytes.subarray(start, end),
    );
    at = end;
  }
}
