import mqtt, { type Packet } from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { LEDGER_BYTES, PayloadMaker } from '../../../../loadgen/agent/payload.js';
import { type ClientProtocol, GROUP_BIT, ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { driver } from '../../../../loadgen/drivers/mqtt/mqtt-driver.js';
import { meansTheSameAtEverySplit, survivesAnyBytes, toldBy } from '../../../support/conformance.js';
import { mqttSettings } from '../../../support/mqtt.js';
import { buffered } from '../../../support/output.js';

const SUBSCRIBE_ID = 65_535;

/** Client 0 of users 10, 11 … and a server that is this test. */
class Talk {
  readonly events: string[] = [];
  readonly protocol: ClientProtocol;
  readonly #out = buffered();
  readonly #version: number;

  constructor(settings: Record<string, unknown> = {}, groupMembers: number | null = null) {
    const read = mqttSettings(settings);
    this.#version = read.version;
    const range = { count: 4, firstUser: 10, run: 0, groupMembers, heartbeatMs: 10_000 };
    const hasSomethingToWrite = (client: number) => this.events.push(`hasSomethingToWrite ${client}`);
    this.protocol = driver.create(read, range, { ...toldBy(this.events), hasSomethingToWrite });
  }

  get hasRoom(): boolean | undefined {
    return this.protocol.hasRoom?.(0);
  }

  /** What the client has said since the last call. */
  said(): Packet[] {
    const packets: Packet[] = [];
    const parser = mqtt.parser({ protocolVersion: this.#version });
    parser.on('packet', (packet) => packets.push(packet));
    parser.on('error', (error: Error) => {
      throw error;
    });
    parser.parse(this.#out.take());
    return packets;
  }

  open(): this {
    this.protocol.opened(0, this.#out);
    return this;
  }

  /** The server says these; what the client answers is `said`. */
  hear(...packets: Packet[]): this {
    const bytes = Buffer.concat(
      packets.map((packet) => mqtt.generate(packet, { protocolVersion: this.#version })),
    );
    expect(this.protocol.received(0, bytes, this.#out)).toBe(bytes.length);
    return this;
  }

  /** Up to the login. */
  login(sessionPresent = false, properties: Record<string, number> = {}): this {
    this.open().hear(connack(sessionPresent, properties));
    if (!sessionPresent) this.hear({ cmd: 'suback', messageId: SUBSCRIBE_ID, granted: [2] });
    this.said();
    return this;
  }

  publish(sequence: number, to = 1): this {
    this.protocol.writeMessage(0, to, sequence, Buffer.from(`message ${sequence & 0xff}`), this.#out);
    return this;
  }

  pend(): this {
    this.protocol.writePending(0, this.#out);
    return this;
  }

  keepAlive(): this {
    this.protocol.writeKeepalive(0, this.#out);
    return this;
  }

  leave(): this {
    this.protocol.leave(0, this.#out);
    return this;
  }

  closed(): this {
    this.protocol.closed(0);
    return this;
  }
}

function connack(sessionPresent = false, properties: Record<string, number> = {}, code = 0): Packet {
  return { cmd: 'connack', sessionPresent, returnCode: code, reasonCode: code, properties };
}

function published(messageId: number, payload: Buffer | string, more: object = {}): Packet {
  const common = { topic: 'c2m/user/10', dup: false, retain: false, qos: 1 as const };
  return { cmd: 'publish', ...common, messageId, payload: Buffer.from(payload), ...more };
}

const answer = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number, reasonCode = 0): Packet =>
  ({ cmd, messageId, reasonCode }) as Packet;

describe('logging in over MQTT', () => {
  test('asks for a session that lasts, with a sign of life half as long again as the heartbeat', () => {
    const [connect] = new Talk({ username: 'u{user}', password: 'p{user}' }).open().said();
    expect(connect).toMatchObject({
      cmd: 'connect',
      protocolVersion: 4,
      clean: false,
      clientId: 'c2m-10',
      keepalive: 15,
      username: 'u10',
    });
    expect(String((connect as { password?: Buffer }).password)).toBe('p10');
  });

  test('begins anew in the first session of MQTT 5, and goes on with it afterwards', () => {
    const talk = new Talk({ version: 5, sessionExpiry: '5m' });
    expect(talk.open().said()).toMatchObject([{ clean: true, properties: { sessionExpiryInterval: 300 } }]);
    talk.hear(connack()).closed().said();
    expect(talk.open().said()).toMatchObject([{ clean: false }]);
  });

  test('leaves a will where the scenario has one', () => {
    const will = { topic: 'gone/{user}', payload: 'user {user}', qos: 1 };
    const [connect] = new Talk({ will }).open().said() as { will?: { topic: string; payload: Buffer } }[];
    expect(connect?.will).toMatchObject({ topic: 'gone/10', qos: 1 });
    expect(String(connect?.will?.payload)).toBe('user 10');
  });

  test('ends only with the subscription to inbox and group', () => {
    const talk = new Talk({ qos: 2 }, 2).open().hear(connack());
    expect(talk.events).toEqual([]);
    expect(talk.said().at(-1)).toMatchObject({
      cmd: 'subscribe',
      subscriptions: [
        { topic: 'c2m/user/10', qos: 2 },
        { topic: 'c2m/group/10', qos: 2 },
      ],
    });
    talk.hear({ cmd: 'suback', messageId: SUBSCRIBE_ID, granted: [2, 2] });
    expect(talk.events).toEqual(['loggedIn 0']);
  });

  test('wants no echo of the group in MQTT 5, and shares its inbox where the scenario says so', () => {
    const talk = new Talk({ version: 5, share: 'crowd' }, 2).open().hear(connack());
    expect(talk.said().at(-1)).toMatchObject({
      subscriptions: [
        { topic: '$share/crowd/c2m/user/10', nl: false },
        { topic: 'c2m/group/10', nl: true },
      ],
    });
  });

  test('needs no second subscription to a session that is still there', () => {
    const talk = new Talk().login().closed().open();
    talk.said();
    expect(talk.hear(connack(true)).said()).toEqual([]);
    expect(talk.events).toEqual(['loggedIn 0', 'loggedIn 0']);
  });

  test('says why a server refuses it, in the words of the standard', () => {
    const refused = (version: number, code: number) =>
      new Talk({ version }).open().hear(connack(false, {}, code)).events;
    expect(refused(4, 4)).toEqual(['ended 0 BadUserNameOrPassword']);
    expect(refused(4, 5)).toEqual(['ended 0 NotAuthorized']);
    expect(refused(5, 0x97)).toEqual(['ended 0 QuotaExceeded']);
    expect(refused(5, 0x84)).toEqual(['ended 0 UnsupportedProtocolVersion']);
    // What knows no MQTT 5 answers as 3.1.1 does.
    const old = new Talk({ version: 5 }).open();
    old.protocol.received(0, Buffer.from([0x20, 2, 0, 1]), buffered());
    expect(old.events).toEqual(['ended 0 UnsupportedProtocolVersion']);
  });

  test('says why a server refuses the subscription', () => {
    const refused = (version: number, granted: number[]) =>
      new Talk({ version }).open().hear(connack(), { cmd: 'suback', messageId: SUBSCRIBE_ID, granted })
        .events;
    expect(refused(4, [0x80])).toEqual(['ended 0 SubscriptionRefused']);
    expect(refused(5, [0x87])).toEqual(['ended 0 NotAuthorized']);
    expect(refused(5, [0])).toEqual(['ended 0 QosNotGranted']);
  });

  test('ends where the server has no messages of that quality', () => {
    const talk = new Talk({ version: 5, qos: 2 }).open().hear(connack(false, { maximumQoS: 1 }));
    expect(talk.events).toEqual(['ended 0 QosNotSupported']);
  });

  test('tells another protocol from a fault of the server', () => {
    const talk = new Talk().open();
    const hear = (text: string) => () => talk.protocol.received(0, Buffer.from(text), buffered());
    expect(hear('HTTP/1.1 400 Bad Request\r\n')).toThrow(expect.objectContaining({ reason: 'NotMqtt' }));
    talk.hear(connack());
    expect(hear('HTTP/1.1 400 Bad Request\r\n')).toThrow(
      expect.objectContaining({ reason: 'ServerProtocolError' }),
    );
  });
});

describe('a message with QoS 1', () => {
  test('is accepted with PUBACK', () => {
    const talk = new Talk().login().publish(7);
    const [packet] = talk.said();
    expect(packet).toMatchObject({ cmd: 'publish', topic: 'c2m/user/11', qos: 1, dup: false });
    talk.hear(answer('puback', packet?.messageId ?? 0), answer('puback', packet?.messageId ?? 0));
    expect(talk.events).toEqual(['loggedIn 0', 'accepted 0 7']);
  });

  test('is refused with the reason of the server, also where nobody has subscribed', () => {
    const talk = new Talk({ version: 5 }).login().publish(1).publish(2);
    const [first, second] = talk.said();
    talk.hear(answer('puback', first?.messageId ?? 0, 0x97), answer('puback', second?.messageId ?? 0, 0x10));
    expect(talk.events.slice(1)).toEqual(['refused 0 1 QuotaExceeded', 'refused 0 2 NoMatchingSubscribers']);
  });

  test('goes to the topic of the group where it is for the group', () => {
    const [packet] = new Talk({}, 2)
      .login()
      .publish(GROUP_BIT + 1, 0)
      .said();
    expect(packet).toMatchObject({ topic: 'c2m/group/10' });
  });

  test('is repeated in the same session with DUP and its packet id', () => {
    const talk = new Talk().login().publish(1).publish(2);
    const [first, second] = talk.said();
    talk
      .hear(answer('puback', first?.messageId ?? 0))
      .closed()
      .login(true)
      .publish(2)
      .publish(3);
    expect(talk.said()).toMatchObject([
      { dup: true, messageId: second?.messageId },
      { dup: false, messageId: (second?.messageId ?? 0) + 1 },
    ]);
  });

  test('is a new one in a new session', () => {
    const talk = new Talk().login().publish(1);
    const [before] = talk.said();
    talk.closed().login(false).publish(1);
    const [again] = talk.said();
    expect(again).toMatchObject({ dup: false, messageId: (before?.messageId ?? 0) + 1 });
    talk.hear(answer('puback', before?.messageId ?? 0));
    expect(talk.events).not.toContain('accepted 0 1');
    talk.hear(answer('puback', again?.messageId ?? 0));
    expect(talk.events).toContain('accepted 0 1');
  });

  test('finds no room while the server allows no more without an answer, and is asked for again with the answer', () => {
    const talk = new Talk({ version: 5 }).login(false, { receiveMaximum: 2 }).publish(1);
    expect(talk.hasRoom).toBe(true);
    talk.publish(2);
    expect(talk.hasRoom).toBe(false);
    const [first, second] = talk.said();
    talk.hear(answer('puback', first?.messageId ?? 0));
    expect(talk.events.slice(1)).toEqual(['accepted 0 1', 'hasSomethingToWrite 0']);
    expect(talk.hasRoom).toBe(true);
    // Nothing found no room since then.
    talk.hear(answer('puback', second?.messageId ?? 0));
    expect(talk.events.slice(3)).toEqual(['accepted 0 2']);
  });

  test('is repeated no faster than the server allows on the new connection, in order, and the next ones behind it', () => {
    const talk = new Talk({ version: 5 }).login().publish(1).publish(2).publish(3);
    const ids = talk.said().map(({ messageId }) => messageId ?? 0);
    talk.closed().login(true, { receiveMaximum: 1 });
    ids.forEach((messageId, index) => {
      expect(talk.hasRoom).toBe(true);
      expect(talk.publish(index + 1).said()).toMatchObject([{ dup: true, messageId }]);
      expect(talk.hasRoom).toBe(false);
      talk.hear(answer('puback', messageId));
      expect(talk.events.slice(-2)).toEqual([`accepted 0 ${index + 1}`, 'hasSomethingToWrite 0']);
    });
    expect(talk.publish(4).said()).toMatchObject([{ dup: false, payload: Buffer.from('message 4') }]);
  });

  test('needs no repetition where the server answers it at last', () => {
    const talk = new Talk({ version: 5 }).login().publish(1).publish(2);
    const [first, second] = talk.said();
    talk.closed().login(true, { receiveMaximum: 1 });
    talk.hear(answer('puback', first?.messageId ?? 0), answer('puback', second?.messageId ?? 0));
    expect(talk.publish(3).said()).toMatchObject([{ dup: false, payload: Buffer.from('message 3') }]);
    expect(talk.hasRoom).toBe(false);
  });

  test('is refused where the server takes none of its size, in the next write', () => {
    const talk = new Talk({ version: 5 }).login(false, { maximumPacketSize: 20 }).publish(1);
    expect(talk.said()).toEqual([]);
    expect(talk.events).toEqual(['loggedIn 0', 'hasSomethingToWrite 0']);
    expect(talk.pend().events.slice(2)).toEqual(['refused 0 1 PacketTooLarge']);
  });

  test('finds no room where the scenario allows no more under way', () => {
    const talk = new Talk({ inFlight: 1 }).login().publish(1);
    expect(talk.hasRoom).toBe(false);
    talk.hear(answer('puback', talk.said()[0]?.messageId ?? 0));
    expect(talk.hasRoom).toBe(true);
  });

  test('has a packet id that no other one has, also after 65,534 of them', () => {
    const talk = new Talk().login().publish(1);
    const [oldest] = talk.said();
    for (let sequence = 2; sequence <= 65_534; sequence += 1) {
      const [packet] = talk.publish(sequence).said();
      talk.hear(answer('puback', packet?.messageId ?? 0));
    }
    const [next] = talk.publish(65_535).said();
    expect(next?.messageId).toBe((oldest?.messageId ?? 0) + 1);
  });
});

describe('a message with QoS 2', () => {
  test('is accepted with PUBREC, and released', () => {
    const talk = new Talk({ qos: 2 }).login().publish(1);
    const messageId = talk.said()[0]?.messageId ?? 0;
    expect(talk.hear(answer('pubrec', messageId)).said()).toMatchObject([{ cmd: 'pubrel', messageId }]);
    expect(talk.hear(answer('pubcomp', messageId)).said()).toEqual([]);
    expect(talk.events).toEqual(['loggedIn 0', 'accepted 0 1']);
  });

  test('is released once more in the same session, where PUBCOMP did not come', () => {
    const talk = new Talk({ qos: 2 }).login().publish(1).publish(2);
    const [first, second] = talk.said();
    talk
      .hear(answer('pubrec', first?.messageId ?? 0))
      .closed()
      .open();
    talk.said();
    talk.hear(connack(true));
    expect(talk.said()).toMatchObject([{ cmd: 'pubrel', messageId: first?.messageId }]);
    expect(talk.publish(2).said()).toMatchObject([{ dup: true, messageId: second?.messageId }]);
  });

  test('keeps its place in the window until PUBCOMP', () => {
    const talk = new Talk({ version: 5, qos: 2 }).login(false, { receiveMaximum: 1 }).publish(1);
    const messageId = talk.said()[0]?.messageId ?? 0;
    expect(talk.hear(answer('pubrec', messageId)).said()).toMatchObject([{ cmd: 'pubrel' }]);
    expect(talk.hasRoom).toBe(false);
    talk.hear(answer('pubcomp', messageId));
    expect(talk.events.slice(1)).toEqual(['accepted 0 1', 'hasSomethingToWrite 0']);
    expect(talk.hasRoom).toBe(true);
  });

  test('that is refused needs no release', () => {
    const talk = new Talk({ version: 5, qos: 2 }).login().publish(1);
    const messageId = talk.said()[0]?.messageId ?? 0;
    expect(talk.hear(answer('pubrec', messageId, 0x97)).said()).toEqual([]);
    expect(talk.events).toEqual(['loggedIn 0', 'refused 0 1 QuotaExceeded']);
  });

  test('counts once, however often it comes before it is released', () => {
    const talk = new Talk({ qos: 2 }).login();
    talk.hear(published(5, 'one', { qos: 2 }));
    expect(talk.said()).toMatchObject([{ cmd: 'pubrec', messageId: 5 }]);
    talk
      .closed()
      .login(true)
      .hear(published(5, 'one', { qos: 2, dup: true }));
    expect(talk.said()).toMatchObject([{ cmd: 'pubrec', messageId: 5 }]);
    expect(talk.hear(answer('pubrel', 5)).said()).toMatchObject([{ cmd: 'pubcomp', messageId: 5 }]);
    talk.hear(published(5, 'two', { qos: 2 }));
    const told = talk.events.filter((event) => event.startsWith('delivered'));
    expect(told).toEqual([
      `delivered 0 ${Buffer.from('one').toString('hex')} false`,
      `delivered 0 ${Buffer.from('two').toString('hex')} false`,
    ]);
  });
});

describe('what comes over MQTT', () => {
  test('is answered as its quality asks', () => {
    const talk = new Talk().login();
    talk.hear(published(0, 'a', { qos: 0 }), published(3, 'b'), published(4, 'c', { dup: true }));
    expect(talk.said()).toMatchObject([
      { cmd: 'puback', messageId: 3 },
      { cmd: 'puback', messageId: 4 },
    ]);
    expect(talk.events.slice(1)).toEqual([
      'delivered 0 61 false',
      'delivered 0 62 false',
      'delivered 0 63 true',
    ]);
  });

  test('counts after the client has left, and is not answered any more', () => {
    const talk = new Talk().login().leave();
    expect(talk.said()).toMatchObject([{ cmd: 'disconnect' }]);
    talk.hear(published(3, 'late'));
    expect(talk.said()).toEqual([]);
    expect(talk.events).toHaveLength(2);
  });

  test('drops the echo of the group in MQTT 3.1.1, and nothing else', () => {
    const payloads = new PayloadMaker(0, LEDGER_BYTES);
    const hears = (version: number, user: number, sequence: number) =>
      new Talk({ version }, 2).login().hear(published(3, payloads.make(LEDGER_BYTES, 0, user, sequence)))
        .events.length - 1;
    expect(hears(4, 10, GROUP_BIT + 1)).toBe(0);
    expect(hears(4, 11, GROUP_BIT + 1)).toBe(1);
    expect(hears(4, 10, 1)).toBe(1);
    // No Local is a promise of the server: what comes all the same is told.
    expect(hears(5, 10, GROUP_BIT + 1)).toBe(1);
  });

  test('ends with the reason of the server in MQTT 5', () => {
    const talk = new Talk({ version: 5 }).login().hear({ cmd: 'disconnect', reasonCode: 0x8e });
    expect(talk.events).toEqual(['loggedIn 0', 'ended 0 SessionTakenOver']);
  });

  test('is alive with PINGREQ and PINGRESP', () => {
    const talk = new Talk().login().keepAlive();
    expect(talk.said()).toMatchObject([{ cmd: 'pingreq' }]);
    talk.hear({ cmd: 'pingresp' });
  });

  test('is a fault of the server where it is too long, or none of its packets', () => {
    const hear = (...bytes: number[]) => {
      const talk = new Talk().login();
      return () => talk.protocol.received(0, Buffer.from(bytes), buffered());
    };
    expect(hear(0x32, 0xff, 0xff, 0xff, 0x7f)).toThrow(ProtocolViolation);
    expect(hear(0x32, 0xff, 0xff, 0xff, 0xff, 1)).toThrow(ProtocolViolation);
    expect(hear(0x32, 4, 0, 9, 0x61, 0x62)).toThrow(ProtocolViolation);
    expect(hear(0x36, 2, 0, 0)).toThrow(ProtocolViolation);
    expect(hear(0x40, 1, 0)).toThrow(ProtocolViolation);
    expect(hear(0x82, 2, 0, 1)).toThrow(ProtocolViolation);
    expect(hear(0x90, 3, 0, 1, 0)).toThrow(ProtocolViolation);
  });

  test.each([4, 5])('means the same wherever the stream is split, in version %i', (version) => {
    const options = { protocolVersion: version };
    const packets: Packet[] = [
      connack(false, version === 5 ? { receiveMaximum: 20, maximumPacketSize: 100_000 } : {}),
      { cmd: 'suback', messageId: SUBSCRIBE_ID, granted: [2] },
      published(1, 'first'),
      published(2, Buffer.alloc(150, 'x'), { qos: 2 }),
      published(2, Buffer.alloc(150, 'x'), { qos: 2, dup: true }),
      answer('pubrel', 2),
      { cmd: 'pingresp' },
      answer('puback', 9),
      answer('pubrec', 9),
      answer('pubcomp', 9),
      published(0, 'last', { qos: 0, ...(version === 5 ? { properties: { contentType: 'text' } } : {}) }),
      ...(version === 5 ? [{ cmd: 'disconnect', reasonCode: 0x8b } as Packet] : []),
    ];
    const bytes = Buffer.concat(packets.map((packet) => mqtt.generate(packet, options)));
    meansTheSameAtEverySplit(driver, mqttSettings({ version, qos: 2 }), bytes);
  });

  test.each([4, 5])('never crashes an agent, in version %i', (version) => {
    const settings = mqttSettings({ version, qos: 2 });
    const options = { protocolVersion: version };
    const login = Buffer.concat([
      mqtt.generate(connack(), options),
      mqtt.generate({ cmd: 'suback', messageId: SUBSCRIBE_ID, granted: [2] }, options),
    ]);
    survivesAnyBytes(driver, settings);
    survivesAnyBytes(driver, settings, login);
    // Beginnings of packets that the parts of other packets follow.
    for (const first of [0x20, 0x90, 0xe0]) survivesAnyBytes(driver, settings, Buffer.from([first, 8]));
  });
});

describe('the settings of MQTT', () => {
  test('decide what a run can promise', () => {
    const promises = (settings: Record<string, unknown>) => driver.promises(mqttSettings(settings));
    expect(promises({ qos: 0 })).toMatchObject({
      accepted: false,
      storesForAway: false,
      delivery: 'at-most-once',
    });
    expect(promises({ qos: 1 })).toMatchObject({
      accepted: true,
      receipt: false,
      groups: true,
      storesForAway: true,
      recognizesRepetitions: false,
      delivery: 'at-least-once',
      order: 'per-sender',
    });
    expect(promises({ qos: 2 })).toMatchObject({ recognizesRepetitions: true, delivery: 'exactly-once' });
    expect(promises({ qos: 2, cleanSession: true })).toMatchObject({
      storesForAway: false,
      recognizesRepetitions: false,
      delivery: 'at-least-once',
    });
    expect(promises({ share: 'crowd' })).toMatchObject({ order: 'none' });
  });

  test.each([
    [{ qos: 3 }, 'is not one of 0, 1, 2'],
    [{ version: 3 }, 'is not one of 4, 5'],
    [{ clientId: 'everybody' }, 'must contain {user}'],
    [{ topic: 'inbox' }, 'must contain {user}'],
    [{ topic: 'inbox/{user}/#' }, 'must be a topic with no +'],
    [{ groupTopic: 'group' }, 'must contain {group}'],
    [{ password: 'secret' }, 'needs a username'],
    [{ sessionExpiry: '10ms' }, 'must be from 1s'],
    [{ will: { topic: 'gone/+' } }, 'must be a topic with no +'],
    [{ window: 3 }, 'window'],
  ])('are refused where they are wrong: %j', (settings, words) => {
    expect(() => mqttSettings(settings)).toThrow(words);
  });
});
