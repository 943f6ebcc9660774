import type { NatsSettings } from '../../../scenarios/drivers/nats-schema.js';
import { isSentBy } from '../../agent/payload.js';
import { readDecimal, writePiece } from '../decimal.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  type Output,
  ProtocolViolation,
} from '../driver.js';
import { reasonFrom } from '../reason-words.js';
import { isRedelivery, lastPartOf } from './ack-subject.js';
import { connectLine, type ServerInfo, serverInfo } from './connect-line.js';
import { Inboxes } from './inboxes.js';
import { JetStreamLogin } from './jetstream-login.js';
import { type JetStreamAnswer, reasonOf } from './jetstream-requests.js';
import { CorePublisher, JetStreamPublisher, type Publisher } from './publisher.js';
import { Line, ServerLines } from './server-lines.js';
import { Signer } from './signer.js';
import { groupOf, numberedSubject, subjectOf, userOf } from './subjects.js';
import { afterInfo } from './tls-choice.js';

/** What a connection waits for. */
const Stage = { Closed: 0, Info: 1, Tls: 2, Pong: 3, JetStream: 4, Ready: 5 } as const;

/** Numbers of the subscriptions of every client: its own messages, those of its group, answers. */
const Sid = { User: 1, Group: 2, Answers: 3 } as const;

const PING = Buffer.from('PING\r\n');
const PONG = Buffer.from('PONG\r\n');
const PUB = Buffer.from('PUB ');
const EMPTY_MESSAGE = Buffer.from(' 0\r\n\r\n');
const ERROR_KEY = Buffer.from('"error"');
const ZERO = 0x30;
const NINE = 0x39;

/** Statuses that come in place of a message. */
const NO_RESPONDERS = 503;
const IDLE_HEARTBEAT = 100;

/** Errors after which the server keeps the connection. */
const KEEPS_CONNECTION = /^(permissions violation|invalid (publish )?subject)/i;

/** Clients of NATS, with JetStream or without. */
export class NatsClients implements ClientProtocol {
  readonly #settings: NatsSettings;
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #inboxes: Inboxes;
  readonly #publisher: Publisher;
  /** Undefined: the core of NATS alone. */
  readonly #jetStream: JetStreamLogin | undefined;
  /** Undefined: nobody logs in with a key. */
  readonly #signer: Signer | undefined;
  readonly #stage: Uint8Array;
  /** Of clients whose TLS is being made: what the server has said before it. */
  readonly #infos = new Map<number, ServerInfo>();
  readonly #lines = new ServerLines();

  constructor(settings: NatsSettings, clients: ClientRange, events: ClientEvents) {
    this.#settings = settings;
    this.#clients = clients;
    this.#events = events;
    this.#inboxes = new Inboxes(clients);
    const isStored = settings.mode === 'jetstream';
    this.#jetStream = isStored ? new JetStreamLogin(settings, clients, this.#inboxes) : undefined;
    this.#publisher = isStored
      ? new JetStreamPublisher(settings.subjects, clients, this.#inboxes)
      : new CorePublisher(settings.subjects, clients);
    this.#signer = settings.nkey === undefined ? undefined : new Signer(settings.nkey);
    this.#stage = new Uint8Array(clients.count);
  }

  /** The server speaks first. */
  opened(client: number): void {
    this.#stage[client] = Stage.Info;
    this.#inboxes.renew(client);
  }

  /** Hot path. */
  received(client: number, bytes: Buffer, out: Output): number {
    const lines = this.#lines;
    let at = 0;
    while (at < bytes.length) {
      // What comes after the end is nobody's.
      if (this.#stage[client] === Stage.Closed) return bytes.length;
      if (this.#stage[client] === Stage.Tls)
        throw new ProtocolViolation('BytesBeforeTls', 'unenciphered bytes behind an INFO that TLS follows');
      const end = lines.read(bytes, at);
      if (end < 0) break;
      at = end;
      if (lines.kind === Line.Message) this.#message(client, bytes, out);
      else this.#control(client, bytes, out);
    }
    return at;
  }

  /** Hot path. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    this.#publisher.write(client, to, sequence, payload, out);
  }

  /** Nothing waits: whatever is to be answered is answered at once. */
  writePending(): void {
    // Nothing.
  }

  writeKeepalive(_client: number, out: Output): void {
    out.write(PING);
  }

  secured(client: number, out: Output): void {
    const info = this.#infos.get(client);
    this.#infos.delete(client);
    if (info) this.#logIn(client, info, out);
  }

  /** The protocol has no goodbye. */
  leave(): void {
    // Nothing.
  }

  closed(client: number): void {
    this.#stage[client] = Stage.Closed;
    this.#infos.delete(client);
  }

  #control(client: number, bytes: Buffer, out: Output): void {
    const { kind, textFrom, textTo } = this.#lines;
    switch (kind) {
      case Line.Ping:
        out.write(PONG);
        break;
      case Line.Pong:
        if (this.#stage[client] === Stage.Pong) this.#ready(client);
        break;
      case Line.Info:
        // Later ones tell of changes in a cluster.
        if (this.#stage[client] === Stage.Info)
          this.#greeted(client, bytes.toString('utf8', textFrom, textTo), out);
        break;
      case Line.Error:
        this.#failed(client, bytes.toString('latin1', textFrom, textTo).trim().replace(/^'|'$/g, ''));
        break;
    }
  }

  #greeted(client: number, text: string, out: Output): void {
    const info = serverInfo(text);
    const next = afterInfo(this.#settings.tls, this.#clients.carriers ?? ['tcp'], info);
    if (typeof next === 'object') this.#end(client, next.reason);
    else if (this.#jetStream && info.headers !== true) this.#end(client, 'HeadersNotSupported');
    else if (this.#signer && typeof info.nonce !== 'string') this.#end(client, 'NoNonceToSign');
    else if (next === 'login') this.#logIn(client, info, out);
    else {
      this.#stage[client] = Stage.Tls;
      this.#infos.set(client, info);
      if (this.#events.startTls?.(client) !== true) this.#end(client, 'StartTlsOverPackets');
    }
  }

  /** In one write. */
  #logIn(client: number, info: ServerInfo, out: Output): void {
    const user = userOf(this.#clients, client);
    out.writeText(connectLine(this.#settings, user, info, this.#signer));
    if (this.#jetStream) {
      out.writeText(`SUB ${this.#inboxes.of(client)}.r.* ${Sid.Answers}\r\n`);
      this.#stage[client] = Stage.JetStream;
      this.#jetStream.begin(client, out);
      return;
    }
    const { subjects } = this.#settings;
    out.writeText(`SUB ${subjectOf(numberedSubject(subjects.user), user)} ${Sid.User}\r\n`);
    if (this.#hasGroups) {
      const group = groupOf(this.#clients, client);
      out.writeText(`SUB ${subjectOf(numberedSubject(subjects.group), group)} ${Sid.Group}\r\n`);
    }
    // Its answer says that the subscriptions stand.
    out.write(PING);
    this.#stage[client] = Stage.Pong;
  }

  #failed(client: number, text: string): void {
    const reason = reasonFrom(text, 'ServerError');
    if (KEEPS_CONNECTION.test(text) && this.#stage[client] === Stage.Ready)
      this.#events.refused(client, undefined, reason);
    else this.#end(client, reason);
  }

  /** Hot path. */
  #message(client: number, bytes: Buffer, out: Output): void {
    const { sid, headersFrom, payloadFrom, payloadTo, replyFrom, replyTo } = this.#lines;
    if (sid === Sid.Answers) {
      this.#answered(client, bytes, out);
      return;
    }
    const status = headersFrom < payloadFrom ? this.#lines.statusIn(bytes) : 0;
    if (status !== 0) {
      if (status !== IDLE_HEARTBEAT)
        this.#end(client, reasonFrom(this.#lines.statusTextIn(bytes), `Status${status}`));
      return;
    }
    const payload = bytes.subarray(payloadFrom, payloadTo);
    const isStored = this.#jetStream !== undefined && replyFrom < replyTo;
    // JetStream gives everybody all of a subject, its own messages too.
    if (!this.#hasGroups || !isSentBy(this.#clients.firstUser + client, payload)) {
      const isAgain = isStored && isRedelivery(bytes, replyFrom, replyTo);
      this.#events.delivered(client, payload, isAgain);
    }
    if (isStored) acknowledge(bytes, replyFrom, replyTo, out);
  }

  /** Hot path. What came of a message, or of a request of the login. */
  #answered(client: number, bytes: Buffer, out: Output): void {
    const { subjectFrom, subjectTo, headersFrom, payloadFrom, payloadTo } = this.#lines;
    const from = lastPartOf(bytes, subjectFrom, subjectTo);
    const first = bytes[from] as number;
    const status = headersFrom < payloadFrom ? this.#lines.statusIn(bytes) : 0;
    const isOfMessage = first >= ZERO && first <= NINE;
    if (!isOfMessage) {
      const nobody = { error: { description: 'no JetStream' } };
      const answer =
        status === NO_RESPONDERS ? nobody : answerIn(bytes.toString('utf8', payloadFrom, payloadTo));
      if (this.#stage[client] === Stage.JetStream) this.#prepared(client, answer, out);
      return;
    }
    const sequence = readDecimal(bytes, from, subjectTo);
    if (status === NO_RESPONDERS) {
      this.#events.refused(client, sequence, 'NoResponders');
      return;
    }
    const text = bytes.subarray(payloadFrom, payloadTo);
    // Nearly none has an error: the others need not be parsed.
    const error = text.includes(ERROR_KEY) ? answerIn(text.toString()).error : undefined;
    if (error) this.#events.refused(client, sequence, reasonOf(error));
    else this.#events.accepted(client, sequence);
  }

  #prepared(client: number, answer: JetStreamAnswer, out: Output): void {
    const outcome = this.#jetStream?.answered(client, answer, out);
    if (outcome === 'ready') this.#listen(client, out);
    else if (typeof outcome === 'object') this.#end(client, outcome.reason);
  }

  /** Consumers begin to send when somebody listens; not earlier, so that nothing comes before the login is done. */
  #listen(client: number, out: Output): void {
    const inbox = this.#inboxes.of(client);
    out.writeText(`SUB ${inbox}.user ${Sid.User}\r\n`);
    if (this.#hasGroups) out.writeText(`SUB ${inbox}.group ${Sid.Group}\r\n`);
    this.#ready(client);
  }

  #ready(client: number): void {
    this.#stage[client] = Stage.Ready;
    this.#events.loggedIn(client);
  }

  #end(client: number, reason: string): void {
    this.#stage[client] = Stage.Closed;
    this.#events.ended(client, reason);
  }

  get #hasGroups(): boolean {
    return this.#clients.groupMembers !== null;
  }
}

/** Hot path. */
function acknowledge(bytes: Buffer, replyFrom: number, replyTo: number, out: Output): void {
  const buffer = out.room(PUB.length + replyTo - replyFrom + EMPTY_MESSAGE.length);
  let at = writePiece(buffer, out.at, PUB);
  at += bytes.copy(buffer, at, replyFrom, replyTo);
  out.at = writePiece(buffer, at, EMPTY_MESSAGE);
}

/** @throws ProtocolViolation */
function answerIn(text: string): JetStreamAnswer {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ProtocolViolation('ServerProtocolError', 'JetStream has answered with what is no JSON object');
}
