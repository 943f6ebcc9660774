import type { IConnackPacket, ISubackPacket } from 'mqtt-packet';
import type { MqttSettings } from '../../../scenarios/drivers/mqtt-schema.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type ClientRange,
  type Output,
  ProtocolViolation,
} from '../driver.js';
import { DISCONNECT, First, idAt, isPublish, PINGREQ, readPackets, reasonAt, violation } from './packet.js';
import { Publisher } from './publisher.js';
import { RarePackets, SUBSCRIBE_ID } from './rare-packets.js';
import { connectReasonName, Reason, reasonName, subscribeReasonName } from './reason-names.js';
import { Receiver } from './receiver.js';
import { figure, heedServer } from './server-limits.js';

/** Of a connection. `Left`: nothing may be written any more; `Ended`: and nothing that comes counts. */
const Phase = { Closed: 0, Connecting: 1, Subscribing: 2, Ready: 3, Left: 4, Ended: 5 } as const;

/** Of a session, as this run knows it. */
const Session = { None: 0, Begun: 1, Subscribed: 2 } as const;

/** Where a server of MQTT 5 says nothing, and in 3.1.1. */
const MOST_IDS = 0xff_ff;

const SCRATCH = Buffer.alloc(16);
/** For whoever has left: no answer may follow DISCONNECT. What goes unanswered comes again with the session. */
const NOWHERE: Output = {
  at: 0,
  room() {
    this.at = 0;
    return SCRATCH;
  },
  write: () => undefined,
  writeText: () => undefined,
  endMessage: () => undefined,
};

/** MQTT from the side of its clients: OASIS standards 3.1.1 and 5.0. */
export class MqttClients implements ClientProtocol {
  readonly #settings: MqttSettings;
  readonly #clients: ClientRange;
  readonly #events: ClientEvents;
  readonly #rare: RarePackets;
  readonly #publisher: Publisher;
  readonly #receiver: Receiver;
  readonly #phase: Uint8Array;
  readonly #session: Uint8Array;
  /** Client whose bytes are being read, and where answers to them go. */
  #current = 0;
  #output: Output | undefined;

  constructor(settings: MqttSettings, clients: ClientRange, events: ClientEvents) {
    this.#settings = settings;
    this.#clients = clients;
    this.#events = events;
    this.#rare = new RarePackets(settings, clients);
    this.#publisher = new Publisher(settings, clients, events);
    this.#receiver = new Receiver(settings.version, clients, events);
    this.#phase = new Uint8Array(clients.count);
    this.#session = new Uint8Array(clients.count);
  }

  /** A first session of MQTT 5 begins anew, with nothing of an earlier run; 3.1.1 cannot ask for that and keep it. */
  opened(client: number, out: Output): void {
    const { version, cleanSession } = this.#settings;
    this.#phase[client] = Phase.Connecting;
    const isFirst = this.#session[client] === Session.None;
    out.write(this.#rare.connect(client, cleanSession || (version === 5 && isFirst)));
  }

  /** Hot path. */
  received(client: number, bytes: Buffer, out: Output): number {
    if (this.#phase[client] === Phase.Ended) return bytes.length;
    this.#current = client;
    this.#output = out;
    try {
      return readPackets(bytes, this.#onPacket);
    } catch (error) {
      // Whatever answers in another protocol does so at once.
      if (error instanceof ProtocolViolation && this.#phase[client] === Phase.Connecting)
        throw new ProtocolViolation('NotMqtt', error.message);
      throw error;
    }
  }

  /** Hot path. */
  hasRoom(client: number): boolean {
    return this.#publisher.hasRoom(client);
  }

  /** Hot path. */
  writeMessage(client: number, to: number, sequence: number, payload: Buffer, out: Output): void {
    this.#publisher.publish(client, to, sequence, payload, out);
  }

  /** Hot path. All else is answered as it comes. */
  writePending(client: number): void {
    this.#publisher.tellRefused(client);
  }

  writeKeepalive(_client: number, out: Output): void {
    out.write(PINGREQ);
  }

  leave(client: number, out: Output): void {
    out.write(DISCONNECT);
    this.#publisher.closed(client);
    this.#phase[client] = Phase.Left;
  }

  closed(client: number): void {
    this.#phase[client] = Phase.Closed;
    this.#publisher.closed(client);
  }

  /** Hot path. */
  readonly #onPacket = (bytes: Buffer, begin: number, start: number, end: number): boolean => {
    const client = this.#current;
    const phase = this.#phase[client] as number;
    const out = phase === Phase.Left ? NOWHERE : (this.#output as Output);
    const first = bytes[begin] as number;
    if ((phase === Phase.Connecting) !== (first === First.Connack))
      throw violation(`0x${first.toString(16)} is out of place`);
    if (isPublish(first)) {
      this.#receiver.published(client, first, bytes, start, end, out);
      return true;
    }
    switch (first) {
      case First.Puback:
        this.#publisher.acknowledged(client, idAt(bytes, start, end), reasonAt(bytes, start, end));
        break;
      case First.Pubrec:
        this.#publisher.received(client, idAt(bytes, start, end), reasonAt(bytes, start, end), out);
        break;
      case First.Pubcomp:
        this.#publisher.completed(client, idAt(bytes, start, end));
        break;
      case First.Pubrel:
        this.#receiver.released(client, idAt(bytes, start, end), out);
        break;
      case First.Pingresp:
        break;
      default:
        this.#takeRare(client, Buffer.from(bytes.subarray(begin, end)), out);
    }
    return this.#phase[client] !== Phase.Ended;
  };

  #takeRare(client: number, bytes: Buffer, out: Output): void {
    const packet = this.#rare.read(bytes);
    if (packet.cmd === 'connack') this.#connected(client, packet, out);
    else if (packet.cmd === 'suback') this.#subscribed(client, packet);
    else this.#end(client, reasonName(packet.reasonCode ?? 0));
  }

  #connected(client: number, packet: IConnackPacket, out: Output): void {
    const { properties = {} } = packet;
    const { receiveMaximum, maximumPacketSize } = properties;
    const code = packet.reasonCode ?? packet.returnCode;
    if (code === undefined) throw violation('a CONNACK that says nothing');
    const reason =
      code === 0
        ? heedServer(properties, this.#settings, this.#clients, this.#events)
        : connectReasonName(code);
    if (reason !== undefined) {
      this.#end(client, reason);
      return;
    }
    this.#publisher.limit(figure(maximumPacketSize, Number.POSITIVE_INFINITY));
    if (!packet.sessionPresent) {
      this.#session[client] = Session.None;
      this.#receiver.beginAnew(client);
    }
    this.#publisher.begin(client, packet.sessionPresent, figure(receiveMaximum, MOST_IDS) || MOST_IDS, out);
    if (this.#session[client] === Session.Subscribed) {
      this.#ready(client);
      return;
    }
    this.#session[client] = Session.Begun;
    this.#phase[client] = Phase.Subscribing;
    out.write(this.#rare.subscribe(client));
  }

  #subscribed(client: number, packet: ISubackPacket): void {
    if (this.#phase[client] !== Phase.Subscribing || packet.messageId !== SUBSCRIBE_ID)
      throw violation('SUBACK answers no SUBSCRIBE');
    const { version, qos } = this.#settings;
    const codes = packet.granted as number[];
    const refused = codes.find((code) => code >= Reason.Failure);
    if (refused !== undefined) this.#end(client, subscribeReasonName(refused, version));
    else if (codes.some((code) => code < qos)) this.#end(client, 'QosNotGranted');
    else {
      this.#session[client] = Session.Subscribed;
      this.#ready(client);
    }
  }

  #ready(client: number): void {
    this.#phase[client] = Phase.Ready;
    this.#events.loggedIn(client);
  }

  #end(client: number, reason: string): void {
    this.#phase[client] = Phase.Ended;
    this.#events.ended(client, reason);
  }
}
