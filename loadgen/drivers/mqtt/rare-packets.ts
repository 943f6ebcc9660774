import mqtt, {
  type IConnackPacket,
  type IDisconnectPacket,
  type ISubackPacket,
  type Packet,
} from 'mqtt-packet';
import type { MqttSettings } from '../../../scenarios/drivers/mqtt-schema.js';
import type { ClientRange } from '../driver.js';
import { NumberedText } from './numbered-text.js';
import { violation } from './packet.js';

/** No PUBLISH has it: a client subscribes once a session at most. */
export const SUBSCRIBE_ID = 0xff_ff;

/** A sign of life is a while under way, and may be late: the server is told of half as much more. */
export const KEEPALIVE_SLACK = 1.5;
const LONGEST_KEEPALIVE_SECONDS = 0xff_ff;

// Else the library keeps a buffer for each number of 16 bits: several MiB an agent.
mqtt.writeToStream.cacheNumbers = false;

/** What is said once a connection or once a session, by way of a library. */
export class RarePackets {
  readonly #settings: MqttSettings;
  readonly #clients: ClientRange;
  readonly #keepaliveSeconds: number;
  readonly #clientId: NumberedText;
  readonly #inbox: NumberedText;
  readonly #groupTopic: NumberedText;

  constructor(settings: MqttSettings, clients: ClientRange) {
    const { clientId, topic, groupTopic, share } = settings;
    this.#settings = settings;
    this.#clients = clients;
    const seconds = Math.ceil((KEEPALIVE_SLACK * clients.heartbeatMs) / 1000);
    this.#keepaliveSeconds = Math.min(LONGEST_KEEPALIVE_SECONDS, seconds);
    this.#clientId = new NumberedText(clientId, '{user}');
    this.#inbox = new NumberedText(share === undefined ? topic : `$share/${share}/${topic}`, '{user}');
    this.#groupTopic = new NumberedText(groupTopic, '{group}');
  }

  /** @param isAnew what the server has kept of the client counts no more */
  connect(client: number, isAnew: boolean): Buffer {
    const { version, cleanSession, sessionExpiry, username, password, will } = this.#settings;
    const user = this.#clients.firstUser + client;
    const sessionExpiryInterval = cleanSession ? 0 : Math.ceil(sessionExpiry / 1000);
    return mqtt.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clean: isAnew,
      clientId: this.#clientId.textFor(user),
      keepalive: this.#keepaliveSeconds,
      ...(username === undefined ? {} : { username: withUser(username, user) }),
      // MQTT 5 has passwords without a user; the library has not.
      ...(password === undefined
        ? {}
        : { username: withUser(username ?? '', user), password: Buffer.from(withUser(password, user)) }),
      ...(will
        ? {
            will: {
              topic: withUser(will.topic, user),
              payload: withUser(will.payload, user),
              qos: will.qos,
              retain: false,
            },
          }
        : {}),
      ...(version === 5 ? { properties: { sessionExpiryInterval } } : {}),
    });
  }

  /** To the inbox, and to the topic of the group. */
  subscribe(client: number): Buffer {
    const { version, qos } = this.#settings;
    const { firstUser, groupMembers } = this.#clients;
    const inbox = { topic: this.#inbox.textFor(firstUser + client), qos };
    const group = firstUser + client - (client % (groupMembers ?? 1));
    const subscriptions =
      groupMembers === null
        ? [inbox]
        : // Nobody wants its own messages back; MQTT 3.1.1 cannot say that.
          [inbox, { topic: this.#groupTopic.textFor(group), qos, nl: version === 5 }];
    return mqtt.generate(
      { cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions },
      { protocolVersion: version },
    );
  }

  /**
   * One whole packet.
   * @throws ProtocolViolation
   */
  read(bytes: Buffer): IConnackPacket | ISubackPacket | IDisconnectPacket {
    const packets: Packet[] = [];
    let error: Error | undefined;
    const parser = mqtt.parser({ protocolVersion: this.#settings.version });
    parser.on('packet', (packet) => packets.push(packet));
    parser.on('error', (found: Error) => {
      error = found;
    });
    try {
      parser.parse(bytes);
    } catch (thrown) {
      // Bytes that the library has not thought of.
      error = thrown as Error;
    }
    const [packet] = packets;
    if (error || !packet) throw violation(error?.message ?? 'a packet that does not end');
    if (packet.cmd !== 'connack' && packet.cmd !== 'suback' && packet.cmd !== 'disconnect')
      throw violation(packet.cmd);
    return packet;
  }
}

function withUser(template: string, user: number): string {
  return template.replaceAll('{user}', String(user));
}
