import { LEDGER_BYTES, sequenceIn, userBehind } from '../../agent/payload.js';
import { type ClientEvents, type ClientRange, GROUP_BIT, type Output } from '../driver.js';
import { behindProperties, DUP_BIT, First, qosOf, shortAt, violation, writeAnswer } from './packet.js';
import { PacketIds } from './packet-ids.js';
import { Reason } from './reason-names.js';

const NONE = -1;

/** What comes to clients: it is acknowledged, and what comes with QoS 2 counts once. */
export class Receiver {
  readonly #firstUser: number;
  readonly #events: ClientEvents;
  readonly #hasProperties: boolean;
  /** MQTT 3.1.1 brings back to clients what they say to their groups. */
  readonly #hasEcho: boolean;
  /** Of messages with QoS 2 that have come and that the server has yet to release. */
  readonly #unreleased: PacketIds;

  constructor(version: number, clients: ClientRange, events: ClientEvents) {
    this.#firstUser = clients.firstUser;
    this.#events = events;
    this.#hasProperties = version === 5;
    this.#hasEcho = version === 4 && clients.groupMembers !== null;
    this.#unreleased = new PacketIds(clients.count);
  }

  /** A session begins: what the server has not released it does not know any more. */
  beginAnew(client: number): void {
    this.#unreleased.forget(client);
  }

  /** Hot path. PUBLISH. @throws ProtocolViolation */
  published(client: number, first: number, bytes: Buffer, start: number, end: number, out: Output): void {
    const qos = qosOf(first);
    let at = start + 2 + shortAt(bytes, start);
    let id = 0;
    if (qos > 0) {
      id = shortAt(bytes, at);
      at += 2;
    }
    if (this.#hasProperties && at < end) at = behindProperties(bytes, at);
    if (at > end || (qos > 0 && id === 0)) throw violation('a PUBLISH that ends too early');
    const isNew = qos < 2 || this.#unreleased.find(client, id) === NONE;
    if (isNew && qos === 2) this.#unreleased.add(client, id);
    if (isNew) this.#deliver(client, bytes.subarray(at, end), (first & DUP_BIT) !== 0);
    if (qos > 0) writeAnswer(qos === 1 ? First.Puback : First.Pubrec, id, out);
  }

  /** Hot path. PUBREL: the server knows that a message of QoS 2 is here, and does not send it again. */
  released(client: number, id: number, out: Output): void {
    const slot = this.#unreleased.find(client, id);
    if (slot !== NONE) this.#unreleased.remove(client, slot);
    const isUnknown = slot === NONE && this.#hasProperties;
    writeAnswer(First.Pubcomp, id, out, isUnknown ? Reason.PacketIdentifierNotFound : 0);
  }

  /** Hot path. */
  #deliver(client: number, payload: Buffer, isRedelivery: boolean): void {
    if (this.#hasEcho && this.#isEcho(client, payload)) return;
    this.#events.delivered(client, payload, isRedelivery);
  }

  #isEcho(client: number, payload: Buffer): boolean {
    return (
      payload.length >= LEDGER_BYTES &&
      sequenceIn(payload) >= GROUP_BIT &&
      userBehind(this.#firstUser, payload) === client
    );
  }
}
