import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../loadgen/drivers/driver.js';
import { loadDriver } from '../../../../loadgen/drivers/load-driver.js';
import { driverSchema } from '../../../../scenarios/driver-schema.js';
import { startSocketioServer } from '../../../fixtures/socketio-server.js';
import { conforms, survivesAnyBytes, toldBy } from '../../../support/conformance.js';
import { buffered } from '../../../support/output.js';

const driver = await loadDriver('socketio');
const settingsOf = (settings: object = {}) => driverSchema.parse({ socketio: settings }).settings;

conforms('the socketio driver, on a chat of socket.io', {
  driver: driverSchema.parse({
    socketio: {
      namespace: '/chat',
      auth: { token: 'of {{user}}' },
      login: { event: 'login', arguments: [{ user: '{{user}}' }] },
      send: {
        event: 'message',
        arguments: [{ to: '{{to}}', id: '{{sequence:number}}', body: '{{payload}}' }],
      },
      message: { event: 'message', payload: '0.text' },
      receipt: { event: 'arrived', sequence: '0.id', by: '0.at' },
      error: '0.error',
    },
  }),
  start: (faults) => startSocketioServer(faults),
});

/** A client whose server has said something, and what it answered. */
function answersTo(settings: object, groupMembers: number | null = null) {
  const events: string[] = [];
  const range = { count: 4, firstUser: 100, run: 7, groupMembers, heartbeatMs: 10_000 };
  const protocol = driver.create(settingsOf(settings), range, toldBy(events));
  const out = buffered();
  protocol.opened(1, out);
  const messages = () => out.takeMessages().map(String);
  const hear = (text: string): string[] => {
    protocol.received(1, Buffer.from(text), out);
    return messages();
  };
  return { protocol, events, out, hear, messages };
}

const OPEN = '0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';

describe('a client of Socket.IO', () => {
  test('connects to the namespace, logs in, joins its group, and is ready when all is acknowledged', () => {
    const { hear, events } = answersTo(
      {
        namespace: '/chat',
        auth: { token: 't-{{user}}', version: 2 },
        login: { event: 'login', arguments: ['{{user:number}}', { as: 'user {{user}}' }] },
        join: { event: 'join', arguments: ['{{group}}'] },
        sendToGroup: { event: 'say', arguments: ['{{payload}}'] },
      },
      2,
    );
    expect(hear(OPEN)).toEqual(['40/chat,{"token":"t-101","version":2}']);
    expect(hear('40/chat,{"sid":"x"}')).toEqual(['42/chat,0["login",101,{"as":"user 101"}]']);
    expect(hear('43/chat,0[]')).toEqual(['42/chat,2147483648["join","100"]']);
    expect(events).toEqual([]);
    expect(hear('43/chat,2147483648[{}]')).toEqual([]);
    expect(events).toEqual(['loggedIn 1']);
  });

  test('may be logged in by an event of the server, or by the namespace alone', () => {
    const login = { event: 'login', answer: 'welcome' };
    const told = answersTo({ login });
    told.hear(OPEN);
    expect(told.hear('40{"sid":"x"}')).toEqual(['420["login"]']);
    told.hear('430[]');
    expect(told.events).toEqual([]);
    told.hear('42["welcome",{"motd":"hello"}]');
    expect(told.events).toEqual(['loggedIn 1']);
    const alone = answersTo({});
    expect(alone.hear(OPEN)).toEqual(['40']);
    expect(alone.hear('40{"sid":"x"}')).toEqual([]);
    expect(alone.events).toEqual(['loggedIn 1']);
  });

  test('is not ready by the acknowledgement of a login that an event had answered', () => {
    const { hear, events } = answersTo(
      {
        login: { event: 'login', answer: 'welcome' },
        join: { event: 'join', arguments: ['{{group}}'] },
        sendToGroup: { event: 'say', arguments: ['{{payload}}'] },
        error: '0.error',
      },
      2,
    );
    hear(OPEN);
    hear('40{"sid":"x"}');
    expect(hear('42["welcome"]')).toEqual(['422147483648["join","100"]']);
    hear('430[]');
    expect(events).toEqual([]);
    hear('432147483648[]');
    expect(events).toEqual(['loggedIn 1']);
  });

  test('is turned away where its login or its join is refused, by an event or not', () => {
    const join = { event: 'join', arguments: ['{{group}}'] };
    const settings = { join, sendToGroup: { event: 'say', arguments: ['{{payload}}'] }, error: '0.error' };
    const answered = answersTo({ ...settings, login: { event: 'login', answer: 'welcome' } }, 2);
    const joined = answersTo(settings, 2);
    for (const { hear } of [answered, joined]) {
      hear(OPEN);
      hear('40{"sid":"x"}');
    }
    answered.hear('430[{"error":"wrong password"}]');
    expect(answered.events).toEqual(['ended 1 WrongPassword']);
    joined.hear('432147483648[{"error":"room is full"}]');
    expect(joined.events).toEqual(['ended 1 RoomIsFull']);
  });

  test('sends a message with its sequence as the id to acknowledge, unless nothing is acknowledged', () => {
    const send = {
      event: 'say',
      arguments: [{ to: 'user-{{to}}', n: '{{sequence:number}}' }, '{{payload}}'],
    };
    const sendToGroup = { event: 'room', arguments: ['{{group}}', '{{payload}}', 'from {{user}}'] };
    const { protocol, out, messages } = answersTo({ namespace: '/a', send, sendToGroup });
    protocol.writeMessage(1, 2, 12, Buffer.from('hello'), out);
    protocol.writeMessage(1, 0, 2 ** 31 + 1, Buffer.from('all'), out);
    expect(messages()).toEqual([
      '42/a,12["say",{"to":"user-102","n":12},"aGVsbG8="]',
      '42/a,2147483649["room","100","YWxs","from 101"]',
    ]);
    const silent = answersTo({ send, acknowledgement: false });
    silent.protocol.writeMessage(1, 2, 12, Buffer.from('hello'), silent.out);
    expect(silent.messages()).toEqual(['42["say",{"to":"user-102","n":12},"aGVsbG8="]']);
  });

  test('hears what is accepted, refused, delivered and receipted', () => {
    const { hear, events } = answersTo({
      error: '0.error',
      message: { event: 'message', payload: '1.text' },
      groupMessage: { event: 'said', payload: '0' },
      receipt: { event: 'arrived', sequence: '0.id', by: '0.user' },
    });
    hear(OPEN);
    hear('40{"sid":"x"}');
    events.length = 0;
    hear('4312[{"ok":true}]');
    hear('4313[{"error":"mailbox of 12 full"}]');
    hear('42["message","100",{"text":"aGVsbG8="}]');
    expect(hear('427["said","YWxs"]')).toEqual(['437[]']);
    // Of another namespace, of another kind, or not about a message.
    hear('42/other,["said","YWxs"]');
    hear('42["typing","100"]');
    expect(hear('428["message","100",{"notice":"he came"}]')).toEqual([]);
    hear('42["arrived",{"id":"12","user":102}]');
    hear('42["arrived",{"id":"twelve"}]');
    expect(events).toEqual([
      'accepted 1 12',
      'refused 1 13 MailboxOfFull',
      'delivered 1 68656c6c6f false',
      'delivered 1 616c6c false',
      'receipted 1 2 12',
    ]);
  });

  test('answers the ping of Engine.IO, and passes over binary events', () => {
    const { hear, events } = answersTo({});
    hear(OPEN);
    hear('40{"sid":"x"}');
    expect(hear('2')).toEqual(['3']);
    hear('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    expect(hear('2')).toEqual([]);
    expect(hear('41')).toEqual([]);
    expect(hear('2')).toEqual(['3']);
    expect(events).toEqual(['loggedIn 1']);
  });

  test('tells why the server ends it, and says goodbye itself', () => {
    const reasons = ['41', '44{"message":"not authorized"}', '44', '1', '430[{"error":"wrong password"}]'];
    const told = reasons.map((reason) => {
      const { hear, events } = answersTo({ login: { event: 'login' }, error: '0.error' });
      hear(OPEN);
      if (reason.startsWith('43')) hear('40{"sid":"x"}');
      if (reason === '44') expect(() => hear(reason)).toThrow(ProtocolViolation);
      else hear(reason);
      return events.join();
    });
    expect(told).toEqual([
      'ended 1 Disconnected',
      'ended 1 NotAuthorized',
      '',
      'ended 1 EngineClosed',
      'ended 1 WrongPassword',
    ]);
    const { protocol, out, messages } = answersTo({ namespace: '/chat' });
    protocol.leave(1, out);
    expect(messages()).toEqual(['41/chat,']);
  });

  test('survives any messages, of any bytes or nearly right', () => {
    const settings = settingsOf({ receipt: { event: 'arrived', sequence: '0.id' }, error: '0' });
    survivesAnyBytes(driver, settings);
    const piece = fc.oneof(
      fc.constantFrom('0', '2', '40', '42', '43', '44', '45', '451-', '/', '/chat', ',', '12', '-', '[', ']'),
      fc.constantFrom(
        '["message"',
        '["message","AAAA"]',
        '["arrived",{"id":1}]',
        '{"message":',
        '[]',
        'null',
      ),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 5 }), { maxLength: 6 }), (messages) => {
        const { hear } = answersTo({ receipt: { event: 'arrived', sequence: '0.id' }, error: '0' });
        try {
          hear(OPEN);
          hear('40{"sid":"x"}');
          for (const pieces of messages) hear(pieces.join(''));
        } catch (error) {
          if (!(error instanceof ProtocolViolation)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('settings of socketio', () => {
  const problem = (settings: object): string =>
    driverSchema.safeParse({ socketio: settings }).error?.issues[0]?.message ?? '';

  test('are told what is wrong with their templates', () => {
    expect(problem({ send: { event: 'm', arguments: ['{{playload}}'] } })).toContain(
      '{{playload}} is none of',
    );
    expect(problem({ send: { event: 'm', arguments: ['{{to}}'] } })).toBe(
      'must have {{payload}} in its arguments',
    );
    expect(problem({ login: { event: 'l', arguments: ['user {{user:number}}'] } })).toContain(
      '{{user:number}} must be all of the text',
    );
    expect(problem({ login: { event: 'disconnect' } })).toContain('is an event of Socket.IO itself');
    expect(problem({ message: { event: 'm', payload: 'text' } })).toContain('begin with the number');
    expect(problem({ namespace: 'chat' })).toBe('must begin with /, such as /chat');
  });

  test('decide what it promises', () => {
    const promises = (settings: object) => driver.promises(settingsOf(settings));
    expect(promises({})).toMatchObject({ accepted: true, receipt: false, groups: false });
    expect(promises({ acknowledgement: false })).toMatchObject({ accepted: false, delivery: 'at-most-once' });
    const sendToGroup = { event: 'say', arguments: ['{{payload}}'] };
    const receipt = { event: 'arrived', sequence: '0' };
    const server = { storesForAway: true };
    expect(promises({ sendToGroup, receipt, server })).toMatchObject({
      receipt: true,
      groups: true,
      storesForAway: true,
      recognizesRepetitions: false,
    });
  });
});
