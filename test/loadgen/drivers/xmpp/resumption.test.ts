import { performance } from 'node:perf_hooks';
import { afterEach, expect, test, vi } from 'vitest';
import { driver } from '../../../../loadgen/drivers/xmpp/xmpp-driver.js';
import { xmppSchema } from '../../../../scenarios/drivers/xmpp-schema.js';
import { toldBy } from '../../../support/conformance.js';
import { buffered } from '../../../support/output.js';
import { ARRIVED, BINDING_OFFER, BOUND, HEADER, OFFER, SUCCESS } from '../../../support/xmpp-stream.js';

const SM = `xmlns='urn:xmpp:sm:3'`;
const AUTHENTICATED = HEADER + OFFER + SUCCESS + HEADER + BINDING_OFFER;
const NAMED = `<enabled ${SM} resume='true' id='a &lt;b&gt;' location='[::1]:9' max='60'/>`;
const NOT_FOUND = `<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>`;
const BIND = `<iq type='set' id='bind'>`;

/** Client 0 is logged in, in a session that has the name `a <b>`; what it hears, and what it says to it. */
function client(enabled = NAMED) {
  const events: string[] = [];
  const range = { count: 4, firstUser: 1, run: 7, groupMembers: null, heartbeatMs: 10_000 };
  const protocol = driver.create(xmppSchema.parse({ resume: true }), range, toldBy(events));
  const out = buffered();
  const hears = (text: string): string => {
    protocol.received(0, Buffer.from(text), out);
    return out.take().toString();
  };
  const writes = (to: number, sequence: number): void => {
    protocol.writeMessage(0, to, sequence, Buffer.from([1, 2, 3]), out);
    out.take();
  };
  /** The connection is cut, if it stands, and there is another one; what it says first behind its password. */
  const comesBack = (): string => {
    protocol.closed(0);
    protocol.opened(0, out);
    out.take();
    hears(HEADER + OFFER);
    hears(SUCCESS);
    return hears(HEADER + BINDING_OFFER);
  };
  /** What has been told since the last call. */
  const told = (): string[] => events.splice(0);
  protocol.opened(0, out);
  const login = hears(AUTHENTICATED) + hears(BOUND);
  hears(enabled + ARRIVED);
  return { protocol, hears, writes, comesBack, told, out, login };
}

const message = (id: string, from = 'user2@localhost/c2m') =>
  `<message from='${from}' id='${id}'><body>AAEC</body><request xmlns='urn:xmpp:receipts'/></message>`;
const resumed = (handled: number) => `<resumed ${SM} previd='a &lt;b&gt;' h='${handled}'/>`;

afterEach(() => {
  vi.restoreAllMocks();
});

test('a client that was cut asks for its session instead of a new one, and says what it has handled', () => {
  const { login, hears, told, comesBack } = client();
  expect(login).toContain(`<enable ${SM} resume='true'/>`);
  hears(message('7-1'));
  expect(told()).toEqual(['sessionBegan 0', 'loggedIn 0', 'delivered 0 000102 false']);
  // The presence and the answer to the ping came as well.
  expect(comesBack()).toBe(`<resume ${SM} h='3' previd='a &lt;b&gt;'/>`);
  hears(resumed(3));
  expect(told()).toEqual(['loggedIn 0']);
  // The count goes on.
  expect(hears(`${message('7-2')}<r ${SM}/>`)).toContain(`<a ${SM} h='4'/>`);
});

test('what the server has handled is accepted, and the rest is told and written again, and counted anew', () => {
  const { hears, writes, told, comesBack } = client();
  writes(1, 1);
  writes(1, 2);
  writes(1, 3);
  told();
  comesBack();
  // Its presence and its ping, and the first message.
  expect(hears(resumed(3))).toBe('');
  expect(told()).toEqual(['accepted 0 1', 'unhandled 0 2', 'unhandled 0 3', 'loggedIn 0']);
  writes(1, 2);
  writes(1, 3);
  hears(`<a ${SM} h='4'/>`);
  hears(`<a ${SM} h='5'/>`);
  expect(told()).toEqual(['accepted 0 2', 'accepted 0 3']);
});

test('receipts and answers that the server has not handled are written again before all that is new', () => {
  const { hears, comesBack } = client();
  const receipt = (to: string, id: string) =>
    `<message to='${to}' type='chat'><received xmlns='urn:xmpp:receipts' id='${id}'/></message>`;
  hears(message('7-1'));
  hears(message('7-2'));
  // Of an earlier run, and from a client of another agent.
  hears(message('6-9', 'user2@localhost/it&apos;s') + message('7-3', 'user9@localhost'));
  hears(`<iq type='get' id='s1' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`);
  comesBack();
  const again = [
    receipt('user2@localhost', '7-2'),
    receipt('user2@localhost/it&apos;s', '6-9'),
    receipt('user9@localhost', '7-3'),
    `<iq type='result' id='s1' to='localhost'></iq>`,
  ];
  expect(hears(resumed(3) + message('7-4'))).toBe(
    `${again.join('')}<r ${SM}/>${receipt('user2@localhost/c2m', '7-4')}`,
  );
  // All of that is unhandled still when the connection dies once more.
  comesBack();
  expect(hears(resumed(3))).toBe(`${again.join('')}${receipt('user2@localhost', '7-4')}<r ${SM}/>`);
});

test('a session that the server has no more is followed by a new one', () => {
  const { hears, writes, told, comesBack } = client();
  hears(message('7-1'));
  writes(1, 1);
  told();
  comesBack();
  expect(hears(`<failed ${SM}>${NOT_FOUND}</failed>`)).toContain(BIND);
  expect(told()).toEqual(['refused 0 undefined ResumeItemNotFound']);
  // A receipt of which nobody knows whether it came does no harm twice.
  expect(hears(BOUND)).toMatch(/<enable .*<presence\/>.*id='7-1'\/><\/message>$/);
  expect(told()).toEqual(['sessionBegan 0']);
  hears(NAMED + ARRIVED);
  // The message is neither accepted nor known to be unhandled: it is sent again, and may come twice.
  expect(told()).toEqual(['loggedIn 0']);
  writes(1, 1);
  // Presence, ping, receipt and message of the new session.
  hears(`<a ${SM} h='4'/>`);
  expect(told()).toEqual(['accepted 0 1']);
});

test('a session that is gone, and whose server knows what it had handled, leaves no doubt', () => {
  const { hears, writes, told, comesBack } = client();
  writes(1, 1);
  writes(1, 2);
  told();
  comesBack();
  hears(`<failed ${SM} h='3'>${NOT_FOUND}</failed>`);
  expect(told()).toEqual(['refused 0 undefined ResumeItemNotFound', 'accepted 0 1', 'unhandled 0 2']);
  hears(BOUND + NAMED + ARRIVED);
  expect(told()).toEqual(['sessionBegan 0', 'loggedIn 0']);
});

test('a session is asked for again when the connection dies before the answer, and while the server keeps it', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
  const { comesBack } = client();
  expect(comesBack()).toContain(`<resume `);
  clock.mockReturnValue(60_999);
  expect(comesBack()).toContain(`<resume `);
  clock.mockReturnValue(61_000);
  expect(comesBack()).toContain(BIND);
});

test('a session of a server that says no time is kept as long as it takes', () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
  const { comesBack } = client(`<enabled ${SM} resume='1' id='x'/>`);
  clock.mockReturnValue(1e12);
  expect(comesBack()).toBe(`<resume ${SM} h='2' previd='x'/>`);
});

test('a goodbye ends the session, and a login behind it binds', () => {
  const { protocol, out, writes, told, comesBack, hears } = client();
  writes(1, 1);
  protocol.leave(0, out);
  expect(out.take().toString()).toMatch(/<\/stream:stream>$/);
  expect(comesBack()).toContain(BIND);
  hears(BOUND);
  expect(told()).toEqual(['sessionBegan 0', 'loggedIn 0', 'sessionBegan 0']);
});

test('a session that was cut before its client had arrived is not taken up', () => {
  const { comesBack, protocol, out, hears } = client();
  protocol.leave(0, out);
  comesBack();
  hears(BOUND + NAMED);
  expect(comesBack()).toContain(BIND);
});

test.each([
  [resumed(9), 'HandledCountTooHigh'],
  [`<resumed ${SM} previd='a &lt;b&gt;'/>`, 'BadHandledCount'],
  [`<resumed ${SM} h='-1'/>`, 'BadHandledCount'],
  [`<failed ${SM} h='9'>${NOT_FOUND}</failed>`, 'HandledCountTooHigh'],
])('%s breaks the protocol, and the session with it', (answer, reason) => {
  const { comesBack, hears } = client();
  comesBack();
  expect(() => hears(answer)).toThrow(expect.objectContaining({ reason }));
  expect(comesBack()).toContain(BIND);
});

test.each([
  `<enabled ${SM}/>`,
  `<enabled ${SM} id='x'/>`,
  `<enabled ${SM} resume='false' id='x'/>`,
  `<enabled ${SM} resume='true'/>`,
])('a client ends where the server would not keep its session: %s', (enabled) => {
  expect(client(enabled).told()).toEqual(['sessionBegan 0', 'ended 0 NotResumable']);
});

test('without the setting nothing is asked for, and a login after a cut binds', () => {
  const events: string[] = [];
  const range = { count: 1, firstUser: 1, run: 7, groupMembers: null, heartbeatMs: 10_000 };
  const protocol = driver.create(xmppSchema.parse({}), range, toldBy(events));
  const out = buffered();
  for (const _ of [1, 2]) {
    protocol.opened(0, out);
    protocol.received(0, Buffer.from(AUTHENTICATED + BOUND + NAMED + ARRIVED), out);
    protocol.closed(0);
  }
  expect(out.take().toString()).not.toMatch(/resume/);
  expect(events).toEqual(['loggedIn 0', 'loggedIn 0']);
});
