/**
 * The frames of the c2m wire protocol, version 1. docs/protocol.md describes them byte by byte.
 *
 * User ids and message ids are unsigned integers up to 2^53 - 1: a user id is meant to be what a phone number
 * is, digits that fit a machine word, so that no frame carries a string where a number will do.
 */

export const PROTOCOL_VERSION = 1;

/** Bytes in front of every body: a 24-bit body length and an 8-bit type, big-endian. */
export const HEADER_BYTES = 4;

/** What the length field can say; servers configure a smaller limit. */
export const LARGEST_BODY_BYTES = 0xff_ff_ff;

export const FrameType = {
  Hello: 0x01,
  Login: 0x02,
  Welcome: 0x03,
  Send: 0x10,
  Accepted: 0x11,
  Deliver: 0x12,
  Ack: 0x13,
  Receipt: 0x14,
  Ping: 0x20,
  Pong: 0x21,
  Error: 0x30,
  Goodbye: 0x31,
  Group: 0x40,
  GroupSend: 0x41,
  GroupDeliver: 0x42,
  GroupReceipt: 0x43,
} as const;

/** Bit 0 of the flags of an item of the mailbox: it was already sent on an earlier connection. */
export const FLAG_REDELIVERY = 0x01;

/** Bit 1 of the flags of GROUP_RECEIPT: the mailbox of this member was full, and the message will not come there. */
export const FLAG_UNDELIVERED = 0x02;

/**
 * Why a connection or a message was refused. Codes below 0x100 end the connection;
 * codes from 0x100 concern the one message that `reference` names, and the connection stays.
 */
export const ReasonCode = {
  ProtocolError: 0x01,
  UnsupportedVersion: 0x02,
  FrameTooLarge: 0x03,
  NotLoggedIn: 0x04,
  AuthenticationFailed: 0x05,
  LoginTimeout: 0x06,
  IdleTimeout: 0x07,
  Replaced: 0x08,
  OutboundOverflow: 0x09,
  Overloaded: 0x0a,
  InternalError: 0x0b,
  MailboxFull: 0x101,
  DuplicateUnknown: 0x102,
  StoreFailed: 0x103,
  StoreFull: 0x104,
  RateLimited: 0x105,
  Shedding: 0x106,
  NotGroupOwner: 0x107,
  GroupTooLarge: 0x108,
  NotMember: 0x109,
  IdSkipped: 0x10a,
  TooManyGroups: 0x10b,
} as const;

export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode];

export const GoodbyeCode = { Normal: 0, Draining: 1 } as const;

/** The subprotocol that a WebSocket client may ask for; one that asks for none is served as well. */
export const WEBSOCKET_SUBPROTOCOL = 'c2m.v1';

/** First frame of a client: the magic "c2m" and the protocol version that it speaks. */
export interface HelloFrame {
  type: typeof FrameType.Hello;
  version: number;
}

/** Second frame of a client. `token` is empty where the server asks for none. */
export interface LoginFrame {
  type: typeof FrameType.Login;
  user: number;
  token: string;
}

/**
 * Answer to LOGIN: how many items wait, how many may be in flight without an ACK, and an id that this user has not used,
 * nor any above it: a client that does not know its own last id begins there.
 */
export interface WelcomeFrame {
  type: typeof FrameType.Welcome;
  waiting: number;
  window: number;
  firstId: number;
}

/** A message for `to`. `id` is chosen by the sender; the same id again is the same message again. */
export interface SendFrame {
  type: typeof FrameType.Send;
  to: number;
  id: number;
  payload: Uint8Array;
}

/** First check mark: the server holds the message. */
export interface AcceptedFrame {
  type: typeof FrameType.Accepted;
  id: number;
}

/** A message out of the mailbox. `sequence` counts the items of this mailbox and is what ACK names. */
export interface DeliverFrame {
  type: typeof FrameType.Deliver;
  sequence: number;
  flags: number;
  from: number;
  id: number;
  payload: Uint8Array;
}

/** Everything up to and including `sequence` has been taken over by the recipient and may be deleted. */
export interface AckFrame {
  type: typeof FrameType.Ack;
  sequence: number;
}

/** Second check mark: `by` has acknowledged message `id`. An item of the sender's mailbox like any message. */
export interface ReceiptFrame {
  type: typeof FrameType.Receipt;
  sequence: number;
  flags: number;
  by: number;
  id: number;
}

/**
 * Makes a group of `members`, or gives a group of the sender's these members instead of those before.
 * `id` is what the answer names. No members: nobody can write to it any more.
 */
export interface GroupFrame {
  type: typeof FrameType.Group;
  id: number;
  group: number;
  members: number[];
}

/** A message for all other members of a group. `id` is chosen by the sender, as in SEND. */
export interface GroupSendFrame {
  type: typeof FrameType.GroupSend;
  group: number;
  id: number;
  payload: Uint8Array;
}

/** A message to a group out of a member's mailbox. `number` counts the messages of the group: all see the same order. */
export interface GroupDeliverFrame {
  type: typeof FrameType.GroupDeliver;
  sequence: number;
  flags: number;
  group: number;
  number: number;
  from: number;
  id: number;
  payload: Uint8Array;
}

/** Second check mark of one member: `by` has acknowledged message `id` to the group. */
export interface GroupReceiptFrame {
  type: typeof FrameType.GroupReceipt;
  sequence: number;
  flags: number;
  group: number;
  by: number;
  id: number;
}

export interface PingFrame {
  type: typeof FrameType.Ping;
  nonce: number;
}

export interface PongFrame {
  type: typeof FrameType.Pong;
  nonce: number;
}

/** `reference` is the id of the SEND, GROUP_SEND or GROUP that the code is about, or 0. */
export interface ErrorFrame {
  type: typeof FrameType.Error;
  code: number;
  reference: number;
  reason: string;
}

export interface GoodbyeFrame {
  type: typeof FrameType.Goodbye;
  code: number;
}

export type Frame =
  | HelloFrame
  | LoginFrame
  | WelcomeFrame
  | SendFrame
  | AcceptedFrame
  | DeliverFrame
  | AckFrame
  | ReceiptFrame
  | PingFrame
  | PongFrame
  | ErrorFrame
  | GoodbyeFrame
  | GroupFrame
  | GroupSendFrame
  | GroupDeliverFrame
  | GroupReceiptFrame;

/** The frames that are items of a mailbox: they have a sequence, and wait for their ACK. */
export type ItemFrame = DeliverFrame | ReceiptFrame | GroupDeliverFrame | GroupReceiptFrame;

/** The bytes break the protocol. `code` is what the ERROR frame to the peer says. */
export class ProtocolError extends Error {
  readonly code: ReasonCode;

  constructor(code: ReasonCode, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.code = code;
  }
}

const reasonNames = new Map<number, string>(Object.entries(ReasonCode).map(([name, code]) => [code, name]));

/** `0x08` -> `Replaced`; an unknown code as hexadecimal. */
export function reasonName(code: number): string {
  return reasonNames.get(code) ?? `0x${code.toString(16)}`;
}

/** True for the codes after which the server closes the connection. */
export function endsConnection(code: number): boolean {
  return code < 0x100;
}
