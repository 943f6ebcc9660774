import type { SocketioSettings } from '../../../scenarios/drivers/socketio-schema.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  GROUP_BIT,
  type Output,
} from '../driver.js';
import { reasonFrom } from '../reason-words.js';
import { type DataPath, dataPath, valueAt } from './data-path.js';
import { IncomingEvents } from './incoming-events.js';
import { JsonTemplate, type PlaceholderValues } from './json-template.js';
import { EnginePacket, PacketReader, SocketPacket, violation } from './packet.js';
import { NO_ID, PacketWriter } from './packet-writer.js';

/** What a connection waits for. */
const Stage = { Closed: 0, Open: 1, Namespace: 2, Login: 3, Join: 4, Ready: 5 } as const;

/** Of the acknowledgements of a login and of a join. Messages have their sequence, which is none of both: those of either kind begin with 1. */
const LOGIN_ID = 0;
const JOIN_ID = GROUP_BIT;

/** Clients of Socket.IO 5 over Engine.IO 4, each of whose packets is a text message of a WebSocket. */
export class SocketioClients implements ClientProtocol {
  readonly #settings: SocketioSettings;
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #incoming: IncomingEvents;
  readonly #packets: PacketReader;
  readonly #writer: PacketWriter;
  readonly #auth: JsonTemplate | undefined;
  readonly #login: JsonTemplate | undefined;
  readonly #join: JsonTemplate | undefined;
  readonly #toUser: JsonTemplate;
  readonly #toGroup: JsonTemplate;
  readonly #error: DataPath | undefined;
  readonly #stage: Uint8Array;
  /** Binary messages that belong to an event, and are to be passed over. */
  readonly #attachments = new Map<number, number>();
  /** One object for all messages. */
  readonly #values: PlaceholderValues = { user: 0, to: 0, group: 0, sequence: 0, payload: Buffer.alloc(0) };

  constructor(settings: SocketioSettings, clients: ClientRange, events: ClientEvents) {
    const { namespace, auth, login, join, send, sendToGroup, error } = settings;
    this.#settings = settings;
    this.#clients = clients;
    this.#events = events;
    this.#incoming = new IncomingEvents(settings, clients, events);
    this.#packets = new PacketReader(namespace);
    this.#writer = new PacketWriter(namespace);
    this.#auth = auth && new JsonTemplate(auth);
    this.#login = login && eventTemplate(login);
    this.#join = join && clients.groupMembers !== null ? eventTemplate(join) : undefined;
    this.#toUser = eventTemplate(send);
    this.#toGroup = sendToGroup ? eventTemplate(sendToGroup) : this.#toUser;
    this.#error = error === undefined ? undefined : dataPath(error);
    this.#stage = new Uint8Array(clients.count);
  }

  /** The server speaks first. */
  opened(client: number): void {
    this.#stage[client] = Stage.Open;
  }

  /** Hot path. One message of the WebSocket, whole. */
  received(client: number, bytes: Buffer, out: Output): number {
    const { length } = bytes;
    if (this.#stage[client] === Stage.Closed || this.#passesOver(client) || length === 0) return length;
    switch (bytes[0]) {
      case EnginePacket.Message:
        this.#packets.read(bytes, 1);
        this.#packet(client, bytes, out);
        break;
      case EnginePacket.Ping:
        this.#writer.pong(out);
        break;
      case EnginePacket.Open:
        if (this.#stage[client] === Stage.Open) this.#connect(client, out);
        break;
      case EnginePacket.Close:
        this.#end(client, 'EngineClosed');
        break;
      case EnginePacket.Pong:
      case EnginePacket.Upgrade:
      case EnginePacket.Noop:
        break;
      default:
        throw violation('a packet that Engine.IO does not have');
    }
    return length;
  }

  /** Hot path. The id of its acknowledgement is the sequence. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    const values = this.#values;
    values.user = this.#clients.firstUser + client;
    values.to = this.#clients.firstUser + to;
    values.group = values.to;
    values.sequence = sequence;
    values.payload = payload;
    const template = sequence < GROUP_BIT ? this.#toUser : this.#toGroup;
    this.#writer.event(template, values, this.#settings.acknowledgement ? sequence : NO_ID, out);
  }

  /** Nothing waits: whatever is to be answered is answered at once. */
  writePending(): void {
    // Nothing.
  }

  /** The server asks for signs of life, and gets them. */
  writeKeepalive(): void {
    // Nothing.
  }

  leave(_client: number, out: Output): void {
    this.#writer.disconnect(out);
  }

  closed(client: number): void {
    this.#stage[client] = Stage.Closed;
    this.#attachments.delete(client);
  }

  /** Hot path. Whether what came is an attachment. */
  #passesOver(client: number): boolean {
    if (this.#attachments.size === 0) return false;
    const left = this.#attachments.get(client);
    if (left === undefined) return false;
    if (left > 1) this.#attachments.set(client, left - 1);
    else this.#attachments.delete(client);
    return true;
  }

  #connect(client: number, out: Output): void {
    this.#stage[client] = Stage.Namespace;
    this.#values.user = this.#clients.firstUser + client;
    this.#writer.connect(this.#auth, this.#values, out);
  }

  /** Hot path. */
  #packet(client: number, bytes: Buffer, out: Output): void {
    const { type, isOurs, attachments } = this.#packets;
    if (attachments > 0) {
      // Payloads are texts: what has attachments is not about them.
      this.#attachments.set(client, attachments);
      return;
    }
    if (!isOurs) return;
    switch (type) {
      case SocketPacket.Event:
        this.#event(client, bytes, out);
        break;
      case SocketPacket.Ack:
        this.#acknowledged(client, bytes, out);
        break;
      case SocketPacket.Connect:
        if (this.#stage[client] === Stage.Namespace) this.#logIn(client, out);
        break;
      case SocketPacket.Disconnect:
        this.#end(client, 'Disconnected');
        break;
      case SocketPacket.ConnectError:
        this.#end(client, connectErrorIn(bytes.toString('utf8', this.#packets.dataFrom)));
        break;
      default:
        throw violation('a packet that Socket.IO does not have');
    }
  }

  /** Hot path. */
  #event(client: number, bytes: Buffer, out: Output): void {
    const { id, dataFrom } = this.#packets;
    const data = listIn(bytes.toString('utf8', dataFrom));
    const name = data.shift();
    if (typeof name !== 'string' && typeof name !== 'number') throw violation('an event without a name');
    if (this.#incoming.take(client, String(name), data) && id >= 0) this.#writer.acknowledge(id, out);
    if (this.#stage[client] === Stage.Login && name === this.#settings.login?.answer)
      this.#joinGroup(client, out);
  }

  /** Hot path. */
  #acknowledged(client: number, bytes: Buffer, out: Output): void {
    const { id, dataFrom } = this.#packets;
    const error = this.#error && valueAt(listIn(bytes.toString('utf8', dataFrom)), this.#error);
    const isRefused = error !== undefined && error !== null && error !== false && error !== '';
    const reason = typeof error === 'string' ? reasonFrom(error, 'Refused') : 'Refused';
    if (id !== LOGIN_ID && id !== JOIN_ID) {
      if (isRefused) this.#events.refused(client, id, reason);
      else this.#events.accepted(client, id);
      return;
    }
    if (isRefused) this.#end(client, reason);
    else if (id === JOIN_ID) {
      if (this.#stage[client] === Stage.Join) this.#ready(client);
    } else if (this.#stage[client] === Stage.Login && this.#settings.login?.answer === undefined)
      this.#joinGroup(client, out);
  }

  #logIn(client: number, out: Output): void {
    const { login } = this.#settings;
    if (!login || !this.#login) {
      this.#joinGroup(client, out);
      return;
    }
    this.#stage[client] = Stage.Login;
    this.#values.user = this.#clients.firstUser + client;
    this.#writer.event(this.#login, this.#values, login.acknowledgement ? LOGIN_ID : NO_ID, out);
    if (!login.acknowledgement && login.answer === undefined) this.#joinGroup(client, out);
  }

  #joinGroup(client: number, out: Output): void {
    const { groupMembers, firstUser } = this.#clients;
    if (!this.#join || groupMembers === null) {
      this.#ready(client);
      return;
    }
    this.#stage[client] = Stage.Join;
    this.#values.user = firstUser + client;
    this.#values.group = firstUser + client - (client % groupMembers);
    const isAcknowledged = this.#settings.join?.acknowledgement === true;
    this.#writer.event(this.#join, this.#values, isAcknowledged ? JOIN_ID : NO_ID, out);
    if (!isAcknowledged) this.#ready(client);
  }

  #ready(client: number): void {
    this.#stage[client] = Stage.Ready;
    this.#events.loggedIn(client);
  }

  #end(client: number, reason: string): void {
    this.#stage[client] = Stage.Closed;
    this.#events.ended(client, reason);
  }
}

function eventTemplate(event: { event: string; arguments: unknown[] }): JsonTemplate {
  return new JsonTemplate([event.event, ...event.arguments]);
}

/** Hot path. @throws ProtocolViolation */
function listIn(text: string): unknown[] {
  const data = parsed(text);
  if (!Array.isArray(data)) throw violation('a packet whose data is no list');
  return data;
}

function connectErrorIn(text: string): string {
  const message = valueAt(parsed(text), ['message']);
  return typeof message === 'string' ? reasonFrom(message, 'ConnectError') : 'ConnectError';
}

/** @throws ProtocolViolation */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw violation('a packet whose data is no JSON');
    throw error;
  }
}
