/** What a server is whose first bytes look like this. */
export interface KnownAnswer {
  /** As people call it: `HTTP`. */
  protocol: string;
  /** The driver that speaks it, where there is one. */
  driver?: string;
}

const KNOWN: readonly (KnownAnswer & { isIt(bytes: Buffer): boolean })[] = [
  { protocol: 'HTTP', isIt: begins(/^HTTP\/\d/) },
  { protocol: 'SSH', isIt: begins(/^SSH-\d/) },
  { protocol: 'NATS', driver: 'nats', isIt: begins(/^INFO ?\{/) },
  { protocol: 'XMPP', driver: 'xmpp', isIt: begins(/^(<\?xml|<stream:)/) },
  { protocol: 'Socket.IO', driver: 'socketio', isIt: begins(/^0\{"sid"/) },
  { protocol: 'SMTP or FTP', isIt: begins(/^220[ -]/) },
  { protocol: 'POP3', isIt: begins(/^\+OK /) },
  { protocol: 'IMAP', isIt: begins(/^\* OK/) },
  { protocol: 'Redis', isIt: begins(/^-(ERR|NOAUTH|DENIED) /) },
  { protocol: 'AMQP', isIt: begins(/^AMQP/) },
  { protocol: 'MQTT', driver: 'mqtt', isIt: isMqttAnswer },
  { protocol: 'c2m', driver: 'c2m', isIt: isC2mError },
];

/** Undefined: nothing that is known here. */
export function recognize(bytes: Buffer): KnownAnswer | undefined {
  return KNOWN.find(({ isIt }) => isIt(bytes));
}

/** An alert or a handshake of TLS, RFC 8446, section 5.1: it came as plain bytes. */
export function isTls(bytes: Buffer): boolean {
  return (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03;
}

/** More would hide what to do behind what came. */
const MOST_CHARACTERS = 80;
const MOST_HEX_BYTES = 16;

/** The beginning of what a server has said, on one line: its text or, where it is none, its bytes. */
export function excerpt(bytes: Buffer): string {
  const [line = ''] = bytes.toString('latin1').split(/[\r\n]/, 1);
  const isText = line.length > 0 && /^[\x20-\x7e\t]*$/.test(line);
  if (isText) return `"${line.slice(0, MOST_CHARACTERS)}${line.length > MOST_CHARACTERS ? '…' : ''}"`;
  const shown = bytes.subarray(0, MOST_HEX_BYTES);
  return `the bytes ${shown.toString('hex').replace(/..(?=.)/g, '$& ')}${bytes.length > shown.length ? ' …' : ''}`;
}

function begins(pattern: RegExp): (bytes: Buffer) => boolean {
  return (bytes) => pattern.test(bytes.toString('latin1', 0, 64));
}

/** CONNACK, or the DISCONNECT of version 5. */
function isMqttAnswer(bytes: Buffer): boolean {
  const [type, length = 0] = bytes;
  return (
    (type === 0x20 && length >= 2 && bytes[2] !== undefined && bytes[2] <= 1) || (type === 0xe0 && length > 0)
  );
}

/** Our own server tells why it ends a connection: ERROR of docs/protocol.md, with a code below 0x100. */
function isC2mError(bytes: Buffer): boolean {
  return bytes.length >= 14 && bytes[0] === 0 && bytes[1] === 0 && bytes[3] === 0x30 && bytes[4] === 0;
}
