import type { ClientRange, Output } from '../driver.js';
import type { Addresses } from './addresses.js';
import { Namespace } from './namespaces.js';
import type { Resumption } from './resumption.js';
import { type RoomResult, Rooms } from './rooms.js';
import { REQUEST, type StreamManagement } from './stream-management.js';
import { childOf, escapeXml, type XmlElement } from './xml-element.js';

/** Before a client has arrived, what is to come: the answers to its ping and to its `<enable/>`, and its room. */
const Awaited = { Ping: 1, Management: 2, Room: 4 } as const;

const ENABLE = `<enable xmlns='${Namespace.Management}'/>`;
const ENABLE_RESUMPTION = `<enable xmlns='${Namespace.Management}' resume='true'/>`;
const PING = `<ping xmlns='${Namespace.Ping}'/>`;
/** What is behind the presence is answered once that has been worked off: messages come from then on. */
const PRESENCE = `<presence/><iq type='get' id='arrived'>${PING}</iq>`;
const NO_SUCH_SERVICE = `<error type='cancel'><service-unavailable xmlns='${Namespace.StanzaErrors}'/></error>`;

/** What becomes of a client through what the server says. */
export type SessionResult = { kind: 'nothing' } | { kind: 'ready' } | { kind: 'lost'; reason: string };

const NOTHING: SessionResult = { kind: 'nothing' };

/** From the bound resource to the goodbye: presence, acknowledgements (XEP-0198), rooms, and what servers ask of clients. */
export class Session {
  readonly #management: StreamManagement | undefined;
  readonly #resumption: Resumption | undefined;
  readonly #rooms: Rooms | undefined;
  readonly #awaited: Uint8Array;
  /** Messages were written for which no acknowledgement has been asked. */
  readonly #isUnasked: Uint8Array;

  constructor(
    addresses: Addresses,
    clients: ClientRange,
    management: StreamManagement | undefined,
    resumption: Resumption | undefined,
  ) {
    this.#management = management;
    this.#resumption = resumption;
    this.#rooms = clients.groupMembers === null ? undefined : new Rooms(addresses, clients.count);
    this.#awaited = new Uint8Array(clients.count);
    this.#isUnasked = new Uint8Array(clients.count);
  }

  /** The resource is bound. */
  begin(client: number, out: Output): void {
    this.#awaited[client] =
      Awaited.Ping | (this.#management ? Awaited.Management : 0) | (this.#rooms ? Awaited.Room : 0);
    if (this.#management) out.writeText(this.#resumption ? ENABLE_RESUMPTION : ENABLE);
    this.#management?.begin(client);
    out.writeText(PRESENCE);
    this.#management?.countWritten(client, 2);
    if (!this.#rooms) return;
    this.#rooms.forget(client);
    this.#rooms.enter(client, out);
    this.#management?.countWritten(client, 1);
  }

  /** @param element neither a message nor an error of the stream */
  take(client: number, element: XmlElement, out: Output): SessionResult {
    const { namespace, name } = element;
    if (namespace === Namespace.Management) return this.#takeManagement(client, element, out);
    if (namespace !== Namespace.Client) return NOTHING;
    if (name === 'presence' && this.#rooms)
      return this.#takeRoom(client, this.#rooms.takePresence(client, element, out));
    return name === 'iq' ? this.#takeQuery(client, element, out) : NOTHING;
  }

  /** Hot path. */
  wroteMessage(client: number, sequence: number): void {
    if (!this.#management) return;
    this.#management.writeMessage(client, sequence);
    this.#isUnasked[client] = 1;
  }

  /** Hot path. One request for all of them. */
  messagesWritten(client: number, out: Output): void {
    if (this.#isUnasked[client] === 0) return;
    this.#isUnasked[client] = 0;
    out.writeText(REQUEST);
  }

  /** Hot path. Tells the server what has come. */
  acknowledge(client: number, out: Output): void {
    if (!this.#management) return;
    out.writeText(`<a xmlns='${Namespace.Management}' h='${this.#management.receivedBy(client)}'/>`);
  }

  /** A request is answered, and shows that the server is alive; a blank at least keeps the way to it open. */
  writeKeepalive(out: Output): void {
    out.writeText(this.#management ? REQUEST : ' ');
  }

  /** What has come is acknowledged, so that the server does not keep it for the next login. */
  leave(client: number, out: Output): void {
    this.acknowledge(client, out);
    out.writeText(`<presence type='unavailable'/></stream:stream>`);
  }

  /** The connection has ended. A session that is resumed is still in its room. */
  forget(client: number): void {
    this.#awaited[client] = 0;
    this.#isUnasked[client] = 0;
    if (!this.#resumption) this.#rooms?.forget(client);
  }

  #takeManagement(client: number, element: XmlElement, out: Output): SessionResult {
    const { name } = element;
    if (name === 'r') this.acknowledge(client, out);
    if (name === 'failed') return { kind: 'lost', reason: 'NoStreamManagement' };
    if (name !== 'enabled') return NOTHING;
    this.#management?.enable(client);
    if (this.#resumption?.name(client, element) === false) return { kind: 'lost', reason: 'NotResumable' };
    return this.#came(client, Awaited.Management);
  }

  #takeRoom(client: number, result: RoomResult): SessionResult {
    if (result.kind === 'answered') this.#management?.countWritten(client, 1);
    if (result.kind === 'lost') return result;
    return result.kind === 'inside' ? this.#came(client, Awaited.Room) : NOTHING;
  }

  #takeQuery(client: number, query: XmlElement, out: Output): SessionResult {
    const id = query.attributes.get('id') ?? '';
    const type = query.attributes.get('type');
    if (type === 'result' || type === 'error') {
      // Also a server that knows no ping answers it.
      if (id === 'arrived') return this.#came(client, Awaited.Ping);
      return id === 'room' && this.#rooms
        ? this.#takeRoom(client, this.#rooms.takeAnswer(client, query))
        : NOTHING;
    }
    const from = query.attributes.get('from');
    const to = from === undefined ? '' : ` to='${escapeXml(from)}'`;
    const isPing = childOf(query, Namespace.Ping, 'ping') !== undefined;
    const kind = isPing ? 'result' : 'error';
    const answer = `<iq type='${kind}' id='${escapeXml(id)}'${to}>${isPing ? '' : NO_SUCH_SERVICE}</iq>`;
    out.writeText(answer);
    if (this.#management?.writeText(client, answer)) out.writeText(REQUEST);
    return NOTHING;
  }

  /** Something that was awaited is here. */
  #came(client: number, what: number): SessionResult {
    const before = this.#awaited[client] as number;
    this.#awaited[client] = before & ~what;
    return before !== 0 && this.#awaited[client] === 0 ? { kind: 'ready' } : NOTHING;
  }
}
