import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ABSENT } from '../../../../loadgen/drivers/xmpp/byte-text.js';
import { CommonStanzaReader, Kind, MessageParts } from '../../../../loadgen/drivers/xmpp/common-stanza.js';
import { ElementScanner, NOT_YET } from '../../../../loadgen/drivers/xmpp/element-scanner.js';
import { ElementReader } from '../../../../loadgen/drivers/xmpp/xml-element.js';

/** What a message says, however it was read. */
function said(parts: MessageParts) {
  const { bytes, body, wantsReceipt, isFromRoom } = parts;
  const text = (start: number, end: number) =>
    start === ABSENT ? undefined : bytes.toString('utf8', start, end);
  return {
    from: text(parts.fromStart, parts.fromEnd),
    id: text(parts.idStart, parts.idEnd),
    received: text(parts.receivedStart, parts.receivedEnd),
    body,
    wantsReceipt,
    isFromRoom,
  };
}

function read(text: string): number {
  const bytes = Buffer.from(text);
  const scanner = new ElementScanner();
  scanner.scan(bytes, 0);
  return new CommonStanzaReader().read(bytes, scanner);
}

const quoted = (name: string, value: string) =>
  fc.constantFrom(`${name}='${value}'`, `${name}="${value}"`, `${name} = '${value}'`);

const attributes = fc
  .shuffledSubarray(['from', 'id', 'type', 'to', 'xml:lang', 'xmlns'])
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => {
        const values: Record<string, string[]> = {
          from: ['user2@localhost/c2m', 'it&apos;s', 'ü@localhost', ''],
          id: ['7-1', 'x>y', '&lt;'],
          type: ['chat', 'groupchat', 'normal'],
          xmlns: ['jabber:client', 'jabber:server'],
        };
        return fc.constantFrom(...(values[name] ?? ['de'])).chain((value) => quoted(name, value));
      }),
    ),
  )
  .map((all) => all.map((each) => ` ${each}`).join(''));

const child = fc.constantFrom(
  '<body>AAEC</body>',
  '<body>AAEC</body >',
  '<body/>',
  '<body></body>',
  '<body>A&amp;B</body>',
  '<body><![CDATA[AAEC]]></body>',
  `<body xmlns='http://jabber.org/protocol/xhtml-im'>AAEC</body>`,
  `<body xml:lang='de'>AAEC</body>`,
  `<request xmlns='urn:xmpp:receipts'/>`,
  `<request xmlns='urn:xmpp:receipts'></request>`,
  `<request xmlns='urn:xmpp:other'/>`,
  `<received xmlns='urn:xmpp:receipts' id='7-9'/>`,
  `<received id="7-&#57;" xmlns="urn:xmpp:receipts"/>`,
  `<received xmlns='urn:xmpp:other' id='7-9'/>`,
  `<delay xmlns='urn:xmpp:delay' stamp='2012-01-06T23:00:00Z'/>`,
  `<delay xmlns='urn:xmpp:delay' stamp='2012-01-06T23:00:00Z'>Offline</delay>`,
  `<x xmlns='a'><body>not this</body><y><z/></y></x>`,
  `<p:body xmlns:p='jabber:client'>AAEC</p:body>`,
  ' ',
);

const message = fc
  .tuple(attributes, fc.array(child, { maxLength: 4 }))
  .map(([words, children]) => `<message${words}>${children.join('')}</message>`);

describe('the reader of common stanzas', () => {
  test('reads from a message what the parser reads from it, or leaves it to that', () => {
    let common = 0;
    fc.assert(
      fc.property(message, (text) => {
        const bytes = Buffer.from(`${text}<r/>`);
        const scanner = new ElementScanner();
        expect(scanner.scan(bytes, 0)).toBe(bytes.length - 4);
        const reader = new CommonStanzaReader();
        if (reader.read(bytes, scanner) !== Kind.Message) return;
        const parts = new MessageParts();
        parts.take(new ElementReader().read(bytes.subarray(0, -4)));
        expect(said(reader.message)).toEqual(said(parts));
        common += 1;
      }),
      { numRuns: 3000 },
    );
    expect(common).toBeGreaterThan(300);
  });

  test('knows the stanzas that a load is made of', () => {
    const from = `from='user2@localhost/c2m' to='user1@localhost' type='chat'`;
    expect(
      read(`<message ${from} id='7-1'><body>AAEC</body><request xmlns='urn:xmpp:receipts'/></message>`),
    ).toBe(Kind.Message);
    expect(read(`<message ${from}><received xmlns='urn:xmpp:receipts' id='7-1'/></message>`)).toBe(
      Kind.Message,
    );
    expect(read(`<r xmlns='urn:xmpp:sm:3'/>`)).toBe(Kind.AcknowledgementRequest);
    expect(read(`<a h='12' xmlns='urn:xmpp:sm:3'/>`)).toBe(Kind.Acknowledgement);
  });

  test.each([
    `<message type='error'><body>A</body></message>`,
    `<r/>`,
    `<a xmlns='urn:xmpp:sm:3'/>`,
    `<a xmlns='urn:xmpp:sm:3' h='4294967296'/>`,
    `<messages/>`,
    `<presence/>`,
  ])('leaves %s to the parser', (text) => {
    expect(read(text)).toBe(Kind.Other);
  });
});

describe('the scanner', () => {
  const end = (text: string) => new ElementScanner().scan(Buffer.from(text), 0);

  test.each([
    ['<a/>', 4],
    [`<a b='/>' c=">"/>`, 17],
    ['<a>x > y</a>', 12],
    ['<a><b/></a><c/>', 11],
    ['<a><![CDATA[</a>]]></a>', 23],
    ['</stream:stream>', 16],
  ])('finds the end of %s', (text, place) => {
    expect(end(text)).toBe(place);
  });

  test.each(['<', '<a', `<a b='`, '<a><b></a', '<a><![CDA', '<a><![CDATA[</a>]]'])(
    'waits behind %s',
    (text) => {
      expect(end(text)).toBe(NOT_YET);
    },
  );
});
