const ID_BYTES = 8;

/** Known from the outside of a message, so that one that was altered shows. */
export function payloadOf(from: number, id: number, group: number | undefined, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes, (from * 31 + id * 7) & 0xff);
  payload.writeDoubleBE(id, 0);
  payload.writeUInt32BE(from, ID_BYTES);
  payload.writeUInt32BE(group ?? 0, ID_BYTES + 4);
  return payload;
}
