import { nkeys } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { loadDriver } from '../../../../loadgen/drivers/load-driver.js';
import { ServerLines } from '../../../../loadgen/drivers/nats/server-lines.js';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import type { WireProtocol } from '../../../../scenarios/scenario.js';
import { startNatsFixture } from '../../../fixtures/nats-server.js';
import {
  conforms,
  feed,
  meansTheSameAtEverySplit,
  openedClient,
  survivesAnyBytes,
  toldBy,
} from '../../../support/conformance.js';
import { buffered } from '../../../support/output.js';

const driver = await loadDriver('nats');
const settingsOf = (settings: object = {}) => driverSchema.parse({ nats: settings }).settings;
const core = settingsOf();
const jetStream = settingsOf({ mode: 'jetstream' });
const INFO = 'INFO {"server_id":"A","headers":true,"max_payload":1048576}\r\n';

/** A client whose server has said something, and what it answered. */
function answersTo(
  settings: unknown,
  groupMembers: number | null = null,
  carriers: WireProtocol[] = ['tcp'],
) {
  const events: string[] = [];
  const range = { count: 4, firstUser: 100, run: 7, groupMembers, heartbeatMs: 10_000, carriers };
  const protocol = driver.create(settings, range, toldBy(events));
  const out = buffered();
  protocol.opened(1, out);
  const hear = (text: string): string => {
    const bytes = Buffer.from(text, 'latin1');
    expect(protocol.received(1, bytes, out)).toBe(bytes.length);
    return out.take().toString('latin1');
  };
  return { protocol, events, out, hear };
}

conforms('the nats driver, on a server of the core protocol', {
  driver: { name: 'nats', settings: core },
  start: startNatsFixture,
});

describe('what a NATS server says', () => {
  const read = (text: string) => {
    const lines = new ServerLines();
    const bytes = Buffer.from(text, 'latin1');
    const end = lines.read(bytes, 0);
    const part = (from: number, to: number) => bytes.toString('latin1', from, to);
    return { lines, end, part, bytes };
  };

  test('is read in place: a message with its subject, its subscription and its payload', () => {
    const { lines, end, part } = read('MSG c2m.user.7 1 5\r\nhello\r\nPING');
    expect(end).toBe(27);
    expect(part(lines.subjectFrom, lines.subjectTo)).toBe('c2m.user.7');
    expect(lines.sid).toBe(1);
    expect(lines.replyFrom).toBe(lines.replyTo);
    expect(part(lines.payloadFrom, lines.payloadTo)).toBe('hello');
  });

  test('may have a reply, headers, tabs for blanks and small letters', () => {
    const { lines, part, bytes } = read('hmsg\tone  2 \t in.box 16 18\r\nNATS/1.0 503\r\n\r\nab\r\n');
    expect(part(lines.replyFrom, lines.replyTo)).toBe('in.box');
    expect(part(lines.payloadFrom, lines.payloadTo)).toBe('ab');
    expect(lines.statusIn(bytes)).toBe(503);
  });

  test('is waited for while a message is not whole', () => {
    for (const text of ['M', 'MSG a', 'MSG a 1 2\r', 'MSG a 1 2\r\nx', 'MSG a 1 2\r\nxy\r'])
      expect(read(text).end).toBe(-1);
  });

  test('breaks the protocol where it cannot be right', () => {
    const wrong = [
      'GET / HTTP/1.1\r\n',
      'HTTP/1.1 400 Bad Request\r\n',
      'MSG a 1\r\n',
      'MSG a 1 x\r\n',
      'MSG a 1 99999999999\r\n',
      'MSG a 1 2\r\nxyz\r\n',
      'HMSG a 1 9 2\r\n',
      'MSGS a 1 2 3 4 5 6\r\n',
      'PINGS\r\n',
      `MSG ${'a'.repeat(300_000)}`,
    ];
    for (const text of wrong) expect(() => read(text), text.slice(0, 40)).toThrow(ProtocolViolation);
  });
});

describe('a client of NATS', () => {
  test('logs in, subscribes, and is ready when the server has answered its ping', () => {
    const { hear, events } = answersTo(
      settingsOf({ user: 'user-{user}', password: 'of-{user}', subjects: { user: 'to.{user}.inbox' } }),
      2,
    );
    const [connect = '', ...rest] = hear(INFO).split('\r\n');
    expect(JSON.parse(connect.slice('CONNECT '.length))).toMatchObject({
      verbose: false,
      echo: false,
      headers: true,
      user: 'user-101',
      pass: 'of-101',
    });
    expect(rest).toEqual(['SUB to.101.inbox 1', 'SUB c2m.group.100 2', 'PING', '']);
    expect(events).toEqual([]);
    expect(hear('PONG\r\n')).toBe('');
    expect(events).toEqual(['loggedIn 1']);
  });

  test('publishes to the subject of a user or of a group', () => {
    const { protocol, out } = answersTo(core);
    protocol.writeMessage(1, 3, 9, Buffer.from('hello'), out);
    protocol.writeMessage(1, 2, 2 ** 31 + 9, Buffer.from('all'), out);
    expect(out.take().toString()).toBe('PUB c2m.user.103 5\r\nhello\r\nPUB c2m.group.102 3\r\nall\r\n');
  });

  test('answers the ping of the server', () => {
    const { hear } = answersTo(core);
    hear(INFO);
    expect(hear('PING\r\n')).toBe('PONG\r\n');
  });

  test('tells why a server ends it, in a word', () => {
    const { hear, events } = answersTo(core);
    hear(`${INFO}-ERR 'Authorization Violation'\r\n`);
    expect(events).toEqual(['ended 1 AuthorizationViolation']);
  });

  test('goes on where the server refuses one message, and ends where it may not subscribe', () => {
    const denied = `-ERR 'Permissions Violation for Publish to "c2m.user.7"'\r\n`;
    const { hear, events } = answersTo(core);
    hear(`${INFO}PONG\r\n${denied}`);
    expect(events).toEqual(['loggedIn 1', 'refused 1 undefined PermissionsViolationForPublishTo']);
    const unready = answersTo(core);
    unready.hear(`${INFO}-ERR 'Permissions Violation for Subscription to "c2m.user.7"'\r\n`);
    expect(unready.events).toEqual(['ended 1 PermissionsViolationForSubscriptionTo']);
  });

  test('begins TLS behind an INFO that wants it, and says nothing before that stands', () => {
    const { hear, events, protocol, out } = answersTo(core);
    expect(hear('INFO {"tls_required":true,"headers":true}\r\n')).toBe('');
    expect(events).toEqual(['startTls 1']);
    protocol.secured?.(1, out);
    expect(out.take().toString()).toMatch(/^CONNECT .*\r\nSUB c2m\.user\.101 1\r\nPING\r\n$/);
  });

  test('takes no bytes that came unenciphered where TLS follows', () => {
    const { protocol, out } = answersTo(core);
    const bytes = Buffer.from('INFO {"tls_required":true}\r\nPING\r\n');
    expect(() => protocol.received(1, bytes, out)).toThrow(
      expect.objectContaining({ reason: 'BytesBeforeTls' }),
    );
  });

  test.each([
    ['auto', 'tcp', '{"tls_available":true}', 'CONNECT'],
    ['auto', 'tls', '{"tls_available":true}', 'startTls 1'],
    ['auto', 'tls', '{}', 'ended 1 NoTls'],
    ['auto', 'wss', '{"tls_required":true}', 'CONNECT'],
    ['required', 'tcp', '{"tls_available":true}', 'startTls 1'],
    ['required', 'tcp', '{}', 'ended 1 NoTls'],
    ['handshakeFirst', 'tls', '{"tls_required":true}', 'CONNECT'],
    ['never', 'tcp', '{"tls_available":true}', 'CONNECT'],
    ['never', 'tcp', '{"tls_required":true}', 'ended 1 TlsRequired'],
  ] as const)('with tls: %s at %s:// an INFO %s leads to %s', (tls, carrier, info, outcome) => {
    const { hear, events } = answersTo(settingsOf({ tls }), null, [carrier]);
    const [verb = ''] = hear(`INFO ${info}\r\n`).split(' ');
    expect(events.concat(verb).filter(Boolean)).toEqual([outcome]);
  });

  test('says that its transport has no TLS, where that is wanted', () => {
    const events: string[] = [];
    const range = { count: 1, firstUser: 1, run: 7, groupMembers: null, heartbeatMs: 10_000 };
    const protocol = driver.create(core, range, { ...toldBy(events), startTls: () => false });
    protocol.opened(0, buffered());
    protocol.received(0, Buffer.from('INFO {"tls_required":true}\r\n'), buffered());
    expect(events).toEqual(['ended 0 StartTlsOverPackets']);
  });

  test('signs the nonce of a server as the client library of NATS would', () => {
    const pair = nkeys.createUser();
    const nkey = new TextDecoder().decode(pair.getSeed());
    const { hear } = answersTo(settingsOf({ nkey, jwt: 'header.claims.signature' }));
    const [connect = ''] = hear('INFO {"nonce":"to-be-signed"}\r\n').split('\r\n');
    const said = JSON.parse(connect.slice('CONNECT '.length));
    expect(said).toMatchObject({ nkey: pair.getPublicKey(), jwt: 'header.claims.signature' });
    expect(said.sig).toBe(Buffer.from(pair.sign(Buffer.from('to-be-signed'))).toString('base64url'));
    expect(connect).not.toContain(nkey);
  });

  test('means the same wherever its bytes are split', () => {
    const said = [
      INFO,
      '+OK\r\nPING\r\nPONG\r\n',
      'MSG c2m.user.1 1 5\r\nhello\r\n',
      'MSG c2m.user.1 1 re.ply 2\r\n\r\n\r\n',
      'HMSG c2m.user.1 1 re.ply 26 31\r\nNATS/1.0\r\nA: some text\r\n\r\nhello\r\n',
      'MSG c2m.user.1 1 0\r\n\r\n',
      `-ERR 'Invalid Subject'\r\n`,
      'INFO {"ldm":true}\r\n',
      `-ERR 'Stale Connection'\r\n`,
    ].join('');
    meansTheSameAtEverySplit(driver, core, Buffer.from(said));
  });

  test('survives any bytes', () => {
    survivesAnyBytes(driver, core);
    survivesAnyBytes(driver, core, Buffer.from(`${INFO}PONG\r\nMSG c2m.user.1 1 40\r\n`));
    survivesAnyBytes(driver, jetStream, Buffer.from(`${INFO}MSG _INBOX.c2m7.1.1.r.stream 3 40\r\n`));
  });
});

describe('a client of JetStream', () => {
  const inbox = '_INBOX.c2m7.101.1';
  const answer = (to: string, text: string) => `MSG ${to} 3 ${text.length}\r\n${text}\r\n`;
  const loggedIn = () => {
    const client = answersTo(jetStream);
    client.hear(`${INFO}${answer(`${inbox}.r.stream`, '{}')}${answer(`${inbox}.r.user`, '{}')}`);
    client.events.length = 0;
    return client;
  };

  test('makes the stream, then its consumer, and listens to it when both stand', () => {
    const { hear, events } = answersTo(jetStream, 2);
    const greeting = hear(INFO);
    expect(greeting).toContain(`SUB ${inbox}.r.* 3\r\nPUB $JS.API.STREAM.CREATE.C2M ${inbox}.r.stream `);
    expect(greeting).toContain('"subjects":["c2m.user.*","c2m.group.*"]');
    const exists = '{"error":{"code":400,"err_code":10058,"description":"stream name already in use"}}';
    const user = hear(answer(`${inbox}.r.stream`, exists));
    expect(user).toContain('$JS.API.CONSUMER.DURABLE.CREATE.C2M.user-101');
    expect(user).toContain(`"filter_subject":"c2m.user.101","deliver_subject":"${inbox}.user"`);
    const group = hear(answer(`${inbox}.r.user`, '{}'));
    expect(group).toContain(`"filter_subject":"c2m.group.100","deliver_subject":"${inbox}.group"`);
    expect(events).toEqual([]);
    expect(hear(answer(`${inbox}.r.group`, '{}'))).toBe(`SUB ${inbox}.user 1\r\nSUB ${inbox}.group 2\r\n`);
    expect(events).toEqual(['loggedIn 1']);
  });

  test('makes the stream once more where the server has lost it', () => {
    const { hear } = answersTo(jetStream);
    hear(`${INFO}${answer(`${inbox}.r.stream`, '{}')}`);
    const gone = '{"error":{"code":404,"err_code":10059,"description":"stream not found"}}';
    expect(hear(answer(`${inbox}.r.user`, gone))).toContain('$JS.API.STREAM.CREATE.C2M');
  });

  test('says that there is no JetStream, or why it does not do what it is asked', () => {
    const none = answersTo(jetStream);
    none.hear(`${INFO}HMSG ${inbox}.r.stream 3 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
    expect(none.events).toEqual(['ended 1 NoJetStream']);
    const full = answersTo(jetStream);
    const error = '{"error":{"code":500,"err_code":10023,"description":"insufficient resources"}}';
    full.hear(`${INFO}${answer(`${inbox}.r.stream`, error)}`);
    expect(full.events).toEqual(['ended 1 InsufficientResources']);
  });

  test.each(['{"toString":0}', '{"valueOf":0,"toString":{}}', '[[]]', 'null', '7'])(
    'goes on where a reason is no text: %s',
    (description) => {
      const error = `{"error":{"err_code":10023,"description":${description}}}`;
      const login = answersTo(jetStream);
      login.hear(`${INFO}${answer(`${inbox}.r.stream`, error)}`);
      expect(login.events).toEqual(['ended 1 JetStreamError']);
      const { hear, events } = loggedIn();
      hear(answer(`${inbox}.r.12`, error));
      expect(events).toEqual(['refused 1 12 JetStreamError']);
    },
  );

  test('takes no answer for an error because of what the stream is called', () => {
    const { hear, events } = loggedIn();
    hear(answer(`${inbox}.r.12`, '{"stream":"error","seq":1}'));
    expect(events).toEqual(['accepted 1 12']);
  });

  test('publishes with an id of its own, and hears what became of it', () => {
    const { protocol, out, hear, events } = loggedIn();
    protocol.writeMessage(1, 0, 12, Buffer.from('hello'), out);
    const headers = 'NATS/1.0\r\nNats-Msg-Id: 7-101-12\r\n\r\n';
    const written = out.take().toString();
    expect(written).toBe(
      `HPUB c2m.user.100 ${inbox}.r.12 ${headers.length} ${headers.length + 5}\r\n${headers}hello\r\n`,
    );
    hear(answer(`${inbox}.r.12`, '{"stream":"C2M","seq":1}'));
    hear(answer(`${inbox}.r.13`, '{"stream":"C2M","seq":1,"duplicate":true}'));
    hear(answer(`${inbox}.r.14`, '{"error":{"code":400,"description":"maximum messages exceeded"},"seq":0}'));
    hear(`HMSG ${inbox}.r.15 3 16 16\r\nNATS/1.0 503\r\n\r\n\r\n`);
    expect(events).toEqual([
      'accepted 1 12',
      'accepted 1 13',
      'refused 1 14 MaximumMessagesExceeded',
      'refused 1 15 NoResponders',
    ]);
  });

  test('acknowledges what was delivered, and knows what was sent before', () => {
    const { hear, events } = loggedIn();
    const delivered = (ack: string) => hear(`MSG ${inbox}.user 1 ${ack} 2\r\nhi\r\n`);
    expect(delivered('$JS.ACK.C2M.user-101.1.5.5.170.0')).toBe(
      'PUB $JS.ACK.C2M.user-101.1.5.5.170.0 0\r\n\r\n',
    );
    delivered('$JS.ACK.C2M.user-101.2.5.6.170.0');
    delivered('$JS.ACK.hub.ACCOUNT.C2M.user-101.1.5.5.170.0.token');
    delivered('$JS.ACK.hub.ACCOUNT.C2M.user-101.12.5.5.170.0');
    expect(events).toEqual([
      'delivered 1 6869 false',
      'delivered 1 6869 true',
      'delivered 1 6869 false',
      'delivered 1 6869 true',
    ]);
  });

  test('means the same wherever its bytes are split', () => {
    const mine = '_INBOX.c2m7.1.1';
    const said = [
      INFO,
      answer(`${mine}.r.stream`, '{}'),
      answer(`${mine}.r.user`, '{"type":"consumer"}'),
      answer(`${mine}.r.5`, '{"stream":"C2M","seq":5}'),
      `HMSG ${mine}.user 1 $JS.ACK.C2M.user-1.2.5.6.170.0 32 34\r\nNATS/1.0\r\nNats-Msg-Id: 7-2-8\r\n\r\nhi\r\n`,
    ].join('');
    meansTheSameAtEverySplit(driver, jetStream, Buffer.from(said));
    const { protocol, events } = openedClient(driver, jetStream);
    feed(protocol, [Buffer.from(said)]);
    expect(events).toEqual(['loggedIn 0', 'accepted 0 5', 'delivered 0 6869 true']);
  });
});
