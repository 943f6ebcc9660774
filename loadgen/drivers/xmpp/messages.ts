import type { XmppSettings } from '../../../scenarios/drivers/xmpp-schema.js';
import { type ClientEvents, type ClientRange, GROUP_BIT, type Output } from '../driver.js';
import type { Addresses } from './addresses.js';
import { ABSENT } from './byte-text.js';
import { MessageParts } from './common-stanza.js';
import { errorIn, reasonOf } from './conditions.js';
import { Namespace } from './namespaces.js';
import { REQUEST, type StreamManagement } from './stream-management.js';
import { escapeXml, type XmlElement } from './xml-element.js';

const BODY_END = '</body></message>';
const BODY_END_WITH_REQUEST = `</body><request xmlns='${Namespace.Receipts}'/></message>`;

/** Messages and their receipts (RFC 6121, section 5; XEP-0184). The payload is in the body, in Base64. */
export class Messages {
  readonly #settings: XmppSettings;
  readonly #addresses: Addresses;
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #management: StreamManagement | undefined;
  readonly #parts = new MessageParts();
  readonly #bodyEnd: string;
  #payload = Buffer.allocUnsafeSlow(16 * 1024);

  constructor(
    settings: XmppSettings,
    addresses: Addresses,
    clients: ClientRange,
    events: ClientEvents,
    management: StreamManagement | undefined,
  ) {
    this.#settings = settings;
    this.#addresses = addresses;
    this.#clients = clients;
    this.#events = events;
    this.#management = management;
    this.#bodyEnd = settings.receipts ? BODY_END_WITH_REQUEST : BODY_END;
  }

  /** Hot path. */
  write(to: number, sequence: number, payload: Buffer, out: Output): void {
    const id = this.#addresses.messageId(sequence);
    const body = payload.toString('base64');
    if (sequence < GROUP_BIT) {
      const user = this.#addresses.userAddress(to);
      out.writeText(`<message to='${user}' id='${id}' type='chat'><body>${body}${this.#bodyEnd}`);
    } else {
      const room = this.#addresses.roomAddress(to);
      out.writeText(`<message to='${room}' id='${id}' type='groupchat'><body>${body}${BODY_END}`);
    }
  }

  /** Hot path. @param out where the receipt goes; undefined: nothing can be sent any more */
  take(client: number, message: MessageParts, out: Output | undefined): void {
    const addresses = this.#addresses;
    const { bytes, fromStart, fromEnd, receivedStart, receivedEnd, body, isFromRoom } = message;
    const from = isFromRoom
      ? addresses.occupantAt(bytes, fromStart, fromEnd)
      : addresses.clientAt(bytes, fromStart, fromEnd);
    // Of the server or of a room: a welcome, a subject.
    if (from === ABSENT) return;
    const received = addresses.sequenceIn(bytes, receivedStart, receivedEnd);
    if (received !== undefined) this.#events.receipted(client, from, received);
    // A room says everything to whoever said it, too.
    if (body === undefined || (isFromRoom && from === client)) return;
    this.#events.delivered(client, this.#decode(body), false);
    if (message.wantsReceipt && this.#settings.receipts && !isFromRoom && out)
      this.#writeReceipt(client, from, message, out);
  }

  /** The receipt of a message of this run; it goes to whatever resource that client has now. */
  writeReceiptTo(client: number, to: number, sequence: number, out: Output): void {
    out.writeText(receiptTo(this.#addresses.userAddress(to), this.#addresses.messageId(sequence)));
    this.#management?.writeReceipt(client, to, sequence);
  }

  /** One that is not of the common form. */
  takeElement(client: number, element: XmlElement, out: Output | undefined): void {
    this.#parts.take(element);
    if (element.attributes.get('type') === 'error') this.#takeError(client, element);
    else this.take(client, this.#parts, out);
  }

  /** Hot path. */
  #writeReceipt(client: number, sender: number, message: MessageParts, out: Output): void {
    const { bytes, fromStart, fromEnd, idStart, idEnd } = message;
    if (idStart === ABSENT) return;
    const to = escapeXml(bytes.toString('utf8', fromStart, fromEnd));
    const id = escapeXml(bytes.toString('utf8', idStart, idEnd));
    const receipt = receiptTo(to, id);
    out.writeText(receipt);
    if (!this.#management) return;
    // Most load resumes nothing: which message it is of does not matter then.
    if (!this.#settings.resume) {
      this.#management.countWritten(client, 1);
      return;
    }
    const sequence = this.#addresses.sequenceIn(bytes, idStart, idEnd);
    // Of another run, or to a client of another agent: its numbers alone would not do.
    const isOwn = sequence !== undefined && sender < this.#clients.count;
    const asks = isOwn
      ? this.#management.writeReceipt(client, sender, sequence)
      : this.#management.writeText(client, receipt);
    if (asks) out.writeText(REQUEST);
  }

  /**
   * A message of this client came back. The server may have acknowledged it before: that it handled the stanza does not mean
   * that anybody gets it.
   */
  #takeError(client: number, element: XmlElement): void {
    const { bytes, fromStart, fromEnd, idStart, idEnd } = this.#parts;
    const reason = reasonOf(errorIn(element));
    const sequence = this.#addresses.sequenceIn(bytes, idStart, idEnd);
    const to = this.#addresses.clientAt(bytes, fromStart, fromEnd);
    const isToGroup = sequence !== undefined && sequence >= GROUP_BIT;
    const isKnown = sequence !== undefined && (isToGroup || to !== ABSENT);
    this.#events.refused(client, isKnown ? undefined : sequence, reason);
    if (!isKnown) return;
    if (!isToGroup) this.#events.undeliverable(client, to, sequence);
    else for (const other of this.#othersOf(client)) this.#events.undeliverable(client, other, sequence);
  }

  #othersOf(client: number): number[] {
    const first = this.#addresses.firstOfGroup(client);
    const members = Math.min(this.#clients.groupMembers ?? 1, this.#clients.count - first);
    return Array.from({ length: members }, (_, index) => first + index).filter((other) => other !== client);
  }

  /** Hot path. A view that is valid until the next call. */
  #decode(body: string): Buffer {
    if (body.length > this.#payload.length) this.#payload = Buffer.allocUnsafeSlow(body.length);
    return this.#payload.subarray(0, this.#payload.write(body, 'base64'));
  }
}

/** Both as they stand in XML. */
function receiptTo(address: string, id: string): string {
  return `<message to='${address}' type='chat'><received xmlns='${Namespace.Receipts}' id='${id}'/></message>`;
}
