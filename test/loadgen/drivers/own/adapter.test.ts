import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { AgentPlan } from '../../../../loadgen/agent-messages.js';
import type { Driver } from '../../../../loadgen/drivers/driver.js';
import type {
  AdapterClient,
  AdapterConnection,
  AdapterMessage,
} from '../../../../loadgen/drivers/own/adapter.js';
import { adapterDriver } from '../../../../loadgen/drivers/own/adapter-driver.js';
import { startLineServer } from '../../../fixtures/line-server.js';
import { conforms, toldBy } from '../../../support/conformance.js';
import { buffered } from '../../../support/output.js';

const ENDPOINT = { protocol: 'ws', host: '::1', port: 8080, path: '/chat' } as const;
const plan = {
  firstUser: 100,
  count: 6,
  insecure: true,
  tls: { ca: 'PEM', serverName: 'chat.example' },
  webSocket: { headers: { Cookie: 'a=b' }, subprotocols: null },
  groups: { members: 4, share: 1 },
} as unknown as AgentPlan;

/** A library that does what a test says, and its clients. */
function start(own: Partial<AdapterConnection> = {}, promises: object = { accepted: true, receipt: true }) {
  const asked: AdapterClient[] = [];
  const sent: AdapterMessage[] = [];
  const calls: string[] = [];
  const listeners = {
    message: (_payload: Uint8Array, _isRedelivery?: boolean): void => undefined,
    receipt: (_receipt: { by: number; sequence: number }): void => undefined,
    end: (_reason?: unknown): void => undefined,
  };
  const connection: AdapterConnection = {
    send: (message) => {
      sent.push(message);
      return Promise.resolve();
    },
    onMessage: (listener) => {
      listeners.message = listener;
    },
    onReceipt: (listener) => {
      listeners.receipt = listener;
    },
    onEnd: (listener) => {
      listeners.end = listener;
    },
    keepAlive: () => calls.push('keepAlive'),
    close: () => calls.push('close'),
    cut: () => calls.push('cut'),
    ...own,
  };
  const connect = async (client: AdapterClient): Promise<AdapterConnection> => {
    asked.push(client);
    return connection;
  };
  return {
    ...carriedBy(adapterDriver({ connect, promises }, 'mine', { room: 7 })),
    asked,
    sent,
    calls,
    listeners,
  };
}

/** Transport and protocol of a driver, put together as a population does it. */
function carriedBy(driver: Driver) {
  const events: string[] = [];
  const range = { count: 6, firstUser: 100, run: 7, groupMembers: 4, heartbeatMs: 1000 };
  const protocol = driver.create({}, range, toldBy(events));
  const transport = driver.transport?.({}, plan, {
    opened: (client) => protocol.opened(client, buffered()),
    received: (client, bytes) => {
      protocol.received(client, bytes, buffered());
    },
    closed: (client, reason) => events.push(`closed ${client} ${reason}`),
  });
  if (!transport) throw new Error('an adapter has a transport of its own');
  const send = (client: number, to: number, sequence: number, text: string): void => {
    const out = buffered();
    protocol.writeMessage(client, to, sequence, Buffer.from(text), out);
    transport.send(client, out.take());
  };
  return { events, protocol, transport, send };
}

conforms('an adapter around a client library', {
  driver: { name: 'own', settings: { file: resolve('examples/own-adapter/ws-driver.js'), settings: {} } },
  start: async (faults) => {
    const { ws, close } = await startLineServer(faults);
    return { endpoint: ws, close };
  },
});

describe('an adapter', () => {
  test('is told who connects, where to, with what, and who is in the group', async () => {
    const { transport, asked, events } = start();
    transport.open(5, ENDPOINT, undefined);
    await setImmediate();
    expect(asked).toEqual([
      {
        user: 105,
        address: 'ws://[::1]:8080/chat',
        settings: { room: 7 },
        headers: { Cookie: 'a=b' },
        isInsecure: true,
        tls: { ca: 'PEM', serverName: 'chat.example' },
        group: [104, 105],
      },
    ]);
    expect(events).toEqual(['loggedIn 5']);
    // A library asks for the server by its name, and so does TLS.
    transport.open(4, { ...ENDPOINT, name: 'chat.example' }, undefined);
    await setImmediate();
    expect(asked[1]?.address).toBe('ws://chat.example:8080/chat');
  });

  test('sends messages to users and to groups, and what it resolves is accepted', async () => {
    const { transport, send, sent, events } = start();
    transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    send(0, 1, 9, 'hello');
    send(0, 0, 2 ** 31 + 3, 'all');
    await setImmediate();
    expect(sent).toEqual([
      { to: 101, toGroup: false, sequence: 9, payload: Buffer.from('hello') },
      { to: 100, toGroup: true, sequence: 2 ** 31 + 3, payload: Buffer.from('all') },
    ]);
    expect(events).toEqual(['loggedIn 0', 'accepted 0 9', `accepted 0 ${2 ** 31 + 3}`]);
  });

  test('hands on messages and receipts', async () => {
    const { transport, listeners, events } = start();
    transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    listeners.message(Buffer.from('hi'));
    listeners.message(new Uint8Array([1, 2]), true);
    listeners.receipt({ by: 103, sequence: 5 });
    listeners.receipt({ by: 7, sequence: 5 });
    expect(events.slice(1)).toEqual([
      'delivered 0 6869 false',
      'delivered 0 0102 true',
      'receipted 0 3 5',
      'receipted 0 -1 5',
    ]);
  });

  test('may call back while it is handed a message: that is told behind it, in its order', async () => {
    const made = start({
      send: ({ payload }) => {
        made.listeners.message(payload);
        return Promise.resolve();
      },
    });
    made.transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    made.send(0, 0, 1, 'a');
    made.listeners.message(Buffer.from('b'));
    expect(made.events).toEqual(['loggedIn 0']);
    await setImmediate();
    await setImmediate();
    expect(made.events.filter((each) => each.startsWith('delivered'))).toEqual([
      'delivered 0 61 false',
      'delivered 0 62 false',
    ]);
  });

  test('refuses a message that it rejects or throws at, with its code or its words', async () => {
    const errors = [Object.assign(new Error('too much'), { code: 'QUOTA' }), new Error('NotHere'), undefined];
    const { transport, send, events } = start({
      send: ({ sequence }) => {
        if (sequence === 2) throw errors[1];
        return Promise.reject(errors[sequence - 1]);
      },
    });
    transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    for (const sequence of [1, 2, 3]) send(0, 1, sequence, 'x');
    await expect
      .poll(() => events.slice(1).sort())
      .toEqual(['refused 0 1 QUOTA', 'refused 0 2 NotHere', 'refused 0 3 NotSent']);
  });

  test('refuses nothing where the connection ends: nobody knows what the server has', async () => {
    const made = start({
      send: () => {
        made.listeners.end(new Error('Close1006'));
        return Promise.reject(new Error('closed'));
      },
    });
    made.transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    made.send(0, 1, 1, 'x');
    const ended = ['loggedIn 0', 'closed 0 Close1006'];
    await expect.poll(() => made.events).toEqual(ended);
    // Nor does a refusal come behind it.
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(made.events).toEqual(ended);
  });

  test('that promises accepted has to return promises', async () => {
    const { transport, send } = start({ send: () => undefined });
    transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    expect(() => send(0, 1, 1, 'x')).toThrow('its send() has returned no promise');
  });

  test('parts, is cut, and gives its signs of life', async () => {
    const { transport, protocol, calls, events } = start();
    for (const client of [0, 1]) transport.open(client, ENDPOINT, undefined);
    await setImmediate();
    const out = buffered();
    protocol.writeKeepalive(0, out);
    transport.send(0, out.take());
    transport.end(0);
    transport.cut(1);
    await expect.poll(() => events.slice(2)).toEqual(['closed 0 PeerClosed', 'closed 1 Cut']);
    expect(calls).toEqual(['keepAlive', 'close', 'cut']);
    transport.end(0);
    transport.cut(3);
    expect(transport.send(0, Buffer.alloc(0))).toBe(true);
  });

  test('that cannot connect fails with the reason, and one that connects too late is closed', async () => {
    const failing = carriedBy(
      adapterDriver({ connect: () => Promise.reject(new Error('401 Unauthorized\nstack')) }, 'mine', {}),
    );
    failing.transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    expect(failing.events).toEqual(['closed 0 401 Unauthorized']);

    let connected: (connection: object) => void = () => undefined;
    let isClosed = false;
    const late = carriedBy(
      adapterDriver({ connect: () => new Promise((resolve) => (connected = resolve)) }, 'mine', {}),
    );
    late.transport.open(0, ENDPOINT, undefined);
    late.transport.cut(0);
    await setImmediate();
    connected({ send: () => undefined, onMessage: () => undefined, close: () => (isClosed = true) });
    await setImmediate();
    expect(late.events).toEqual(['closed 0 Cut']);
    expect(isClosed).toBe(true);
  });

  test('that returns no connection fails with what it lacks', async () => {
    const { transport, events } = carriedBy(
      adapterDriver({ connect: async () => ({ send: () => undefined }) }, 'mine', {}),
    );
    transport.open(0, ENDPOINT, undefined);
    await setImmediate();
    expect(events).toEqual(['closed 0 what connect() has returned has no onMessage()']);
  });
});
