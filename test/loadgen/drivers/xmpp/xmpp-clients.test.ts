import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GROUP_BIT, ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { driver } from '../../../../loadgen/drivers/xmpp/xmpp-driver.js';
import { xmppSchema } from '../../../../scenarios/drivers/xmpp-schema.js';
import {
  feed,
  meansTheSameAtEverySplit,
  openedClient,
  survivesAnyBytes,
  toldBy,
} from '../../../support/conformance.js';
import { buffered } from '../../../support/output.js';
import {
  ARRIVED,
  BINDING_OFFER,
  BOUND,
  ENABLED,
  HEADER,
  LOGIN,
  OFFER,
  SUCCESS,
} from '../../../support/xmpp-stream.js';

const settings = xmppSchema.parse({});
const anyDriver = driver as unknown as Parameters<typeof openedClient>[0];

/** The seventh run; its messages are 7-1, 7-2 … */
const TALK = [
  LOGIN,
  `<message from="user2@localhost/c2m" to='user1@localhost/c2m' xml:lang='en' type='chat' id='7-1'><archived by='user1@localhost' id='1' xmlns='urn:xmpp:mam:tmp'/><body>AAEC</body><request xmlns='urn:xmpp:receipts'/></message>`,
  `<r xmlns='urn:xmpp:sm:3'/>`,
  `<message id='7-2' type='chat' from='user2@localhost/it&apos;s &lt;me&gt;'><body>AwQ&#x46;</body><request xmlns='urn:xmpp:receipts'/></message> `,
  `<message id='7-3' from='user2@localhost/c2m'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>not this</body></message></forwarded><body><![CDATA[BgcI]]></body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2012-01-06T23:00:00Z'>Offline &gt; storage</delay></message>\n`,
  `<message from='localhost'><body>Welcome to this server</body></message>`,
  `<message from='user2@localhost/c2m' to='user1@localhost' type='chat'><received xmlns='urn:xmpp:receipts' id='7-4'/></message>`,
  `<c:message xmlns:c='jabber:client' from='user2@localhost' type='error' id='7-5'><c:error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>full</text></c:error></c:message>`,
  `<a xmlns='urn:xmpp:sm:3' h='2'/><iq type='get' id='s1' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`,
  `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xml:lang='en' xmlns='urn:ietf:params:xml:ns:xmpp-streams'>Replaced by new connection</text></stream:error></stream:stream>`,
].join('');

/** A client, and what it writes in answer to what it hears. */
function client(change: Record<string, unknown> = {}, groupMembers: number | null = null) {
  const events: string[] = [];
  const range = { count: 4, firstUser: 1, run: 7, groupMembers, heartbeatMs: 10_000 };
  const protocol = driver.create(xmppSchema.parse(change), range, toldBy(events));
  const out = buffered();
  protocol.opened(0, out);
  out.take();
  const hears = (text: string): string => {
    protocol.received(0, Buffer.from(text), out);
    return out.take().toString();
  };
  const writes = (to: number, sequence: number): string => {
    protocol.writeMessage(0, to, sequence, Buffer.from([1, 2, 3]), out);
    return out.take().toString();
  };
  const asks = (): string => {
    protocol.messagesWritten?.(0, out);
    return out.take().toString();
  };
  return { events, protocol, hears, writes, asks, out };
}

describe('the stream of an xmpp server', () => {
  test('is understood with entities, other quotes, prefixes, nested elements and character data', () => {
    const { protocol, events } = openedClient(anyDriver, settings);
    feed(protocol, [Buffer.from(TALK)]);
    expect(events).toEqual([
      'loggedIn 0',
      'delivered 0 000102 false',
      'delivered 0 030405 false',
      'delivered 0 060708 false',
      'receipted 0 1 4',
      'refused 0 undefined ResourceConstraint',
      'undeliverable 0 1 5',
      'ended 0 Conflict',
    ]);
  });

  test('means the same wherever it is split', () => {
    meansTheSameAtEverySplit(anyDriver, settings, Buffer.from(TALK));
  });

  test('may be any bytes, from the beginning and behind a login', () => {
    survivesAnyBytes(anyDriver, settings);
    survivesAnyBytes(anyDriver, settings, Buffer.from(LOGIN));
  });

  test('may be damaged anywhere', () => {
    const whole = Buffer.from(TALK);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(8), fc.uint8Array({ maxLength: 8 }), (at, left, put) => {
        const { protocol } = openedClient(anyDriver, settings);
        try {
          feed(protocol, [Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + left)])]);
        } catch (error) {
          if (!(error instanceof ProtocolViolation)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'NotXmpp'],
    ['<html><body>', 'NotXmpp'],
    [HEADER.replace('jabber:client', 'jabber:server'), 'StreamNamespaces'],
    [`${LOGIN}<!-- a comment -->`, 'RestrictedXml'],
    [`${LOGIN}<message><!DOCTYPE a></message>`, 'RestrictedXml'],
    [`${LOGIN}<?php ?>`, 'RestrictedXml'],
    [`${LOGIN}<iq><a></b></iq>`, 'NotWellFormed'],
    [`${LOGIN}<iq><a>&nbsp;</a></iq>`, 'NotWellFormed'],
    [`${LOGIN}${'<a>'.repeat(100)}`, 'NestedTooDeep'],
    [`${LOGIN}<a xmlns='urn:xmpp:sm:3' h='9'/>`, 'HandledCountTooHigh'],
    [`${LOGIN}<a xmlns='urn:xmpp:sm:3' h='many'/>`, 'BadHandledCount'],
    [`${LOGIN}<message><body>${'A'.repeat(1024 * 1024)}`, 'ElementTooLarge'],
  ])('breaks the protocol with %.40s …', (text, reason) => {
    const { protocol } = openedClient(anyDriver, settings);
    expect(() => feed(protocol, [Buffer.from(text)])).toThrow(expect.objectContaining({ reason }));
  });
});

describe('an xmpp client', () => {
  test('says who it is, binds its resource, and is there once its ping is answered', () => {
    const { hears, events } = client({ mechanism: 'PLAIN', resource: 'phone' });
    expect(hears(HEADER + OFFER)).toBe(
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from('\0user1\0password1').toString('base64')}</auth>`,
    );
    expect(hears(SUCCESS)).toContain(`<stream:stream xmlns='jabber:client'`);
    expect(hears(HEADER + BINDING_OFFER)).toContain('<resource>phone</resource>');
    expect(hears(BOUND)).toBe(
      `<enable xmlns='urn:xmpp:sm:3'/><presence/><iq type='get' id='arrived'><ping xmlns='urn:xmpp:ping'/></iq>`,
    );
    expect(events).toEqual([]);
    hears(ENABLED + ARRIVED);
    expect(events).toEqual(['loggedIn 0']);
  });

  test('asks once for the acknowledgement of all messages of a turn, and takes it for accepted', () => {
    const { hears, writes, asks, events } = client();
    hears(LOGIN);
    expect(writes(1, 1)).toBe(
      `<message to='user2@localhost' id='7-1' type='chat'><body>AQID</body><request xmlns='urn:xmpp:receipts'/></message>`,
    );
    writes(1, 2);
    expect(asks()).toBe(`<r xmlns='urn:xmpp:sm:3'/>`);
    expect(asks()).toBe('');
    // Its presence and its ping count as well.
    hears(`<a xmlns='urn:xmpp:sm:3' h='3'/>`);
    expect(events.slice(1)).toEqual(['accepted 0 1']);
    hears(`<a h="4" xmlns="urn:xmpp:sm:3"/>`);
    expect(events.slice(1)).toEqual(['accepted 0 1', 'accepted 0 2']);
  });

  test('sends a receipt to whoever asks, and says how many stanzas have come', () => {
    const { hears } = client();
    hears(LOGIN);
    const message = (id: string) =>
      `<message from='user2@localhost/a"b' id='${id}'><body>AAEC</body><request xmlns='urn:xmpp:receipts'/></message>`;
    expect(hears(`${message('x&amp;y')}<r xmlns='urn:xmpp:sm:3'/>`)).toBe(
      `<message to='user2@localhost/a&quot;b' type='chat'><received xmlns='urn:xmpp:receipts' id='x&amp;y'/></message><a xmlns='urn:xmpp:sm:3' h='3'/>`,
    );
  });

  test('answers pings, and refuses what it does not know', () => {
    const { hears } = client();
    hears(LOGIN);
    expect(hears(`<iq type='get' id='1' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`)).toBe(
      `<iq type='result' id='1' to='localhost'></iq>`,
    );
    expect(hears(`<iq type='set' id='2'><query xmlns='jabber:iq:roster'/></iq>`)).toContain(
      `<iq type='error' id='2'><error type='cancel'><service-unavailable`,
    );
  });

  test('acknowledges what has come before it leaves, and nothing behind that', () => {
    const { hears, protocol, out, events } = client();
    hears(LOGIN);
    protocol.leave(0, out);
    expect(out.take().toString()).toBe(
      `<a xmlns='urn:xmpp:sm:3' h='2'/><presence type='unavailable'/></stream:stream>`,
    );
    const message = `<message from='user2@localhost' id='7-1'><body>AAEC</body><request xmlns='urn:xmpp:receipts'/></message>`;
    expect(hears(`${message}<r xmlns='urn:xmpp:sm:3'/></stream:stream>`)).toBe('');
    expect(events).toEqual(['loggedIn 0', 'delivered 0 000102 false']);
  });

  test('begins again after a connection has ended: nothing that was under way is accepted', () => {
    const { hears, protocol, out, writes, events } = client();
    hears(LOGIN);
    writes(1, 1);
    protocol.closed(0);
    protocol.opened(0, out);
    hears(LOGIN);
    hears(`<a xmlns='urn:xmpp:sm:3' h='2'/>`);
    expect(events).toEqual(['loggedIn 0', 'loggedIn 0']);
    writes(1, 1);
    hears(`<a xmlns='urn:xmpp:sm:3' h='3'/>`);
    expect(events.at(-1)).toBe('accepted 0 1');
  });

  test.each([
    [{}, `<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>`, 'NotAuthorized'],
    [{}, `${SUCCESS}${HEADER}<stream:features/>`, 'NoBinding'],
    [{}, `${SUCCESS}${HEADER}${BINDING_OFFER.replaceAll(/<sm [^>]*>/g, '')}`, 'NoStreamManagement'],
    [
      {},
      `<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
      'HostUnknown',
    ],
    [{}, '</stream:stream>', 'StreamClosed'],
    [{ mechanism: 'SCRAM-SHA-1' }, '', 'NoMechanism'],
    [{ startTls: 'required' }, '', 'NoStartTls'],
  ])('ends with %j at %.60s', (change, text, reason) => {
    const { hears, events } = client(change);
    hears(HEADER + OFFER + text);
    expect(events).toEqual([`ended 0 ${reason}`]);
  });

  test('begins TLS where it is offered, and takes no byte in front of it for one behind it', () => {
    const offer = `<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>`;
    const proceed = `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`;
    const { hears, events, protocol, out } = client();
    expect(hears(HEADER + offer)).toBe(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`);
    hears(proceed);
    expect(events).toEqual(['startTls 0']);
    protocol.secured?.(0, out);
    expect(out.take().toString()).toContain('<stream:stream ');
    const other = client();
    other.hears(HEADER + offer);
    expect(() => other.hears(`${proceed}<a/>`)).toThrow(
      expect.objectContaining({ reason: 'BytesBeforeTls' }),
    );
    const never = client({ startTls: 'never' });
    never.hears(HEADER + offer);
    expect(never.events).toEqual(['ended 0 StartTlsRequired']);
  });

  test('registers its user once, whether it is new or there already', () => {
    const { hears, protocol, out } = client({ register: true });
    expect(hears(HEADER + OFFER)).toContain(
      '<username>user1</username><password>password1</password></query></iq>',
    );
    const conflict = `<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;
    expect(hears(`<iq type='error' id='register'>${conflict}</iq>`)).toContain('<auth ');
    protocol.closed(0);
    protocol.opened(0, out);
    expect(hears(HEADER + OFFER)).toContain('<auth ');
  });
});

describe('groups of xmpp clients', () => {
  const place = 'group-1@conference.localhost/user1';
  const own = (codes: string) =>
    `<presence from='${place}'><x xmlns='http://jabber.org/protocol/muc#user'>${codes}</x></presence>`;

  test('are rooms that each member enters before it counts as logged in', () => {
    const { hears, events } = client({ receipts: false }, 4);
    const bound = HEADER + OFFER + SUCCESS + HEADER + BINDING_OFFER + BOUND;
    expect(hears(bound)).toContain(
      `<presence to='${place}'><x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>`,
    );
    hears(ENABLED + ARRIVED);
    expect(events).toEqual([]);
    // The room is there, and not yet unlocked: it asks again.
    const locked = `<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;
    expect(hears(`<presence from='${place}' type='error'>${locked}</presence>`)).toContain('<history ');
    expect(hears(own(`<status code='110'/><status code='201'/>`))).toContain(
      `<x xmlns='jabber:x:data' type='submit'/>`,
    );
    expect(events).toEqual([]);
    hears(`<iq type='result' id='room' from='group-1@conference.localhost'/>`);
    expect(events).toEqual(['loggedIn 0']);
  });

  test('hear what others say, and not what they have said themselves', () => {
    const { hears, writes, events } = client({ receipts: false }, 4);
    hears(LOGIN + own(`<status code='110'/>`));
    expect(writes(0, GROUP_BIT + 1)).toBe(
      `<message to='group-1@conference.localhost' id='7-2147483649' type='groupchat'><body>AQID</body></message>`,
    );
    const said = (by: string) =>
      `<message type='groupchat' from='group-1@conference.localhost${by}'><body>AAEC</body></message>`;
    hears(said('/user1') + said('/user3') + said(''));
    expect(events).toEqual(['loggedIn 0', 'delivered 0 000102 false']);
    hears(`<presence from='${place}' type='unavailable'/>`);
    expect(events.at(-1)).toBe('ended 0 LeftRoom');
  });

  test('are told for whom a message has come back', () => {
    const { hears, events } = client({ receipts: false }, 3);
    hears(LOGIN + own(`<status code='110'/>`));
    const error = `<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`;
    hears(`<message type='error' from='group-1@conference.localhost' id='7-2147483649'>${error}</message>`);
    expect(events.slice(1)).toEqual([
      'refused 0 undefined Forbidden',
      `undeliverable 0 1 ${GROUP_BIT + 1}`,
      `undeliverable 0 2 ${GROUP_BIT + 1}`,
    ]);
  });
});
