import { type Output, ProtocolViolation } from '../driver.js';
import type { NumberedText } from './numbered-text.js';

/**
 * The packets that come and go for every message, as sections 2 and 3 of MQTT 3.1.1 and 5 lay them out. First bytes: the
 * type, and the bits beside it, which are fixed but for PUBLISH.
 */
export const First = {
  Connack: 0x20,
  Publish: 0x30,
  Puback: 0x40,
  Pubrec: 0x50,
  Pubrel: 0x62,
  Pubcomp: 0x70,
  Suback: 0x90,
  Pingresp: 0xd0,
  /** Of a server, in MQTT 5. */
  Disconnect: 0xe0,
} as const;

export const DUP_BIT = 0x08;
const QOS_SHIFT = 1;
const QOS_BITS = 0b11;

/** Larger ones of a server break the connection. Messages of the lab have 1 MiB at most. */
const LARGEST_PACKET_BYTES = 16 * 1024 * 1024;
const MOST_LENGTH_BYTES = 4;

export const PINGREQ = Buffer.from([0xc0, 0]);
/** The session stays, if there is one. */
export const DISCONNECT = Buffer.from([0xe0, 0]);

const KNOWN: ReadonlySet<number> = new Set(Object.values(First));

/**
 * Hot path. Hands every whole packet to `onPacket`: where it begins, where its body begins, where it ends. That returns
 * false to stop after its packet. Returns how many bytes they took: what is left is the beginning of a packet.
 * @throws ProtocolViolation
 */
export function readPackets(
  bytes: Buffer,
  onPacket: (bytes: Buffer, begin: number, start: number, end: number) => boolean,
): number {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] as number;
    if (!isPublish(first) && !KNOWN.has(first))
      throw violation(`a packet that begins with 0x${first.toString(16)}`);
    let start = at + 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift === 7 * MOST_LENGTH_BYTES) throw violation('a length of more than four bytes');
      if (start === bytes.length) return at;
      const digit = bytes[start] as number;
      start += 1;
      length |= (digit & 0x7f) << shift;
      if (digit < 0x80) break;
    }
    if (length > LARGEST_PACKET_BYTES) throw violation(`a packet of ${length} bytes`);
    const end = start + length;
    if (end > bytes.length) return at;
    const begin = at;
    at = end;
    if (!onPacket(bytes, begin, start, end)) return at;
  }
  return at;
}

export function isPublish(first: number): boolean {
  return first >>> 4 === First.Publish >>> 4 && qosOf(first) <= 2;
}

export function qosOf(first: number): number {
  return (first >>> QOS_SHIFT) & QOS_BITS;
}

export function firstOfPublish(qos: number, isRepeated: boolean): number {
  return First.Publish | (qos << QOS_SHIFT) | (isRepeated ? DUP_BIT : 0);
}

/** Hot path. 16 bits, such as a packet id; meaningless where they are behind the end. */
export function shortAt(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** Hot path. The packet id that an answer begins with. @throws ProtocolViolation */
export function idAt(bytes: Buffer, start: number, end: number): number {
  if (end - start < 2) throw violation('an answer that ends too early');
  return shortAt(bytes, start);
}

/** Hot path. MQTT 5 may say more than the id. */
export function reasonAt(bytes: Buffer, start: number, end: number): number {
  return end - start > 2 ? (bytes[start + 2] as number) : 0;
}

/** Hot path. Where what follows the properties of MQTT 5 begins; it may be behind the end of the packet. */
export function behindProperties(bytes: Buffer, at: number): number {
  let length = 0;
  let start = at;
  for (let shift = 0; shift < 7 * MOST_LENGTH_BYTES; shift += 7) {
    const digit = bytes[start] as number;
    start += 1;
    length |= (digit & 0x7f) << shift;
    if (digit < 0x80) return start + length;
  }
  throw violation('properties with a length of more than four bytes');
}

/** Bytes of a PUBLISH behind its length. */
export function publishLength(
  topicBytes: number,
  hasId: boolean,
  hasProperties: boolean,
  payloadBytes: number,
): number {
  return 2 + topicBytes + (hasId ? 2 : 0) + (hasProperties ? 1 : 0) + payloadBytes;
}

/** Bytes of a packet with so many behind its length. */
export function packetBytes(length: number): number {
  let lengthBytes = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) lengthBytes += 1;
  return 1 + lengthBytes + length;
}

/**
 * Hot path.
 * @param topic and the number that stands in it
 * @param id 0: QoS 0, which has none
 */
export function writePublish(
  first: number,
  topic: NumberedText,
  number: number,
  id: number,
  hasProperties: boolean,
  payload: Buffer,
  out: Output,
): void {
  const topicBytes = topic.bytesFor(number);
  const length = publishLength(topicBytes, id > 0, hasProperties, payload.length);
  const buffer = out.room(1 + MOST_LENGTH_BYTES + length);
  let { at } = out;
  buffer[at] = first;
  at = writeLength(length, buffer, at + 1);
  at = writeShort(topicBytes, buffer, at);
  at = topic.write(number, buffer, at);
  if (id > 0) at = writeShort(id, buffer, at);
  if (hasProperties) {
    buffer[at] = 0;
    at += 1;
  }
  buffer.set(payload, at);
  out.at = at + payload.length;
}

/** Hot path. PUBACK, PUBREC, PUBREL, PUBCOMP: all is well, unless MQTT 5 is given a reason. */
export function writeAnswer(first: number, id: number, out: Output, reason = 0): void {
  const buffer = out.room(5);
  const { at } = out;
  buffer[at] = first;
  buffer[at + 1] = reason === 0 ? 2 : 3;
  out.at = writeShort(id, buffer, at + 2);
  if (reason === 0) return;
  buffer[out.at] = reason;
  out.at += 1;
}

export function violation(what: string): ProtocolViolation {
  return new ProtocolViolation('ServerProtocolError', `the server does not speak MQTT: ${what}`);
}

/** Hot path. */
function writeLength(length: number, buffer: Buffer, at: number): number {
  let rest = length;
  let to = at;
  while (rest >= 0x80) {
    buffer[to] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    to += 1;
  }
  buffer[to] = rest;
  return to + 1;
}

/** Hot path. */
function writeShort(value: number, buffer: Buffer, at: number): number {
  buffer[at] = value >>> 8;
  buffer[at + 1] = value & 0xff;
  return at + 2;
}
