/** An IPv4 header without options and a TCP header, as RFC 791 and RFC 9293 (section 3.1) lay them out. */
const IP_BYTES = 20;
const TCP_BYTES = 20;
export const HEADERS_BYTES = IP_BYTES + TCP_BYTES;
const PROTOCOL_TCP = 6;
const PROTOCOL_ICMP = 1;
const TIME_TO_LIVE = 64;
const DONT_FRAGMENT = 0x4000;
const MSS_OPTION_BYTES = 4;
/** Kinds of options (RFC 9293, section 3.2). */
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;
/** Of a peer that names none (section 3.7.1). */
const DEFAULT_MSS = 536;
/** Destination Unreachable, fragmentation needed and DF set (RFC 792), and the bytes in front of what it quotes. */
const TOO_BIG = 0x03_04;
const ICMP_BYTES = 8;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** One TCP segment with its addresses. `data` lies in the packet it was read from. */
export interface Segment {
  sourceAddress: number;
  sourcePort: number;
  destinationAddress: number;
  destinationPort: number;
  sequence: number;
  acknowledgment: number;
  flags: number;
  window: number;
  dataStart: number;
  dataEnd: number;
}

export function emptySegment(): Segment {
  return {
    sourceAddress: 0,
    sourcePort: 0,
    destinationAddress: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    dataStart: 0,
    dataEnd: 0,
  };
}

/** Hot path. Reads a packet into `into`; false for what is no whole TCP segment, or has a wrong checksum. */
export function readSegment(packet: Buffer, bytes: number, into: Segment): boolean {
  if (bytes < HEADERS_BYTES || (packet[0] as number) >>> 4 !== 4 || packet[9] !== PROTOCOL_TCP) return false;
  const ipBytes = ((packet[0] as number) & 0xf) * 4;
  const total = packet.readUInt16BE(2);
  if (total > bytes || total < ipBytes + TCP_BYTES) return false;
  const dataStart = ipBytes + ((packet[ipBytes + 12] as number) >>> 4) * 4;
  if (dataStart < ipBytes + TCP_BYTES || dataStart > total) return false;
  if (tcpChecksum(packet, ipBytes, total) !== 0) return false;
  into.sourceAddress = packet.readUInt32BE(12);
  into.destinationAddress = packet.readUInt32BE(16);
  into.sourcePort = packet.readUInt16BE(ipBytes);
  into.destinationPort = packet.readUInt16BE(ipBytes + 2);
  into.sequence = packet.readUInt32BE(ipBytes + 4);
  into.acknowledgment = packet.readUInt32BE(ipBytes + 8);
  into.flags = packet[ipBytes + 13] as number;
  into.window = packet.readUInt16BE(ipBytes + 14);
  into.dataStart = dataStart;
  into.dataEnd = total;
  return true;
}

/** The largest segment that the sender of a SYN takes. */
export function readMss(packet: Buffer, { dataStart }: Segment): number {
  for (let at = ((packet[0] as number) & 0xf) * 4 + TCP_BYTES; at + 1 < dataStart; ) {
    const kind = packet[at];
    const bytes = kind === NO_OPERATION ? 1 : (packet[at + 1] as number);
    if (kind === END_OF_OPTIONS || bytes === 0) break;
    if (kind === MAXIMUM_SEGMENT_SIZE && at + MSS_OPTION_BYTES <= dataStart)
      return packet.readUInt16BE(at + 2);
    at += bytes;
  }
  return DEFAULT_MSS;
}

/**
 * What a router says that could not pass on a segment of ours (RFC 1191, section 4). The addresses and ports of the
 * connection are read into `into`, as if the peer had sent it.
 * @returns the largest packet that it could; 0: this is something else
 */
export function readTooBig(packet: Buffer, bytes: number, into: Segment): number {
  if (bytes < IP_BYTES || (packet[0] as number) >>> 4 !== 4 || packet[9] !== PROTOCOL_ICMP) return 0;
  const ipBytes = ((packet[0] as number) & 0xf) * 4;
  const total = packet.readUInt16BE(2);
  const quoted = ipBytes + ICMP_BYTES;
  if (total > bytes || total < quoted + IP_BYTES || packet.readUInt16BE(ipBytes) !== TOO_BIG) return 0;
  if (onesComplement(sum(packet, ipBytes, total)) !== 0 || packet[quoted + 9] !== PROTOCOL_TCP) return 0;
  const ports = quoted + ((packet[quoted] as number) & 0xf) * 4;
  if (total < ports + 4) return 0;
  into.destinationAddress = packet.readUInt32BE(quoted + 12);
  into.sourceAddress = packet.readUInt32BE(quoted + 16);
  into.destinationPort = packet.readUInt16BE(ports);
  into.sourcePort = packet.readUInt16BE(ports + 2);
  return packet.readUInt16BE(ipBytes + 6);
}

/**
 * Hot path. Writes the headers of a segment in front of `dataBytes` bytes that are in `packet` already, at
 * HEADERS_BYTES; returns the bytes of the packet.
 * @param mss the option of a SYN, which carries no data; 0: no option
 */
export function writeSegment(packet: Buffer, segment: Segment, dataBytes: number, mss: number): number {
  const optionBytes = mss === 0 ? 0 : MSS_OPTION_BYTES;
  const total = HEADERS_BYTES + optionBytes + dataBytes;
  packet.writeUInt32BE(0x45_00_00_00 | total, 0);
  packet.writeUInt32BE(DONT_FRAGMENT, 4);
  packet.writeUInt32BE((TIME_TO_LIVE << 24) | (PROTOCOL_TCP << 16), 8);
  packet.writeUInt32BE(segment.sourceAddress, 12);
  packet.writeUInt32BE(segment.destinationAddress, 16);
  packet.writeUInt16BE(onesComplement(sum(packet, 0, IP_BYTES)), 10);
  packet.writeUInt16BE(segment.sourcePort, 20);
  packet.writeUInt16BE(segment.destinationPort, 22);
  packet.writeUInt32BE(segment.sequence, 24);
  packet.writeUInt32BE(segment.acknowledgment, 28);
  packet[32] = ((TCP_BYTES + optionBytes) / 4) << 4;
  packet[33] = segment.flags;
  packet.writeUInt16BE(segment.window, 34);
  packet.writeUInt32BE(0, 36);
  if (mss !== 0) packet.writeUInt32BE(0x02_04_00_00 | mss, HEADERS_BYTES);
  packet.writeUInt16BE(tcpChecksum(packet, IP_BYTES, total), 36);
  return total;
}

/** RFC 1071 over the pseudo header and the segment; 0 for a segment whose checksum is right. */
function tcpChecksum(packet: Buffer, start: number, end: number): number {
  const pseudo = sum(packet, 12, 20) + PROTOCOL_TCP + (end - start);
  return onesComplement(pseudo + sum(packet, start, end));
}

function sum(packet: Buffer, start: number, end: number): number {
  let total = 0;
  let at = start;
  for (; at + 1 < end; at += 2) total += ((packet[at] as number) << 8) | (packet[at + 1] as number);
  if (at < end) total += (packet[at] as number) << 8;
  return total;
}

function onesComplement(total: number): number {
  let folded = total;
  while (folded > 0xff_ff) folded = (folded & 0xff_ff) + Math.floor(folded / 0x1_00_00);
  return ~folded & 0xff_ff;
}
