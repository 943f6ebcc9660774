import { describe, expect, test } from 'vitest';
import { DRIVER_NAMES, driversOver, loadDriver } from '../../../loadgen/drivers/load-driver.js';
import { excerpt, isTls, recognize } from '../../../loadgen/first-contact/known-answers.js';
import { type FailedLogin, wrongServerWords } from '../../../loadgen/first-contact/wrong-server.js';
import { encodeFrame } from '../../../protocol/encode.js';
import { FrameType, ReasonCode } from '../../../protocol/frame.js';
import { driverSchema } from '../../../scenarios/driver-schema.js';
import { webSocketSettings } from '../../support/websocket.js';

describe('a server is known by its first words', () => {
  test.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2p1\r\n'],
    ['NATS', 'INFO {"server_id":"N"}\r\n'],
    ['XMPP', "<?xml version='1.0'?><stream:stream"],
    ['XMPP', '<stream:stream xmlns="jabber:client"'],
    ['Socket.IO', '0{"sid":"a","upgrades":[]}'],
    ['SMTP or FTP', '220 mail.example ESMTP'],
    ['Redis', '-ERR unknown command'],
    ['MQTT', Buffer.from([0x20, 2, 0, 1])],
    ['MQTT', Buffer.from([0x20, 3, 0, 0x84, 0])],
    ['MQTT', Buffer.from([0xe0, 1, 0x82])],
    [
      'c2m',
      encodeFrame({
        type: FrameType.Error,
        code: ReasonCode.ProtocolError,
        reference: 0,
        reason: 'no HELLO',
      }),
    ],
    [undefined, 'Welcome to my server\n'],
    [undefined, Buffer.from([0, 0, 14, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    [undefined, Buffer.alloc(0)],
  ])('%s', (protocol, bytes) => {
    expect(recognize(Buffer.from(bytes as string))?.protocol).toBe(protocol);
  });

  test('TLS by an alert or a handshake', () => {
    expect(isTls(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]))).toBe(true);
    expect(isTls(Buffer.from('HTTP/1.1'))).toBe(false);
  });

  test('and shown on one line that a terminal can be given', () => {
    expect(excerpt(Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n'))).toBe(
      '"HTTP/1.1 400 Bad Request"',
    );
    expect(excerpt(Buffer.from('x'.repeat(100)))).toBe(`"${'x'.repeat(80)}…"`);
    expect(excerpt(Buffer.from([0x20, 2, 0, 1]))).toBe('the bytes 20 02 00 01');
    expect(excerpt(Buffer.from('\x1b[2Jgone'))).toBe('the bytes 1b 5b 32 4a 67 6f 6e 65');
    expect(excerpt(Buffer.alloc(20))).toMatch(/^the bytes 00( 00){15} …$/);
  });
});

test('drivers are named for what carries them', async () => {
  for (const protocol of ['tcp', 'tls', 'ws', 'wss'] as const) {
    for (const name of DRIVER_NAMES.filter((each) => each !== 'own')) {
      const settings = driverSchema.safeParse(name).data?.settings ?? webSocketSettings({ preset: 'echo' });
      const { carriers } = (await loadDriver(name)).framing(settings);
      expect([name, protocol, driversOver(protocol).includes(name)]).toEqual([
        name,
        protocol,
        carriers.includes(protocol),
      ]);
    }
  }
});

describe('what is to be written instead', () => {
  const login = (change: Partial<FailedLogin>): FailedLogin => ({
    endpoint: { protocol: 'tcp', host: '127.0.0.1', port: 1883 },
    driver: { name: 'c2m', words: 'c2m' },
    isByLibrary: false,
    reason: 'PeerClosed',
    closed: change.reason ?? 'PeerClosed',
    sent: Buffer.from('hello'),
    received: Buffer.alloc(0),
    heard: Buffer.alloc(0),
    heardLast: Buffer.alloc(0),
    ...change,
  });
  const ws = { protocol: 'ws', host: '127.0.0.1', port: 80, path: '/chat' } as const;
  const upgraded = Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n');
  const said = (text: string) => ({ received: Buffer.from(text), heard: Buffer.from(text) });

  test.each<[string, Partial<FailedLogin>, RegExp]>([
    [
      'a bare end',
      {},
      /^tcp:\/\/127\.0\.0\.1:1883 does not speak c2m: it closed the connection without a word; write target\.driver \(.*the file of your own\), or tls:\/\/ if it wants TLS$/,
    ],
    [
      'a bare end over TLS',
      { endpoint: { protocol: 'tls', host: '127.0.0.1', port: 1883 } },
      /without a word; write tcp:\/\/ if it has no TLS, or target\.driver \(mqtt, nats, xmpp, or the file of your own\)$/,
    ],
    [
      'a bare end over tcp, where only some drivers go',
      {},
      /write target\.driver \(mqtt, nats, xmpp, or the file of your own\)/,
    ],
    [
      'an end of a WebSocket, where others go',
      { endpoint: ws, received: upgraded, reason: 'Close1002' },
      /write target\.driver \(mqtt, nats, socketio, websocket, or the file of your own\)$/,
    ],
    ['a reset', { reason: 'ECONNRESET' }, /closed the connection without a word/],
    [
      'HTTP',
      said('HTTP/1.1 400 Bad Request\r\n'),
      /it answered "HTTP\/1\.1 400 Bad Request", which is HTTP; if it takes WebSocket connections, write ws:\/\/ with their path, such as ws:\/\/127\.0\.0\.1:1883\/chat$/,
    ],
    [
      'SSH',
      { ...said('SSH-2.0-x\r\n'), reason: 'ConnectTimeout' },
      /which is SSH; correct target\.addresses, or write target\.driver/,
    ],
    [
      'text that nobody knows, and the protocol cannot read',
      { ...said('What?\n'), reason: 'ServerProtocolError', closed: 'Cut' },
      /it answered "What\?"; write target\.driver/,
    ],
    [
      'an echo',
      { ...said('hello'), reason: 'ServerProtocolError', closed: 'Cut' },
      /it sends back what it was sent, as an echo does/,
    ],
    [
      'TLS',
      { received: Buffer.from([0x15, 3, 3, 0, 2, 2, 70]) },
      /it answered in TLS; write tls:\/\/ instead of tcp:\/\/$/,
    ],
    [
      'no TLS',
      { reason: 'ERR_SSL_WRONG_VERSION_NUMBER', endpoint: { ...ws, protocol: 'wss' } },
      /^wss:\/\/127\.0\.0\.1:80\/chat does not speak TLS .*; write ws:\/\/ instead of wss:\/\/$/,
    ],
    [
      'no TLS before the INFO of NATS',
      {
        reason: 'ERR_SSL_WRONG_VERSION_NUMBER',
        endpoint: { protocol: 'tls', host: '127.0.0.1', port: 4222 },
        driver: { name: 'nats', words: 'nats' },
      },
      /does not speak TLS .*; write target\.driver\.nats\.tls: auto$/,
    ],
    [
      'a certificate of its own',
      { reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      /certificate is not trusted here .*target\.insecure: true/,
    ],
    [
      'no such path',
      { endpoint: ws, reason: 'Http404', received: Buffer.from('HTTP/1.1 404 Not Found\r\n') },
      /^ws:\/\/127\.0\.0\.1:80\/chat takes no WebSocket connection: it answered "HTTP\/1\.1 404 Not Found"; write the path/,
    ],
    [
      'a login over HTTP',
      { endpoint: ws, reason: 'Http401', received: Buffer.from('HTTP/1.1 401 Unauthorized\r\n') },
      /target\.websocket\.headers, such as/,
    ],
    [
      'another refusal',
      { endpoint: ws, reason: 'Http426', received: Buffer.from('HTTP/1.1 426 Upgrade Required\r\n') },
      /target\.websocket\.subprotocols$/,
    ],
    [
      'our own server without WebSocket',
      { endpoint: ws, received: encodeFrame({ type: FrameType.Error, code: 1, reference: 0, reason: 'x' }) },
      /does not speak WebSocket: it answered the bytes .* which is c2m; write tcp:\/\/ instead of ws:\/\/$/,
    ],
    [
      'a close in words of WebSocket',
      { endpoint: ws, received: upgraded, reason: 'Close1003' },
      /does not speak c2m: it closed the connection with the code 1003; write target\.driver/,
    ],
    [
      'a library',
      { isByLibrary: true, reason: 'Unexpected server response: 404' },
      /: the first client could not log in: Unexpected server response: 404$/,
    ],
  ])('%s', (_, change, words) => {
    expect(wrongServerWords(login(change))).toMatch(words);
  });

  test.each<[string, Partial<FailedLogin>]>([
    ['that says nothing', { reason: 'ConnectTimeout', closed: undefined }],
    ['that refuses in words of the protocol', { reason: 'AuthenticationFailed', closed: 'PeerClosed' }],
    ['that is full', { endpoint: ws, reason: 'Http503' }],
    ['that wants to be left alone for a while', { endpoint: ws, reason: 'Http429' }],
    ['that closes by a rule of its own', { endpoint: ws, reason: 'Close1008' }],
    ['that has gone meanwhile', { reason: 'ECONNREFUSED' }],
  ])('is nothing for a server %s', (_, change) => {
    expect(wrongServerWords(login(change))).toBeUndefined();
  });

  test("is not guessed where the driver is somebody's own, until the server ends it", () => {
    const driver = { name: 'own', words: 'lines' };
    const http = said('HTTP/1.1 200 OK\r\n');
    expect(wrongServerWords(login({ driver, ...http, reason: 'ConnectTimeout' }))).toBeUndefined();
    expect(wrongServerWords(login({ driver, ...http }))).toMatch(/does not speak lines: it answered "HTTP/);
  });
});
