import { monotonicMs } from '../../monotonic-clock.js';
import { type ClientEvents, type Output, ProtocolViolation } from '../driver.js';
import { reasonOf } from './conditions.js';
import type { Messages } from './messages.js';
import { Namespace } from './namespaces.js';
import { SessionIds } from './session-ids.js';
import { handledIn, REQUEST, type StreamManagement } from './stream-management.js';
import type { UnhandledStanza } from './unhandled-stanzas.js';
import { escapeXml, type XmlElement } from './xml-element.js';

/** Of the session of a client. `Named`: it is begun, and the server would keep it; `Kept`: its client was logged in. */
const State = { None: 0, Named: 1, Kept: 2 } as const;

/**
 * Sessions that go on after their connection was cut (XEP-0198, section 5). What the server has handled is accepted; what it has not is
 * written again, and is no second copy: messages by the ledger, which still has them, the rest from what stream management has kept.
 */
export class Resumption {
  readonly #state: Uint8Array;
  readonly #ids: SessionIds;
  /** How long the server keeps a session whose connection has died, and until when that is. */
  readonly #keptForMs: Float64Array;
  readonly #keptUntilMs: Float64Array;
  readonly #management: StreamManagement;
  readonly #messages: Messages;
  readonly #events: ClientEvents;

  constructor(clients: number, management: StreamManagement, messages: Messages, events: ClientEvents) {
    this.#state = new Uint8Array(clients);
    this.#ids = new SessionIds(clients);
    this.#keptForMs = new Float64Array(clients);
    this.#keptUntilMs = new Float64Array(clients);
    this.#management = management;
    this.#messages = messages;
    this.#events = events;
  }

  /** A new session is bound: there is none to go back to. @returns what the server has not acknowledged in the one before */
  begin(client: number): UnhandledStanza[] {
    this.#state[client] = State.None;
    this.#events.sessionBegan(client);
    return this.#management.takeUnhandled(client);
  }

  /** Behind the presence of the new session. A receipt that comes twice is harmless, and one that is lost is not. */
  writeReceiptsAgain(client: number, left: readonly UnhandledStanza[], out: Output): void {
    for (const stanza of left)
      if (stanza.kind === 'receipt') this.#messages.writeReceiptTo(client, stanza.to, stanza.sequence, out);
  }

  /** @param enabled what the server says to `<enable resume='true'/>` @returns false: it would not keep the session */
  name(client: number, { attributes }: XmlElement): boolean {
    const id = attributes.get('id');
    if (!id || !['true', '1'].includes(attributes.get('resume') ?? '')) return false;
    this.#ids.set(client, id);
    const max = attributes.get('max') ?? '';
    this.#keptForMs[client] = /^\d+$/.test(max) ? Number(max) * 1000 : Number.POSITIVE_INFINITY;
    this.#state[client] = State.Named;
    return true;
  }

  /** The client is logged in: presence and room are in the session, so that it can be taken up. */
  arrived(client: number): void {
    if (this.#state[client] !== State.Named) return;
    this.#state[client] = State.Kept;
    this.#keptUntilMs[client] = Number.POSITIVE_INFINITY;
  }

  /** The connection has ended, and nobody has said goodbye. */
  cut(client: number): void {
    if (this.#state[client] !== State.Kept) this.#state[client] = State.None;
    else if (this.#keptUntilMs[client] === Number.POSITIVE_INFINITY)
      this.#keptUntilMs[client] = monotonicMs() + (this.#keptForMs[client] as number);
  }

  /** The client has said goodbye, which ends the session for the server, too. */
  forget(client: number): void {
    this.#state[client] = State.None;
    this.#management.forget(client);
  }

  mayResume(client: number): boolean {
    return this.#state[client] === State.Kept && monotonicMs() < (this.#keptUntilMs[client] as number);
  }

  ask(client: number, out: Output): void {
    const handled = this.#management.receivedBy(client);
    const id = escapeXml(this.#ids.get(client));
    out.writeText(`<resume xmlns='${Namespace.Management}' h='${handled}' previd='${id}'/>`);
  }

  /**
   * What is written here comes before all that is new, and messages do so too.
   * @throws ProtocolViolation where the server has handled what was never sent: the session is not taken up again
   */
  resumed(client: number, resumed: XmlElement, out: Output): void {
    this.#state[client] = State.None;
    const handled = handledIn(resumed);
    if (handled === undefined) throw new ProtocolViolation('BadHandledCount', '<resumed/> without h');
    this.#management.acknowledge(client, handled, this.#events);
    this.#state[client] = State.Named;
    this.arrived(client);
    const left = this.#management.takeUnhandled(client);
    for (const stanza of left) this.#repeat(client, stanza, out);
    if (left.some(({ kind }) => kind !== 'message')) out.writeText(REQUEST);
  }

  /** The server has the session no more. If it knows what it had handled, the rest has not come. */
  failed(client: number, failed: XmlElement): void {
    this.#state[client] = State.None;
    this.#events.refused(client, undefined, `Resume${reasonOf(failed)}`);
    const handled = handledIn(failed);
    if (handled === undefined) return;
    this.#management.acknowledge(client, handled, this.#events);
    for (const sequence of this.#management.unhandledMessages(client))
      this.#events.unhandled(client, sequence);
  }

  #repeat(client: number, stanza: UnhandledStanza, out: Output): void {
    switch (stanza.kind) {
      case 'message':
        this.#events.unhandled(client, stanza.sequence);
        break;
      case 'receipt':
        this.#messages.writeReceiptTo(client, stanza.to, stanza.sequence, out);
        break;
      case 'text':
        out.writeText(stanza.text);
        this.#management.writeText(client, stanza.text);
    }
  }
}
