import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  agreesToDeflate,
  DEFLATE_OFFER,
  deflateMessage,
  inflateMessage,
} from '../../../../loadgen/transports/websocket/message-deflate.js';
import {
  COMPRESSED_BIT,
  Opcode,
  WebSocketError,
} from '../../../../loadgen/transports/websocket/websocket-frame.js';
import { WebSocketTransport } from '../../../../loadgen/transports/websocket/websocket-transport.js';

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const AGREED = 'permessage-deflate; server_no_context_takeover';

/** A client that asks for compression or not, and a server that answers with these extensions. */
function start(compression: boolean, extensions?: string, messages: 'stream' | 'text' = 'text') {
  const said: string[] = [];
  const sent: Buffer[] = [];
  const options = { subprotocols: [], headers: {}, messages, compression };
  const clients = new WebSocketTransport(1, options, {
    opened: () => said.push('opened'),
    received: (_client, bytes) => said.push(`received ${bytes.toString()}`),
    closed: (_client, reason) => said.push(`closed ${reason}`),
  });
  clients.use({
    open: (client) => clients.opened(client),
    send: (_client, bytes) => sent.push(Buffer.from(bytes)) > 0,
    end: () => said.push('ended'),
    cut: (client) => clients.closed(client, 'Cut'),
  });
  clients.open(0, { protocol: 'ws', host: '127.0.0.1', port: 80 }, undefined);
  const request = String(sent.shift());
  const key = /Sec-WebSocket-Key: (.+)\r\n/.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(key).update(ACCEPT_GUID).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', `Sec-WebSocket-Accept: ${accept}`];
  if (extensions !== undefined) lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  clients.received(0, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`));
  return { clients, said, sent, request };
}

function frame(first: number, payload: Buffer): Buffer {
  const head =
    payload.length < 126 ? [first, payload.length] : [first, 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(head), payload]);
}

const FINAL = 0x80;
const TEXT = 'the same again and the same again and the same again';
const compressed = deflateMessage(Buffer.from(TEXT)) as Buffer;

describe('compression of messages', () => {
  test('is offered where it is asked for, and only there', () => {
    expect(start(true).request).toContain(`Sec-WebSocket-Extensions: ${DEFLATE_OFFER}`);
    expect(start(false).request).not.toContain('Extensions');
  });

  test('is used both ways where the server agrees', () => {
    const { clients, said, sent } = start(true, AGREED);
    clients.received(0, frame(FINAL | COMPRESSED_BIT | Opcode.Text, compressed));
    clients.received(0, frame(FINAL | Opcode.Text, Buffer.from('plain')));
    expect(said).toEqual(['opened', `received ${TEXT}`, 'received plain']);
    clients.send(0, Buffer.from(TEXT));
    const [bytes = Buffer.alloc(0)] = sent;
    expect(bytes[0]).toBe(FINAL | COMPRESSED_BIT | Opcode.Text);
    const unmasked = bytes.subarray(6).map((byte, index) => byte ^ (bytes[2 + (index & 3)] as number));
    expect(inflateMessage(Buffer.from(unmasked), 1000).toString()).toBe(TEXT);
  });

  test('leaves what would become longer as it is', () => {
    const { clients, sent } = start(true, AGREED);
    clients.send(0, Buffer.from('short'));
    expect(sent[0]?.[0]).toBe(FINAL | Opcode.Text);
  });

  test.each(['text', 'stream'] as const)('joins a compressed message in parts, of %s', (messages) => {
    const { clients, said } = start(true, AGREED, messages);
    clients.received(0, frame(COMPRESSED_BIT | Opcode.Text, compressed.subarray(0, 9)));
    clients.received(0, frame(FINAL | Opcode.Ping, Buffer.alloc(0)));
    clients.received(0, frame(FINAL | Opcode.Continuation, compressed.subarray(9)));
    expect(said).toEqual(['opened', `received ${TEXT}`]);
  });

  test('is not used where the server does not agree: the bit stays an error', () => {
    const { clients, said, sent } = start(true);
    clients.send(0, Buffer.from(TEXT));
    expect(sent[0]?.[0]).toBe(FINAL | Opcode.Text);
    clients.received(0, frame(FINAL | COMPRESSED_BIT | Opcode.Text, compressed));
    expect(said).toEqual(['opened', 'closed ServerWebSocketError']);
  });

  test.each([
    ['a compressed ping', frame(FINAL | COMPRESSED_BIT | Opcode.Ping, Buffer.alloc(0))],
    ['a compressed continuation', frame(FINAL | COMPRESSED_BIT | Opcode.Continuation, compressed)],
    ['another reserved bit', frame(FINAL | 0x20 | Opcode.Text, Buffer.alloc(0))],
    ['what is no deflate', frame(FINAL | COMPRESSED_BIT | Opcode.Text, Buffer.from([0xff, 0xff, 0xff]))],
  ])('%s is an error all the same', (_, bytes) => {
    const { clients, said } = start(true, AGREED);
    clients.received(0, bytes);
    expect(said).toEqual(['opened', 'closed ServerWebSocketError']);
  });

  test.each([
    [false, AGREED],
    [true, 'permessage-deflate'],
    [true, `${AGREED}; client_max_window_bits=10`],
    [true, 'x-webkit-deflate-frame'],
    [true, `${AGREED}, bbf-usp-protocol`],
  ])('an answer that was not offered (%s) fails: %s', (isOffered, answer) => {
    expect(() => agreesToDeflate(answer, isOffered)).toThrow(WebSocketError);
    expect(start(isOffered, answer).said).toEqual(['closed ServerWebSocketError']);
  });

  test.each([
    `${AGREED}; client_no_context_takeover`,
    `${AGREED}; server_max_window_bits=10`,
    `${AGREED} ;server_max_window_bits="9"`,
  ])('agrees to %s', (answer) => {
    expect(agreesToDeflate(answer, true)).toBe(true);
  });

  test('a few bytes that would become gigabytes are refused at the bound', () => {
    const bomb = deflateRawSync(Buffer.alloc(1 << 20));
    expect(bomb.length).toBeLessThan(2000);
    expect(() => inflateMessage(bomb, 1 << 19)).toThrow(WebSocketError);
  });
});
