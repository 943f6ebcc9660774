import { type ClientEvents, ProtocolViolation } from '../driver.js';
import { Namespace } from './namespaces.js';
import { type UnhandledStanza, UnhandledStanzas } from './unhandled-stanzas.js';
import type { XmlElement } from './xml-element.js';

const NONE = -1;

/** Behind every so many stanzas the server is asked, also where none of them is a message: what is kept of them has a bound. */
const STANZAS_A_REQUEST = 32;

/** Asks the server how many stanzas it has handled. */
export const REQUEST = `<r xmlns='${Namespace.Management}'/>`;

/**
 * Who has handled which stanzas (XEP-0198): each side counts those that came, and tells the other. A client that waits for
 * nothing costs some numbers; its stanzas under way are chained in slots that all clients share.
 */
export class StreamManagement {
  readonly #isEnabled: Uint8Array;
  /** Stanzas of the server that came since it was enabled; counts wrap at 2^32, as those of the protocol do. */
  readonly #received: Uint32Array;
  /** Stanzas written since it was asked for, and those of them that the server has acknowledged. */
  readonly #written: Uint32Array;
  readonly #acknowledged: Uint32Array;
  /** Messages; where sessions are resumed, also what else is to be written again. */
  readonly #unhandled: UnhandledStanzas;
  readonly #keepsAll: boolean;

  /** @param keepsAll sessions are resumed: every stanza may have to be written again, not messages alone */
  constructor(clients: number, keepsAll: boolean) {
    this.#isEnabled = new Uint8Array(clients);
    this.#received = new Uint32Array(clients);
    this.#written = new Uint32Array(clients);
    this.#acknowledged = new Uint32Array(clients);
    this.#unhandled = new UnhandledStanzas(clients);
    this.#keepsAll = keepsAll;
  }

  /** It is asked for: what is written from now on counts. */
  begin(client: number): void {
    this.#isEnabled[client] = 0;
    this.#received[client] = 0;
    this.#written[client] = 0;
    this.#acknowledged[client] = 0;
  }

  /** The server agrees: what comes from now on counts. */
  enable(client: number): void {
    this.#isEnabled[client] = 1;
  }

  /** Hot path. A stanza has come. */
  countReceived(client: number): void {
    if (this.#isEnabled[client] === 1) this.#received[client] = (this.#received[client] as number) + 1;
  }

  /** Stanzas that have come. */
  receivedBy(client: number): number {
    return this.#received[client] as number;
  }

  /** Hot path. Stanzas are written that nobody misses. */
  countWritten(client: number, stanzas: number): void {
    this.#written[client] = (this.#written[client] as number) + stanzas;
  }

  /** Hot path. */
  writeMessage(client: number, sequence: number): void {
    this.countWritten(client, 1);
    this.#unhandled.addMessage(client, this.#written[client] as number, sequence);
  }

  /** Hot path. The receipt of a message of `to` is written. @returns whether the server is to be asked behind it */
  writeReceipt(client: number, to: number, sequence: number): boolean {
    this.countWritten(client, 1);
    if (!this.#keepsAll) return false;
    this.#unhandled.addReceipt(client, this.#written[client] as number, to, sequence);
    return this.#isTimeToAsk(client);
  }

  /** A stanza is written that is kept as it is. @returns whether the server is to be asked behind it */
  writeText(client: number, text: string): boolean {
    this.countWritten(client, 1);
    if (!this.#keepsAll) return false;
    this.#unhandled.addText(client, this.#written[client] as number, text);
    return this.#isTimeToAsk(client);
  }

  /**
   * Hot path. The server has handled so many stanzas of a client: tells the messages among those that it had not yet
   * acknowledged.
   */
  acknowledge(client: number, handled: number, events: Pick<ClientEvents, 'accepted'>): void {
    const before = this.#acknowledged[client] as number;
    const newly = (handled - before) >>> 0;
    const awaited = ((this.#written[client] as number) - before) >>> 0;
    if (newly > awaited)
      throw new ProtocolViolation('HandledCountTooHigh', `${handled} stanzas handled, ${awaited} to go`);
    this.#acknowledged[client] = handled;
    const unhandled = this.#unhandled;
    for (let slot = unhandled.first(client); slot !== NONE; slot = unhandled.first(client)) {
      if ((unhandled.stanzaOf(slot) - before) >>> 0 > newly) return;
      const sequence = unhandled.messageIn(slot);
      unhandled.removeFirst(client);
      if (sequence !== undefined) events.accepted(client, sequence);
    }
  }

  /**
   * What the server has not acknowledged, oldest first: it is kept no longer, and the count of what was written goes on from what
   * was acknowledged.
   */
  takeUnhandled(client: number): UnhandledStanza[] {
    this.#written[client] = this.#acknowledged[client] as number;
    return this.#unhandled.takeAll(client);
  }

  /** Of what the server has not acknowledged, the messages. */
  unhandledMessages(client: number): number[] {
    return this.#unhandled.messagesOf(client);
  }

  /** The session has ended, and its counts with it. */
  forget(client: number): void {
    this.#isEnabled[client] = 0;
    this.#unhandled.takeAll(client);
  }

  #isTimeToAsk(client: number): boolean {
    return (this.#written[client] as number) % STANZAS_A_REQUEST === 0;
  }
}

/** What an `<a/>`, a `<resumed/>` or a `<failed/>` says to be handled, as the parser gives it; undefined: nothing. */
export function handledIn({ name, attributes }: XmlElement): number | undefined {
  const text = attributes.get('h');
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) >>> 0;
  throw new ProtocolViolation('BadHandledCount', `<${name} h=${JSON.stringify(text)}/>`);
}
