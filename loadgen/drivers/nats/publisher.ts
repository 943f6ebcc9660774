import { digitsOf, MOST_DIGITS, writeDecimal, writePiece } from '../decimal.js';
import { type ClientRange, GROUP_BIT, type Output } from '../driver.js';
import type { Inboxes } from './inboxes.js';
import { type NumberedSubject, numberedSubject } from './subjects.js';

/** Writes a message for a client, or for the group that begins with it. */
export interface Publisher {
  /** Hot path. */
  write(client: number, to: number, sequence: number, payload: Buffer, out: Output): void;
}

const BLANK = Buffer.from(' ');
const CRLF = Buffer.from('\r\n');
const DOT = Buffer.from('.');
const DASH = Buffer.from('-');
/** In an inbox, in front of the sequence whose answer comes there. */
const ANSWER = Buffer.from('.r.');
const HEADERS = Buffer.from('\r\nNATS/1.0\r\nNats-Msg-Id: ');
const END_OF_HEADERS = Buffer.from('\r\n\r\n');
/** Of the headers without what is different in each: HEADERS has the end of the line before it as well. */
const HEADER_BYTES = HEADERS.length - CRLF.length + END_OF_HEADERS.length;

/** What a subject is cut into: constants, and a number between them. */
interface Pieces {
  before: Buffer;
  behind: Buffer;
}

function piecesOf(verb: string, template: string, behindSubject: string): Pieces {
  const subject: NumberedSubject = numberedSubject(template);
  return {
    before: Buffer.from(`${verb} ${subject.before}`),
    behind: Buffer.from(`${subject.behind} ${behindSubject}`),
  };
}

/** `PUB subject bytes`: nobody says what has become of it. */
export class CorePublisher implements Publisher {
  readonly #clients: ClientRange;
  readonly #toUser: Pieces;
  readonly #toGroup: Pieces;

  constructor(subjects: { user: string; group: string }, clients: ClientRange) {
    this.#clients = clients;
    this.#toUser = piecesOf('PUB', subjects.user, '');
    this.#toGroup = piecesOf('PUB', subjects.group, '');
  }

  /** Hot path. */
  write(_client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const { before, behind } = sequence < GROUP_BIT ? this.#toUser : this.#toGroup;
    const buffer = out.room(before.length + behind.length + 2 * MOST_DIGITS + 4 + payload.length);
    let { at } = out;
    at = writePiece(buffer, at, before);
    at = writeDecimal(buffer, at, this.#clients.firstUser + to);
    at = writePiece(buffer, at, behind);
    at = writeDecimal(buffer, at, payload.length);
    at = writePiece(buffer, at, CRLF);
    at = writePiece(buffer, at, payload);
    out.at = writePiece(buffer, at, CRLF);
  }
}

/**
 * `HPUB subject inbox header-bytes bytes`: JetStream answers in the inbox once it has stored it, and stores what has the
 * same `Nats-Msg-Id` once.
 */
export class JetStreamPublisher implements Publisher {
  readonly #clients: ClientRange;
  readonly #inboxes: Inboxes;
  readonly #toUser: Pieces;
  readonly #toGroup: Pieces;

  constructor(subjects: { user: string; group: string }, clients: ClientRange, inboxes: Inboxes) {
    this.#clients = clients;
    this.#inboxes = inboxes;
    this.#toUser = piecesOf('HPUB', subjects.user, inboxes.prefix);
    this.#toGroup = piecesOf('HPUB', subjects.group, inboxes.prefix);
  }

  /** Hot path. */
  write(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const { before, behind } = sequence < GROUP_BIT ? this.#toUser : this.#toGroup;
    const { firstUser, run } = this.#clients;
    const user = firstUser + client;
    const headers = HEADER_BYTES + digitsOf(run) + digitsOf(user) + digitsOf(sequence) + 2;
    const constants = before.length + behind.length + ANSWER.length + headers + 16;
    const buffer = out.room(constants + 6 * MOST_DIGITS + payload.length);
    let { at } = out;
    at = writePiece(buffer, at, before);
    at = writeDecimal(buffer, at, firstUser + to);
    at = writePiece(buffer, at, behind);
    at = writeDecimal(buffer, at, user);
    at = writePiece(buffer, at, DOT);
    at = writeDecimal(buffer, at, this.#inboxes.connectionOf(client));
    at = writePiece(buffer, at, ANSWER);
    at = writeDecimal(buffer, at, sequence);
    at = writePiece(buffer, at, BLANK);
    at = writeDecimal(buffer, at, headers);
    at = writePiece(buffer, at, BLANK);
    at = writeDecimal(buffer, at, headers + payload.length);
    at = writePiece(buffer, at, HEADERS);
    at = writeDecimal(buffer, at, run);
    at = writePiece(buffer, at, DASH);
    at = writeDecimal(buffer, at, user);
    at = writePiece(buffer, at, DASH);
    at = writeDecimal(buffer, at, sequence);
    at = writePiece(buffer, at, END_OF_HEADERS);
    at = writePiece(buffer, at, payload);
    out.at = writePiece(buffer, at, CRLF);
  }
}
