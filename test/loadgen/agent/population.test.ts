import { beforeEach, describe, expect, test } from 'vitest';
import { IntervalHistograms } from '../../../loadgen/agent/interval-histograms.js';
import { PayloadMaker } from '../../../loadgen/agent/payload.js';
import { Population } from '../../../loadgen/agent/population.js';
import type { AgentPlan } from '../../../loadgen/agent-messages.js';
import {
  type ClientEvents,
  type ClientProtocol,
  type Driver,
  GROUP_BIT,
  ProtocolViolation,
} from '../../../loadgen/drivers/driver.js';
import { monotonicMs } from '../../../loadgen/monotonic-clock.js';
import { planAgents } from '../../../loadgen/plan.js';
import { RunError } from '../../../loadgen/run-error.js';
import type { Promises } from '../../../record/promises.js';
import { planHost } from '../../support/hosts.js';
import { testScenario } from '../../support/run.js';

const ENDPOINT = { protocol: 'tcp', host: '127.0.0.1', port: 1 } as const;
const RUN = 7;

const promises: Promises = {
  accepted: false,
  receipt: false,
  groups: true,
  storesForAway: false,
  marksRedelivery: false,
  recognizesRepetitions: false,
  order: 'per-sender',
  delivery: 'at-most-once',
  recipient: 'partner',
};

const nothing = (): undefined => undefined;

/** A protocol of one word a line: what a test writes is what has happened. */
class Words implements ClientProtocol {
  resumesSessions = false;
  /** How many messages the server takes. */
  room = Number.POSITIVE_INFINITY;
  readonly events: ClientEvents;
  readonly written: { client: number; to: number; sequence: number; payload: Buffer }[] = [];

  constructor(events: ClientEvents) {
    this.events = events;
  }

  opened(): void {
    this.written.length = 0;
  }

  received(client: number, bytes: Buffer): number {
    if (bytes.toString() === 'nonsense') throw new ProtocolViolation('ServerNonsense', 'nonsense');
    if (bytes.toString() === 'riddle') String({ toString: 0 });
    if (bytes.toString() === 'no groups') throw new RunError('C2M_RUN', 'the server does not make groups');
    this.events.loggedIn(client);
    return bytes.length;
  }

  hasRoom(): boolean {
    return this.written.length < this.room;
  }

  writeMessage(client: number, to: number, sequence: number, payload: Buffer): void {
    this.written.push({ client, to, sequence, payload: Buffer.from(payload) });
  }

  writeKeepalive: () => void = nothing;
  readonly writePending = nothing;
  readonly leave = nothing;
  readonly closed = nothing;
}

let words: Words;
let population: Population;
let failed: string[];

/** Clients 0 and 1 are partners, where wanted a group as well, and logged in. */
function populate({
  isServerFresh = false,
  isGroup = false,
  name = 'words',
  ...other
}: Partial<Promises> & { isServerFresh?: boolean; isGroup?: boolean; name?: string } = {}): void {
  const driver: Driver = {
    name: 'words',
    promises: () => ({ ...promises, ...other }),
    framing: () => ({ carriers: ['tcp'], webSocketMessages: 'stream', subprotocols: [] }),
    create: (_settings, _clients, events) => {
      words = new Words(events);
      return words;
    },
  };
  const [plan] = planAgents(
    testScenario((scenario) => {
      scenario.clients.count = 2;
      if (isGroup) scenario.groups = { members: 2, share: 0.5 };
    }),
    {
      endpoints: [ENDPOINT],
      hosts: [planHost({ cores: 1 })],
      driver: { name, settings: {} },
      run: RUN,
    },
  );
  failed = [];
  population = new Population(
    { ...(plan as AgentPlan), isServerFresh },
    driver,
    new IntervalHistograms('talk'),
    { loggedIn: nothing, failed: (_client, reason) => failed.push(reason), ended: nothing },
  );
  population.use({
    open: nothing,
    send: () => true,
    end: nothing,
    cut: (client) => population.closed(client, 'Cut'),
  });
  for (const client of [0, 1]) {
    population.connect(client, ENDPOINT, undefined);
    population.opened(client);
    population.received(client, Buffer.from('welcome'));
  }
}

/** The next message of client 0, as it is written. */
function say(): Buffer {
  population.send(0, false, monotonicMs(), 64);
  population.flush();
  return words.written.at(-1)?.payload as Buffer;
}

beforeEach(() => populate());

describe('a message of which the protocol says nothing', () => {
  test('is known by its payload alone', () => {
    words.events.delivered(1, say(), false);
    expect(population.totals()).toMatchObject({ sent: 1, delivered: 1, lost: 0, corrupted: 0 });
    expect(population.underWay).toBe(0);
  });

  test('is corrupted, and lost as well, where its payload is not what was sent', () => {
    const payload = say();
    payload[40] = (payload[40] as number) ^ 1;
    words.events.delivered(1, payload, false);
    words.events.delivered(1, Buffer.from('short'), false);
    expect(population.totals()).toMatchObject({ delivered: 0, corrupted: 2, lost: 1, duplicated: 0 });
  });

  test.each([
    [false, { leftOver: 1, duplicated: 0 }],
    [true, { leftOver: 0, duplicated: 1 }],
  ])(
    'is of an earlier run where its payload says so, and none where the server is fresh: %s',
    (isFresh, expected) => {
      populate({ isServerFresh: isFresh });
      const payload = new PayloadMaker(RUN - 1, 64).make(64, monotonicMs(), 1, 1);
      words.events.delivered(1, Buffer.from(payload), false);
      expect(population.totals()).toMatchObject({ delivered: 0, ...expected });
    },
  );

  test('is nobody’s where it comes to somebody whom it is not for', () => {
    words.events.delivered(0, say(), false);
    expect(population.totals()).toMatchObject({ delivered: 0, duplicated: 1 });
  });
});

test('what falls due while the server is ending a connection is for the next one', () => {
  words.events.ended(0, 'GoingAway');
  population.send(0, false, monotonicMs(), 64);
  population.flush();
  expect(words.written).toEqual([]);
  expect(population.online).toBe(1);
  population.closed(0, 'PeerClosed');
  population.connect(0, ENDPOINT, undefined);
  population.opened(0);
  population.received(0, Buffer.from('welcome'));
  population.flush();
  expect(words.written).toMatchObject([{ client: 0, to: 1, sequence: 1 }]);
  expect(population.totals()).toMatchObject({ sent: 1, lost: 1, unsent: 0 });
});

test('where the driver ends a connection as it is asked to write, what is due behind that waits for the next one', () => {
  const writeMessage = words.writeMessage.bind(words);
  words.writeMessage = (client, ...message) => {
    writeMessage(client, ...message);
    words.events.ended(client, 'TooMuch');
  };
  let signsOfLife = 0;
  words.writeKeepalive = () => {
    signsOfLife += 1;
  };
  for (const _ of Array(3)) population.send(0, false, monotonicMs(), 64);
  population.keepAlive(0);
  population.flush();
  expect(words.written).toHaveLength(1);
  expect(signsOfLife).toBe(0);
  population.closed(0, 'PeerClosed');
  population.accountHeldBack();
  expect(population.totals()).toMatchObject({ sent: 1, unsent: 2, heldBack: 0 });
});

test('who is turned away on the way in is logged in by nothing that comes after it', () => {
  population.cut(0);
  population.connect(0, ENDPOINT, undefined);
  population.opened(0);
  words.events.ended(0, 'Banned');
  population.received(0, Buffer.from('welcome'));
  expect(population.online).toBe(1);
  say();
  expect(words.written).toEqual([]);
  population.closed(0, 'PeerClosed');
  expect(failed).toEqual(['Banned']);
  expect(population.totals()).toMatchObject({ sent: 0, lost: 0, unsent: 1 });
});

test('what a connected sender has no room for at the end is held back by the server', () => {
  words.room = 1;
  say();
  say();
  population.flush();
  population.accountHeldBack();
  expect(population.totals()).toMatchObject({ sent: 1, unsent: 1, heldBack: 1 });
});

test('nothing is held back of who is not connected', () => {
  population.closed(0, 'PeerClosed');
  say();
  population.accountHeldBack();
  expect(population.totals()).toMatchObject({ unsent: 1, heldBack: 0 });
});

test('where the server takes one message at a time, what is due for longer goes first, to the partner or to the group', () => {
  populate({ isGroup: true });
  words.room = 0;
  const now = monotonicMs();
  for (const [index, isForGroup] of [true, false, false, true, true].entries()) {
    population.send(0, isForGroup, now - 10 + index, 64);
    population.flush();
  }
  for (let room = 1; room <= 6; room += 1) {
    words.room = room;
    words.events.hasSomethingToWrite(0);
    population.flush();
  }
  const [group1, group2, group3] = [1, 2, 3].map((sequence) => GROUP_BIT + sequence);
  expect(words.written.map(({ sequence }) => sequence)).toEqual([group1, 1, 2, group2, group3]);
  expect(population.totals()).toMatchObject({ sent: 5, unsent: 0 });
});

test('a server that breaks the protocol loses the client, and the reason is told', () => {
  population.connect(0, ENDPOINT, undefined);
  population.opened(0);
  population.received(0, Buffer.from('nonsense'));
  expect(failed).toEqual(['ServerNonsense']);
});

describe('a driver that is itself at fault over what a server sent', () => {
  const hear = (text: string): void => {
    population.cut(0);
    population.connect(0, ENDPOINT, undefined);
    population.opened(0);
    population.received(0, Buffer.from(text));
  };

  test('loses that connection, and the record says whose fault it was', () => {
    hear('riddle');
    expect(failed).toEqual(['DriverFault']);
    expect([...population.notes]).toEqual([
      expect.stringMatching(
        /^the words driver failed on what the server sent .*TypeError: Cannot convert object to primitive value.*: that is a fault of c2m, not of the server/,
      ),
    ]);
    hear('welcome');
    expect(population.online).toBe(2);
  });

  test('ends the agent where it is somebody’s own', () => {
    populate({ name: 'own' });
    expect(() => hear('riddle')).toThrow(TypeError);
  });

  test('ends the agent where it says that the run cannot go on', () => {
    expect(() => hear('no groups')).toThrow('the server does not make groups');
  });
});

test('what a server hands out before the login is done comes on the new connection: a copy is a redelivery', () => {
  populate({ delivery: 'at-least-once', storesForAway: true });
  const payload = Buffer.from(say());
  words.events.delivered(1, payload, false);
  population.cut(1);
  population.connect(1, ENDPOINT, undefined);
  population.opened(1);
  words.events.delivered(1, payload, false);
  population.received(1, Buffer.from('welcome'));
  expect(population.totals()).toMatchObject({ delivered: 1, redelivered: 1, duplicated: 0 });
});

test('a connection that goes on with a session excuses no copy; one that begins another does', () => {
  populate({ delivery: 'at-least-once', storesForAway: true });
  words.resumesSessions = true;
  const payload = Buffer.from(say());
  words.events.delivered(1, payload, false);
  const comesBack = (): void => {
    population.cut(1);
    population.connect(1, ENDPOINT, undefined);
    population.opened(1);
  };
  comesBack();
  population.received(1, Buffer.from('welcome'));
  words.events.delivered(1, payload, false);
  expect(population.totals()).toMatchObject({ delivered: 1, redelivered: 0, duplicated: 1 });
  comesBack();
  words.events.sessionBegan(1);
  population.received(1, Buffer.from('welcome'));
  words.events.delivered(1, payload, false);
  expect(population.totals()).toMatchObject({ delivered: 1, redelivered: 1, duplicated: 1 });
});
