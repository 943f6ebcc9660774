import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  type Output,
  ProtocolViolation,
} from '../driver.js';
import { Addresses } from './addresses.js';
import { CommonStanzaReader, Kind } from './common-stanza.js';
import { reasonOf } from './conditions.js';
import { Byte, ElementScanner, isBlank, NOT_YET, tagEnd } from './element-scanner.js';
import { Login } from './login.js';
import { Messages } from './messages.js';
import { Namespace } from './namespaces.js';
import { Resumption } from './resumption.js';
import { Session } from './session.js';
import { handledIn, StreamManagement } from './stream-management.js';
import { ElementReader, type XmlElement } from './xml-element.js';

/** Of one element: more is an attack, or a server gone mad. */
const MOST_ELEMENT_BYTES = 1024 * 1024;

/**
 * Where a client is. `Arriving`: its session is bound, and it says that it is there; `Leaving`: it has said goodbye, and what
 * still comes counts; `Ended`: nothing counts any more.
 */
const Stage = { Closed: 0, LoggingIn: 1, Arriving: 2, Ready: 3, Leaving: 4, Ended: 5 } as const;

/** XMPP from the side of its clients: finds the elements in their streams, and hands them to whom they concern. */
export class XmppClients implements ClientProtocol {
  readonly resumesSessions: boolean;
  readonly #stage: Uint8Array;
  readonly #scanner = new ElementScanner();
  readonly #reader = new ElementReader();
  readonly #common = new CommonStanzaReader();
  readonly #events: ClientEvents;
  readonly #management: StreamManagement | undefined;
  readonly #resumption: Resumption | undefined;
  readonly #login: Login;
  readonly #session: Session;
  readonly #messages: Messages;

  constructor(settings: XmppSettings, clients: ClientRange, events: ClientEvents) {
    const addresses = new Addresses(settings, clients);
    this.#events = events;
    this.#stage = new Uint8Array(clients.count);
    const { count } = clients;
    const { streamManagement, resume } = settings;
    this.resumesSessions = streamManagement && resume;
    const management = streamManagement ? new StreamManagement(count, resume) : undefined;
    this.#management = management;
    this.#messages = new Messages(settings, addresses, clients, events, management);
    this.#resumption =
      management && resume ? new Resumption(count, management, this.#messages, events) : undefined;
    this.#login = new Login(settings, addresses, count, events, this.#resumption);
    this.#session = new Session(addresses, clients, management, this.#resumption);
  }

  opened(client: number, out: Output): void {
    this.#stage[client] = Stage.LoggingIn;
    this.#login.begin(client, out);
  }

  secured(client: number, out: Output): void {
    this.#login.secured(client, out);
  }

  /** Hot path. */
  received(client: number, bytes: Buffer, out: Output): number {
    let at = 0;
    while (at < bytes.length) {
      const stage = this.#stage[client] as number;
      if (stage === Stage.Ended || stage === Stage.Closed) return bytes.length;
      const byte = bytes[at] as number;
      if (isBlank(byte)) {
        at += 1;
        continue;
      }
      if (byte !== Byte.Less) throw new ProtocolViolation('NotXmpp', 'text between the elements of a stream');
      const isHeader = this.#login.awaitsHeader(client);
      const end = isHeader ? headerEnd(bytes, at) : this.#scanner.scan(bytes, at);
      if ((end === NOT_YET ? bytes.length : end) - at > MOST_ELEMENT_BYTES)
        throw new ProtocolViolation('ElementTooLarge', `an element of more than ${MOST_ELEMENT_BYTES} bytes`);
      if (end === NOT_YET) return at;
      if (isHeader) this.#takeHeader(client, bytes.subarray(at, end));
      else this.#takeElement(client, bytes, at, end, out);
      if (this.#login.isStartingTls(client) && end < bytes.length)
        throw new ProtocolViolation('BytesBeforeTls', 'unenciphered bytes behind the answer to STARTTLS');
      at = end;
    }
    return at;
  }

  /** Hot path. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    this.#messages.write(to, sequence, payload, out);
    this.#session.wroteMessage(client, sequence);
  }

  /** Whatever it has to say is an answer, and was given at once. */
  writePending(): void {
    return;
  }

  /** Hot path. */
  messagesWritten(client: number, out: Output): void {
    this.#session.messagesWritten(client, out);
  }

  writeKeepalive(_client: number, out: Output): void {
    this.#session.writeKeepalive(out);
  }

  leave(client: number, out: Output): void {
    this.#session.leave(client, out);
    this.#stage[client] = Stage.Leaving;
  }

  closed(client: number): void {
    const hasLeft = this.#stage[client] === Stage.Leaving;
    this.#stage[client] = Stage.Closed;
    this.#login.forget(client);
    this.#session.forget(client);
    if (!this.#resumption) this.#management?.forget(client);
    else if (hasLeft) this.#resumption.forget(client);
    else this.#resumption.cut(client);
  }

  #takeHeader(client: number, bytes: Buffer): void {
    // The declaration of XML in front of it says nothing (RFC 6120, section 11.5).
    if (bytes[1] === Byte.Question) return;
    // With an end at once, it is an element.
    const whole = Buffer.concat([bytes.subarray(0, -1), Buffer.from('/>')]);
    this.#login.takeHeader(client, this.#reader.read(whole));
  }

  /** Hot path. */
  #takeElement(client: number, bytes: Buffer, start: number, end: number, out: Output): void {
    if (bytes[start + 1] === Byte.Slash) {
      if (this.#stage[client] !== Stage.Leaving) this.#end(client, 'StreamClosed');
      return;
    }
    const stage = this.#stage[client];
    if (stage === Stage.LoggingIn) {
      this.#logIn(client, this.#reader.read(bytes.subarray(start, end)), out);
      return;
    }
    // Behind a goodbye there is nothing to be said.
    const answers = stage === Stage.Leaving ? undefined : out;
    const common = this.#common;
    switch (common.read(bytes, this.#scanner)) {
      case Kind.Message:
        this.#management?.countReceived(client);
        this.#messages.take(client, common.message, answers);
        break;
      case Kind.Acknowledgement:
        this.#management?.acknowledge(client, common.handled, this.#events);
        break;
      case Kind.AcknowledgementRequest:
        if (answers) this.#session.acknowledge(client, answers);
        break;
      default:
        this.#takeOther(client, this.#reader.read(bytes.subarray(start, end)), answers);
    }
  }

  #logIn(client: number, element: XmlElement, out: Output): void {
    if (this.#isStreamError(client, element)) return;
    const result = this.#login.take(client, element, out);
    switch (result.kind) {
      case 'refused':
        this.#end(client, result.reason);
        break;
      case 'bound':
        this.#arrive(client, out);
        break;
      case 'resumed':
        this.#resumption?.resumed(client, result.answer, out);
        this.#stage[client] = Stage.Ready;
        this.#events.loggedIn(client);
    }
  }

  #arrive(client: number, out: Output): void {
    this.#stage[client] = Stage.Arriving;
    const left = this.#resumption?.begin(client) ?? [];
    this.#session.begin(client, out);
    this.#resumption?.writeReceiptsAgain(client, left, out);
  }

  #takeOther(client: number, element: XmlElement, answers: Output | undefined): void {
    if (this.#isStreamError(client, element)) return;
    if (element.namespace === Namespace.Client) this.#management?.countReceived(client);
    if (element.namespace === Namespace.Client && element.name === 'message') {
      this.#messages.takeElement(client, element, answers);
      return;
    }
    if (element.namespace === Namespace.Management && element.name === 'a') {
      const handled = handledIn(element);
      if (handled === undefined) throw new ProtocolViolation('BadHandledCount', '<a/> without h');
      this.#management?.acknowledge(client, handled, this.#events);
      return;
    }
    if (!answers) return;
    const result = this.#session.take(client, element, answers);
    if (result.kind === 'lost') this.#end(client, result.reason);
    if (result.kind !== 'ready' || this.#stage[client] !== Stage.Arriving) return;
    this.#stage[client] = Stage.Ready;
    this.#resumption?.arrived(client);
    this.#events.loggedIn(client);
  }

  #isStreamError(client: number, element: XmlElement): boolean {
    if (element.namespace !== Namespace.Streams || element.name !== 'error') return false;
    this.#end(client, reasonOf(element));
    return true;
  }

  #end(client: number, reason: string): void {
    this.#stage[client] = Stage.Ended;
    this.#events.ended(client, reason);
  }
}

/** Where the header of a stream ends that is at `at`, or the declaration of XML in front of it; or NOT_YET. */
function headerEnd(bytes: Buffer, at: number): number {
  if (at + 1 >= bytes.length) return NOT_YET;
  if (bytes[at + 1] !== Byte.Question) return tagEnd(bytes, at + 1);
  const end = bytes.indexOf('?>', at);
  return end < 0 ? NOT_YET : end + 2;
}
