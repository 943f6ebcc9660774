import type { MqttSettings } from '../../../scenarios/drivers/mqtt-schema.js';
import { type ClientEvents, type ClientRange, GROUP_BIT, type Output } from '../driver.js';
import { NumberedText } from './numbered-text.js';
import { First, firstOfPublish, packetBytes, publishLength, writeAnswer, writePublish } from './packet.js';
import { PacketIds } from './packet-ids.js';
import { SUBSCRIBE_ID } from './rare-packets.js';
import { Reason, reasonName } from './reason-names.js';

const NONE = -1;
const LAST_ID = SUBSCRIBE_ID - 1;

/**
 * `Released`, of QoS 2: the server has said PUBREC, and has yet to say PUBCOMP. `Unrepeated`: it was published on an
 * earlier connection of the session, and not on this one.
 */
const State = { Published: 0, Released: 1, Unrepeated: 2 } as const;

/**
 * What clients publish: packet ids, what has no answer yet, and what goes out again on the next connection of the same
 * session.
 */
export class Publisher {
  readonly #settings: MqttSettings;
  readonly #firstUser: number;
  readonly #events: ClientEvents;
  readonly #inbox: NumberedText;
  readonly #groupTopic: NumberedText;
  readonly #hasProperties: boolean;
  readonly #lastId: Uint16Array;
  readonly #mostUnderWay: Uint16Array;
  /** Their values are sequences. */
  readonly #underWay: PacketIds;
  /** Clients with messages for which there was no room. */
  readonly #isHeldBack: Uint8Array;
  /** Clients that came back to their session, and how many messages they have yet to repeat. */
  readonly #toRepeat = new Map<number, number>();
  /** Those that the next write of a client tells of: whoever asks to publish does not expect an answer at once. */
  readonly #refused = new Map<number, { sequence: number; reason: string }[]>();
  #largestPacketBytes = Number.POSITIVE_INFINITY;

  constructor(settings: MqttSettings, clients: ClientRange, events: ClientEvents) {
    this.#settings = settings;
    this.#firstUser = clients.firstUser;
    this.#events = events;
    this.#inbox = new NumberedText(settings.topic, '{user}');
    this.#groupTopic = new NumberedText(settings.groupTopic, '{group}');
    this.#hasProperties = settings.version === 5;
    // A server may remember ids of an earlier run: they begin elsewhere in each.
    this.#lastId = new Uint16Array(clients.count).fill(clients.run % LAST_ID);
    this.#mostUnderWay = new Uint16Array(clients.count);
    this.#isHeldBack = new Uint8Array(clients.count);
    this.#underWay = new PacketIds(clients.count);
  }

  /** A session begins, or goes on: then PUBREL is repeated at once, and PUBLISH as soon as it is asked for again. */
  begin(client: number, goesOn: boolean, receiveMaximum: number, out: Output): void {
    this.#mostUnderWay[client] = Math.min(receiveMaximum, this.#settings.inFlight);
    this.#toRepeat.delete(client);
    if (!goesOn) this.#underWay.forget(client);
    let unrepeated = 0;
    for (let slot = this.#underWay.first(client); slot !== NONE; slot = this.#underWay.after(slot)) {
      if (this.#underWay.stateOf(slot) === State.Released) {
        writeAnswer(First.Pubrel, this.#underWay.idOf(slot), out);
      } else {
        this.#underWay.setState(slot, State.Unrepeated);
        unrepeated += 1;
      }
    }
    if (unrepeated > 0) this.#toRepeat.set(client, unrepeated);
  }

  /** Larger packets are not taken by the server. */
  limit(packetBytes: number): void {
    this.#largestPacketBytes = Math.min(this.#largestPacketBytes, packetBytes);
  }

  /**
   * Hot path. Whether the server takes one more of a client; where it does not, the client is written again once it does. What
   * was not repeated yet has no part in what the server has to answer on this connection.
   */
  hasRoom(client: number): boolean {
    const unrepeated = this.#toRepeat.size === 0 ? 0 : (this.#toRepeat.get(client) ?? 0);
    if (this.#underWay.countOf(client) - unrepeated < (this.#mostUnderWay[client] as number)) return true;
    this.#isHeldBack[client] = 1;
    return false;
  }

  /** Hot path. Asked for only where there is room. */
  publish(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    if (this.#isTooLarge(to, sequence, payload)) {
      this.#events.note?.(
        `the server takes packets of ${this.#largestPacketBytes} bytes at most (Maximum Packet Size), and messages.size is larger`,
      );
      this.#refuseSoon(client, sequence, reasonName(Reason.PacketTooLarge));
    } else if (this.#settings.qos === 0) {
      this.#write(to, sequence, 0, false, payload, out);
    } else {
      this.#send(client, to, sequence, payload, out);
    }
  }

  /** Hot path. PUBACK: the server has it, or says why not. */
  acknowledged(client: number, id: number, reason: number): void {
    const slot = this.#underWay.find(client, id);
    if (slot === NONE || this.#underWay.stateOf(slot) === State.Released) return;
    this.#answered(client, slot, reason);
    this.#needsNoRepeat(client, slot);
    this.#remove(client, slot);
  }

  /** Hot path. PUBREC: the same for QoS 2, where the id is in use until PUBCOMP. */
  received(client: number, id: number, reason: number, out: Output): void {
    const slot = this.#underWay.find(client, id);
    if (reason >= Reason.Failure) {
      this.acknowledged(client, id, reason);
    } else if (slot === NONE) {
      // Of a session that this client knows nothing of; the server is waiting all the same.
      writeAnswer(First.Pubrel, id, out, this.#hasProperties ? Reason.PacketIdentifierNotFound : 0);
    } else {
      if (this.#underWay.stateOf(slot) !== State.Released) this.#answered(client, slot, reason);
      this.#needsNoRepeat(client, slot);
      this.#underWay.setState(slot, State.Released);
      writeAnswer(First.Pubrel, id, out);
    }
  }

  /** Hot path. PUBCOMP. */
  completed(client: number, id: number): void {
    const slot = this.#underWay.find(client, id);
    if (slot === NONE || this.#underWay.stateOf(slot) !== State.Released) return;
    this.#remove(client, slot);
  }

  /** Hot path. What could not be taken. */
  tellRefused(client: number): void {
    if (this.#refused.size === 0) return;
    const refused = this.#refused.get(client);
    this.#refused.delete(client);
    for (const { sequence, reason } of refused ?? []) this.#events.refused(client, sequence, reason);
  }

  /** What is under way belongs to the session. */
  closed(client: number): void {
    this.#isHeldBack[client] = 0;
    this.#refused.delete(client);
  }

  /** Hot path. What nobody has subscribed to reaches nobody: MQTT 5 says so. */
  #answered(client: number, slot: number, reason: number): void {
    const sequence = this.#underWay.valueOf(slot);
    if (reason < Reason.Failure && reason !== Reason.NoMatchingSubscribers)
      this.#events.accepted(client, sequence);
    else this.#events.refused(client, sequence, reasonName(reason));
  }

  /** Hot path. */
  #send(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    if (this.#toRepeat.size > 0 && this.#repeat(client, to, sequence, payload, out)) return;
    const id = this.#nextId(client);
    this.#underWay.add(client, id, sequence, State.Published);
    this.#write(to, sequence, id, false, payload, out);
  }

  /** Writes with its old id what the session has under way already. */
  #repeat(client: number, to: number, sequence: number, payload: Buffer, out: Output): boolean {
    if (!this.#toRepeat.has(client)) return false;
    const slot = this.#underWay.findValue(client, sequence);
    if (slot === NONE) return false;
    this.#needsNoRepeat(client, slot);
    this.#write(to, sequence, this.#underWay.idOf(slot), true, payload, out);
    return true;
  }

  /** Hot path. It was repeated, or answered all the same. */
  #needsNoRepeat(client: number, slot: number): void {
    if (this.#underWay.stateOf(slot) !== State.Unrepeated) return;
    this.#underWay.setState(slot, State.Published);
    const left = (this.#toRepeat.get(client) ?? 0) - 1;
    if (left > 0) this.#toRepeat.set(client, left);
    else this.#toRepeat.delete(client);
  }

  /** Hot path. Its id is free, and there is room for another one. */
  #remove(client: number, slot: number): void {
    this.#underWay.remove(client, slot);
    if (this.#isHeldBack[client] === 0) return;
    this.#isHeldBack[client] = 0;
    this.#events.hasSomethingToWrite(client);
  }

  /** Hot path. Fewer are under way than there are ids. */
  #nextId(client: number): number {
    let id = this.#lastId[client] as number;
    do id = id >= LAST_ID ? 1 : id + 1;
    while (this.#underWay.find(client, id) !== NONE);
    this.#lastId[client] = id;
    return id;
  }

  /** Hot path. */
  #write(to: number, sequence: number, id: number, isRepeated: boolean, payload: Buffer, out: Output): void {
    const first = firstOfPublish(this.#settings.qos, isRepeated);
    writePublish(first, this.#topicOf(sequence), this.#firstUser + to, id, this.#hasProperties, payload, out);
  }

  /** Hot path. */
  #isTooLarge(to: number, sequence: number, payload: Buffer): boolean {
    if (this.#largestPacketBytes === Number.POSITIVE_INFINITY) return false;
    const topicBytes = this.#topicOf(sequence).bytesFor(this.#firstUser + to);
    const hasId = this.#settings.qos > 0;
    const length = publishLength(topicBytes, hasId, this.#hasProperties, payload.length);
    return packetBytes(length) > this.#largestPacketBytes;
  }

  /** Hot path. */
  #topicOf(sequence: number): NumberedText {
    return sequence < GROUP_BIT ? this.#inbox : this.#groupTopic;
  }

  #refuseSoon(client: number, sequence: number, reason: string): void {
    const refused = this.#refused.get(client) ?? [];
    refused.push({ sequence, reason });
    this.#refused.set(client, refused);
    this.#events.hasSomethingToWrite(client);
  }
}
