import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { WebSocketOptions } from '../../../../loadgen/transports/websocket/websocket-request.js';
import { WebSocketTransport } from '../../../../loadgen/transports/websocket/websocket-transport.js';

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A client whose TCP is this test: what it sent, and what was said of it. */
function start(options: Partial<WebSocketOptions> = {}, where: { path?: string } = { path: '/chat?room=1' }) {
  const sent: Buffer[] = [];
  const said: string[] = [];
  const clients = new WebSocketTransport(
    1,
    { subprotocols: [], headers: {}, messages: 'stream', compression: false, ...options },
    {
      opened: () => said.push('opened'),
      received: (_client, bytes) => said.push(`received ${bytes.toString()}`),
      closed: (_client, reason) => said.push(`closed ${reason}`),
    },
  );
  clients.use({
    open: (client) => clients.opened(client),
    send: (_client, bytes) => sent.push(Buffer.from(bytes)) > 0,
    end: () => said.push('ended'),
    cut: (client) => clients.closed(client, 'Cut'),
  });
  clients.open(0, { protocol: 'ws', host: '::1', port: 8080, ...where }, undefined);
  const request = String(sent.shift());
  const key = /Sec-WebSocket-Key: (.+)\r\n/.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(key).update(ACCEPT_GUID).digest('base64');
  const response = (value = accept) =>
    Buffer.from(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nsec-websocket-accept: ${value}\r\n\r\n`,
    );
  return { clients, sent, said, request, response };
}

const frame = (opcode: number, text: string) =>
  Buffer.concat([Buffer.from([0x80 | opcode, text.length]), Buffer.from(text)]);

describe('a WebSocket client', () => {
  test('asks for the path, with the subprotocols and the headers that it was given', () => {
    const { request } = start({ subprotocols: ['mqtt', 'other'], headers: { Cookie: 'session=7' } });
    expect(request.split('\r\n')).toEqual(
      expect.arrayContaining([
        'GET /chat?room=1 HTTP/1.1',
        'Host: [::1]:8080',
        'Sec-WebSocket-Protocol: mqtt, other',
        'Cookie: session=7',
      ]),
    );
  });

  test('asks for the path of its protocol, or for /, where the address has none', () => {
    const pathOf = ({ request }: { request: string }) => request.split(' ')[1];
    expect(pathOf(start({ path: '/socket.io/?EIO=4' }, {}))).toBe('/socket.io/?EIO=4');
    expect(pathOf(start({ path: '/socket.io/?EIO=4' }))).toBe('/chat?room=1');
    expect(pathOf(start({}, {}))).toBe('/');
  });

  test('hands on messages whole where they are messages of the protocol, also those in parts', () => {
    const { clients, said, response } = start({ messages: 'text' });
    clients.received(0, response());
    const begun = frame(1, 'one, ');
    begun[0] = 1;
    clients.received(0, Buffer.concat([begun, frame(9, ''), frame(0, 'two'), frame(1, 'three')]));
    expect(said).toEqual(['opened', 'received one, two', 'received three']);
  });

  test('takes what the server still sends once the client has closed, and answers nothing any more', () => {
    const { clients, sent, said, response } = start();
    clients.received(0, response());
    clients.end(0);
    sent.length = 0;
    clients.received(
      0,
      Buffer.concat([frame(2, 'late'), frame(9, 'hi'), Buffer.from([0x88, 0]), frame(2, 'behind')]),
    );
    expect(said).toEqual(['opened', 'ended', 'received late', 'ended']);
    expect(sent).toEqual([]);
  });

  test('tells the code with which the server closes, where that says anything', () => {
    const { clients, said, response } = start();
    clients.received(0, response());
    clients.received(0, Buffer.from([0x88, 2, 0x03, 0xf0]));
    clients.closed(0, 'PeerClosed');
    expect(said).toEqual(['opened', 'ended', 'closed Close1008']);
  });

  test('opens when the server answers its key, also if the answer comes in pieces', () => {
    const { clients, said, response } = start();
    for (const byte of response()) clients.received(0, Buffer.from([byte]));
    expect(said).toEqual(['opened']);
  });

  test('hands on what follows the answer in the same segment', () => {
    const { clients, said, response } = start();
    clients.received(0, Buffer.concat([response(), frame(2, 'hello')]));
    expect(said).toEqual(['opened', 'received hello']);
  });

  test.each([
    [
      'an answer to another key',
      (made: ReturnType<typeof start>) => made.response('wrong'),
      'ServerWebSocketError',
    ],
    ['a refusal', () => Buffer.from('HTTP/1.1 503 Busy\r\n\r\n'), 'Http503'],
    ['an answer without an end', () => Buffer.alloc(9000, 'x'), 'ServerWebSocketError'],
  ])('fails with a reason on %s', (_, answer, reason) => {
    const made = start();
    made.clients.received(0, answer(made));
    expect(made.said).toEqual([`closed ${reason}`]);
  });

  test('joins a frame that comes in pieces, and takes several at once', () => {
    const { clients, said, response } = start();
    clients.received(0, response());
    const bytes = Buffer.concat([frame(2, 'one'), frame(2, 'two'), frame(2, 'three')]);
    clients.received(0, bytes.subarray(0, 7));
    clients.received(0, bytes.subarray(7));
    expect(said).toEqual(['opened', 'received one', 'received two', 'received three']);
  });

  test('answers a ping with its payload, masked', () => {
    const { clients, sent, response } = start();
    clients.received(0, response());
    clients.received(0, frame(9, 'hi'));
    const [pong] = sent as [Buffer];
    expect([pong[0], pong[1]]).toEqual([0x8a, 0x82]);
    expect(
      pong
        .subarray(6)
        .map((byte, index) => byte ^ (pong[2 + index] as number))
        .toString(),
    ).toBe('hi');
  });

  test('answers a close, and ends', () => {
    const { clients, sent, said, response } = start();
    clients.received(0, response());
    clients.received(0, Buffer.from([0x88, 2, 0x03, 0xe9]));
    expect(sent[0]?.[0]).toBe(0x88);
    expect(said).toEqual(['opened', 'ended']);
  });

  test('closes with a reason when the server breaks the framing', () => {
    const { clients, said, response } = start();
    clients.received(0, response());
    clients.received(0, Buffer.from([0xf2, 0]));
    expect(said).toEqual(['opened', 'closed ServerWebSocketError']);
  });
});
