import { expect, test } from 'vitest';
import type { Bus, BusMessage } from '../../../server/bus/bus.js';
import { Router, type RouterParts } from '../../../server/gateway/router.js';
import type { Session } from '../../../server/gateway/session.js';

const USER = 4;
const CONNECTION = 7;

/** A connection whose mailbox is elsewhere, and what it was told. */
function connected() {
  const told: number[] = [];
  const said: BusMessage[] = [];
  const session = {
    ...{ id: CONNECTION, user: USER, hasUser: true, isOpen: true, isComingAnew: false },
    ...{ sentSequence: 4, acknowledgedSequence: 0, attached: () => undefined },
    deliver: (sequence: number) => void told.push(sequence),
  };
  const ignored = () => undefined;
  const bus: Partial<Bus> = {
    self: 9,
    homes: { first: 0, count: 1 },
    send: (_home, message) => void said.push(message),
  };
  const sessions = { get: () => session, values: () => [session] };
  const turn = { schedule: ignored, ingress: { add: ignored } };
  const router = new Router({ bus, sessions, turn } as unknown as RouterParts);
  const connection = session.id as Session['id'];
  return {
    ...{ router, told, said },
    deliver: (sequence: number) =>
      router.toConnection({ kind: 'deliver', connection, sequence, frame: Buffer.alloc(0) }, 0),
    attached: () => router.toConnection({ kind: 'attached', connection, waiting: 0 }, 0),
  };
}

test('what the owner before a home was found again still delivers is left to the new one, which sends it again', () => {
  const { router, told, said, deliver, attached } = connected();
  router.homeFound(0);
  expect(said).toMatchObject([{ kind: 'attach', user: USER, sent: 4 }]);
  // On its way since before; the fifth was dropped while nobody had the home.
  deliver(6);
  attached();
  for (const sequence of [5, 6]) deliver(sequence);
  expect(told).toEqual([5, 6]);
});
