import type { WebSocketSettings } from '../../../scenarios/drivers/websocket-settings.js';
import { LEDGER_BYTES, sequenceIn, userBehind } from '../../agent/payload.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  GROUP_BIT,
  type Output,
  ProtocolViolation,
} from '../driver.js';
import { PayloadReader, Reasons, sequenceFrom, userFrom } from './fields.js';
import { Incoming } from './incoming.js';
import { type LoginStep, loginSteps } from './login-steps.js';
import { fieldOf, type MeaningRow, meaningTable } from './meanings.js';
import { capturedNames, SessionValues } from './session-values.js';
import { compileTemplate, type Template, type Values, writeTemplate } from './template.js';

/** Of the steps of a login: none is left. */
const READY = 255;
const NOTHING = Buffer.alloc(0);

/** What came of a message that fits: what it has to tell is not in it; it is no news; it has been told. */
const Told = { Nothing: 0, Passed: 1, Happened: 2 } as const;

/** Clients of any protocol in WebSocket messages. One that is logged in and idle costs two bytes, and its values of the session. */
export class WebSocketClients implements ClientProtocol {
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #separator: string | null;
  readonly #encoding: 'utf8' | 'latin1';
  readonly #largestBytes: number;
  readonly #isEcho: boolean;
  readonly #steps: readonly LoginStep[];
  readonly #table: readonly MeaningRow[];
  readonly #send: Template | undefined;
  readonly #sendToGroup: Template | undefined;
  readonly #heartbeat: Template | undefined;
  readonly #leave: Template | undefined;
  /** Which step of the login a client is at. */
  readonly #step: Uint8Array;
  /** Whether messages came on the way in that fitted nothing. */
  readonly #hadUnknown: Uint8Array;
  readonly #session: SessionValues;
  /** By client: messages that could not be written, and why. They are told once all that are due have been gone through. */
  readonly #unwritten = new Map<number, { sequence: number; reason: string }[]>();
  readonly #incoming = new Incoming();
  readonly #payloads = new PayloadReader();
  readonly #reasons = new Reasons();
  readonly #values: Values = { user: 0, client: 0, to: 0, group: 0, sequence: 0, payload: NOTHING };

  constructor(settings: WebSocketSettings, clients: ClientRange, events: ClientEvents) {
    this.#clients = clients;
    this.#events = events;
    this.#separator = settings.separator;
    this.#encoding = settings.messages === 'text' ? 'utf8' : 'latin1';
    this.#largestBytes = settings.limits.largestMessageBytes;
    this.#isEcho = settings.claims.recipient === 'sender';
    this.#session = new SessionValues(capturedNames(settings), clients.count);
    const { token, messages } = settings;
    const context = { run: clients.run, token, messages, session: this.#session };
    const compile = (template: string | null): Template | undefined =>
      template === null ? undefined : compileTemplate(template, context);
    this.#steps = loginSteps(settings, context, clients.groupMembers !== null);
    this.#table = meaningTable(settings.match, context, this.#incoming);
    // Without one of them nothing is ever written with it: settings-problems.ts.
    this.#send = compile(settings.send);
    this.#sendToGroup = compile(settings.sendToGroup);
    this.#heartbeat = compile(settings.heartbeat);
    this.#leave = compile(settings.leave);
    this.#step = new Uint8Array(clients.count);
    this.#hadUnknown = new Uint8Array(clients.count);
  }

  opened(client: number, out: Output): void {
    this.#step[client] = 0;
    this.#hadUnknown[client] = 0;
    this.#goOn(client, out);
  }

  /** Hot path. One WebSocket message. */
  received(client: number, bytes: Buffer, out: Output): number {
    if (bytes.length > this.#largestBytes)
      throw new ProtocolViolation('MessageTooLong', `a message of ${bytes.length} bytes`);
    const text = bytes.toString(this.#encoding);
    if (this.#separator === null) {
      this.#take(client, text, out);
      return bytes.length;
    }
    for (const each of text.split(this.#separator)) if (each !== '') this.#take(client, each, out);
    return bytes.length;
  }

  /** Hot path. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const values = this.#valuesOf(client);
    values.to = this.#clients.firstUser + to;
    values.sequence = sequence;
    values.payload = payload;
    const template = sequence < GROUP_BIT ? this.#send : this.#sendToGroup;
    const missing = template && writeTemplate(template, values, out);
    if (missing !== undefined) this.#refuseSoon(client, sequence, missing);
  }

  /** Hot path. */
  messagesWritten(client: number): void {
    if (this.#unwritten.size === 0) return;
    const unwritten = this.#unwritten.get(client) ?? [];
    this.#unwritten.delete(client);
    for (const { sequence, reason } of unwritten) this.#events.refused(client, sequence, reason);
  }

  writePending(): void {
    // Answers are written at once.
  }

  writeKeepalive(client: number, out: Output): void {
    if (this.#heartbeat) this.#writeOrEnd(client, this.#heartbeat, out);
  }

  leave(client: number, out: Output): void {
    // Who was never told what stands in the goodbye goes without one.
    if (this.#leave) writeTemplate(this.#leave, this.#valuesOf(client), out);
  }

  closed(client: number): void {
    this.#step[client] = 0;
    this.#hadUnknown[client] = 0;
    this.#session.forget(client);
    this.#unwritten.delete(client);
  }

  whyNotLoggedIn(client: number): string | undefined {
    return this.#hadUnknown[client] === 1 ? 'LoginNotRecognized' : undefined;
  }

  /** Writes the steps of the login up to the next answer that one of them waits for. */
  #goOn(client: number, out: Output): void {
    for (let index = this.#step[client] as number; ; index += 1) {
      const step = this.#steps[index];
      if (!step) break;
      this.#step[client] = index;
      for (const template of step.write) if (!this.#writeOrEnd(client, template, out)) return;
      if (step.until) return;
    }
    this.#step[client] = READY;
    this.#events.loggedIn(client);
  }

  /** What a client cannot do without: where a value is missing in it, the connection ends with that reason. */
  #writeOrEnd(client: number, template: Template, out: Output): boolean {
    const missing = writeTemplate(template, this.#valuesOf(client), out);
    if (missing !== undefined) this.#events.ended(client, missing);
    return missing === undefined;
  }

  /** Whoever goes through the messages that are due must not lose one of them meanwhile. */
  #refuseSoon(client: number, sequence: number, reason: string): void {
    const unwritten = this.#unwritten.get(client) ?? [];
    unwritten.push({ sequence, reason });
    this.#unwritten.set(client, unwritten);
  }

  /** Hot path. One message of the protocol. */
  #take(client: number, text: string, out: Output): void {
    const incoming = this.#incoming;
    incoming.take(text);
    const at = this.#step[client] as number;
    const until = at === READY ? undefined : this.#steps[at]?.until;
    if (until?.matcher.fits(incoming)) {
      this.#session.take(client, until.captures, until.matcher, incoming);
      this.#step[client] = at + 1;
      this.#goOn(client, out);
      return;
    }
    for (const row of this.#table) {
      if (!row.matcher.fits(incoming)) continue;
      const told = this.#tell(client, row);
      if (told === Told.Nothing) continue;
      this.#session.take(client, row.captures, row.matcher, incoming);
      if (told === Told.Happened) for (const template of row.answer) this.#writeOrEnd(client, template, out);
      return;
    }
    if (at !== READY) this.#hadUnknown[client] = 1;
  }

  /** Hot path. Says what a message means that fits, if what it has to tell stands in it. */
  #tell(client: number, row: MeaningRow): number {
    const incoming = this.#incoming;
    const events = this.#events;
    const sequence = sequenceFrom(fieldOf(row, 'sequence', incoming));
    switch (row.means) {
      case 'delivered':
        return this.#delivered(client, row);
      case 'accepted':
        if (sequence === undefined) return Told.Nothing;
        events.accepted(client, sequence);
        break;
      case 'receipted': {
        const by = this.#readerOf(client, row);
        if (sequence === undefined || by === undefined) return Told.Nothing;
        events.receipted(client, by, sequence);
        break;
      }
      case 'refused': {
        const reason = this.#reasons.from(fieldOf(row, 'reason', incoming), 'Refused');
        if (this.#step[client] === READY) events.refused(client, sequence, reason);
        else events.ended(client, reason);
        break;
      }
      case 'ended':
        events.ended(client, this.#reasons.from(fieldOf(row, 'reason', incoming), 'Ended'));
        break;
      case 'ping':
      case 'session':
        break;
    }
    return Told.Happened;
  }

  /** Hot path. */
  #delivered(client: number, row: MeaningRow): number {
    const incoming = this.#incoming;
    const payload =
      row.places.bytes === undefined
        ? this.#payloads.read(fieldOf(row, 'payload', incoming), 'base64')
        : this.#payloads.read(fieldOf(row, 'bytes', incoming), 'latin1');
    if (payload === undefined) return Told.Nothing;
    if (this.#isOwn(client, payload)) return Told.Passed;
    const isRedelivery = row.places.redelivery !== undefined && isTrue(fieldOf(row, 'redelivery', incoming));
    this.#events.delivered(client, payload, isRedelivery);
    return Told.Happened;
  }

  /** Hot path. Whether a client sees what it has sent itself, as in a room: that is for the others. */
  #isOwn(client: number, payload: Buffer): boolean {
    return (
      payload.length >= LEDGER_BYTES &&
      userBehind(this.#clients.firstUser, payload) === client &&
      !(this.#isEcho && sequenceIn(payload) < GROUP_BIT)
    );
  }

  /** Hot path. Client that has got a message of this one; where the server does not say who, it is the partner. */
  #readerOf(client: number, row: MeaningRow): number | undefined {
    // Partners are neighbours: see `AgentPlan`.
    if (row.places.by === undefined) return this.#isEcho ? client : client ^ 1;
    const user = userFrom(fieldOf(row, 'by', this.#incoming));
    return user === undefined ? undefined : user - this.#clients.firstUser;
  }

  /** Hot path. */
  #valuesOf(client: number): Values {
    const { firstUser, groupMembers } = this.#clients;
    const values = this.#values;
    values.user = firstUser + client;
    values.client = client;
    values.group = groupMembers === null ? 0 : firstUser + client - (client % groupMembers);
    return values;
  }
}

/** In JSON it is true, in a pattern anything in its group. */
function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value !== '' && value !== 'false');
}
