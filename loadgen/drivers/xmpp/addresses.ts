import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import type { ClientRange } from '../driver.js';
import { ABSENT, behind, indexWithin, numberIn } from './byte-text.js';

/** What clients, rooms and messages are called. All of it can stand in XML as it is. */
export class Addresses {
  readonly domain: string;
  readonly #clients: ClientRange;
  readonly #settings: XmppSettings;
  readonly #rooms: string;
  /** Of a user's name, what is before its number and behind it. */
  readonly #nameHead: string;
  readonly #nameTail: string;
  readonly #beforeUser: Buffer;
  readonly #behindUser: Buffer;
  readonly #atDomain: Buffer;
  readonly #beforeSequence: Buffer;
  readonly #idPrefix: string;

  constructor(settings: XmppSettings, clients: ClientRange) {
    this.domain = settings.domain;
    this.#settings = settings;
    this.#clients = clients;
    this.#rooms = settings.mucService ?? `conference.${settings.domain}`;
    const [head = '', tail = ''] = settings.userName.split('{user}');
    this.#nameHead = head;
    this.#nameTail = tail;
    this.#beforeUser = Buffer.from(head);
    this.#behindUser = Buffer.from(tail);
    this.#atDomain = Buffer.from(`@${settings.domain}`);
    // What an earlier run has left in a mailbox must not be taken for a message of this one.
    this.#idPrefix = `${clients.run.toString(36)}-`;
    this.#beforeSequence = Buffer.from(this.#idPrefix);
  }

  userName(client: number): string {
    return `${this.#nameHead}${this.#clients.firstUser + client}${this.#nameTail}`;
  }

  password(client: number): string {
    return this.#settings.password.replaceAll('{user}', String(this.#clients.firstUser + client));
  }

  /** Hot path. */
  userAddress(client: number): string {
    return `${this.userName(client)}@${this.domain}`;
  }

  /** Hot path. The room of the group that begins with this client. */
  roomAddress(firstClient: number): string {
    return `group-${this.#clients.firstUser + firstClient}@${this.#rooms}`;
  }

  /** Where a client is in the room of its group. */
  occupantAddress(client: number): string {
    return `${this.roomAddress(this.firstOfGroup(client))}/${this.userName(client)}`;
  }

  firstOfGroup(client: number): number {
    return client - (client % (this.#clients.groupMembers ?? 1));
  }

  /** Hot path. */
  messageId(sequence: number): string {
    return this.#idPrefix + sequence;
  }

  /** Hot path. The message that has this id; undefined: none of this run. */
  sequenceIn(id: Buffer, start: number, end: number): number | undefined {
    if (start === ABSENT) return undefined;
    const digits = behind(id, start, end, this.#beforeSequence);
    const sequence = digits === ABSENT ? ABSENT : numberIn(id, digits, end);
    return sequence === ABSENT ? undefined : sequence;
  }

  /** Hot path. The client whose address this is, with a resource or without; ABSENT: it is of no user of this lab. */
  clientAt(address: Buffer, start: number, end: number): number {
    if (start === ABSENT) return ABSENT;
    const slash = indexWithin(address, start, end, 0x2f);
    const bareEnd = slash === ABSENT ? end : slash;
    const nameEnd = indexWithin(address, start, bareEnd, 0x40);
    if (nameEnd === ABSENT || behind(address, nameEnd, bareEnd, this.#atDomain) !== bareEnd) return ABSENT;
    return this.#clientNamed(address, start, nameEnd);
  }

  /** Hot path. The client who has this address in a room; ABSENT: it is of the room itself, or of a stranger. */
  occupantAt(address: Buffer, start: number, end: number): number {
    if (start === ABSENT) return ABSENT;
    const slash = indexWithin(address, start, end, 0x2f);
    return slash === ABSENT ? ABSENT : this.#clientNamed(address, slash + 1, end);
  }

  #clientNamed(bytes: Buffer, start: number, end: number): number {
    const digits = behind(bytes, start, end, this.#beforeUser);
    const digitsEnd = end - this.#behindUser.length;
    if (digits === ABSENT || digits > digitsEnd) return ABSENT;
    if (behind(bytes, digitsEnd, end, this.#behindUser) !== end) return ABSENT;
    const user = numberIn(bytes, digits, digitsEnd);
    if (user === ABSENT) return ABSENT;
    const { firstUser, count } = this.#clients;
    // Of another agent: none of the clients here.
    return user < firstUser ? count : user - firstUser;
  }
}
