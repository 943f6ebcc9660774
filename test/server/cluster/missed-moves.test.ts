import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterBus } from '../../../server/cluster/cluster-bus.js';
import { HomeWatch, type HomeWatchParts } from '../../../server/cluster/home-watch.js';
import type { HomePlace } from '../../../server/cluster/membership.js';
import { peerOf } from '../../support/cluster-peers.js';

const HOME = 0;
const [SELF, OTHER, THIRD, STRANGER] = [1, 2, 3, 4];

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A process with connections whose mailboxes are at `HOME`, which is at another; what it does about moves is kept. */
function watching() {
  const did: string[] = [];
  const tell = (what: string) => () => void did.push(what);
  const place: HomePlace = { home: HOME, owner: OTHER, epoch: 5, state: 'open' };
  const bus: Partial<Record<keyof ClusterBus, unknown>> = {
    ...{
      up: () => undefined,
      down: () => undefined,
      place: () => undefined,
      addressOf: (peer: number) => peer,
    },
    ...{ hold: tell('hold'), release: tell('release'), dropHeld: tell('drop what is held') },
    ...{ sayHeld: tell('say held'), sayHere: tell('say here') },
  };
  const homes = { homeLost: () => undefined, lost: () => undefined, resend: () => undefined };
  const router = { homeLost: tell('ask again'), homeFound: tell('come anew'), closeAll: vi.fn() };
  const peers = new Map([SELF, OTHER, THIRD].map((number) => [number, peerOf(number)]));
  const membership = { self: peerOf(SELF), peers, homes: [place] };
  const parts = { membership, bus, homes, router, schedule: () => undefined, log: () => undefined };
  const watch = new HomeWatch(parts as unknown as HomeWatchParts);
  watch.begin();
  did.length = 0;
  return {
    did,
    moved: (change: Partial<HomePlace>) => watch.moved({ ...place, ...change }),
    comes: (number: number) => {
      peers.set(number, peerOf(number));
      watch.up(peerOf(number));
    },
    dies: (number: number) => {
      peers.delete(number);
      watch.down(peerOf(number));
    },
  };
}

test('a home that is handed over is waited for, and goes on with the connections that it has noted down', () => {
  const { did, moved } = watching();
  moved({ state: 'moving', next: THIRD });
  moved({ owner: THIRD, epoch: 6, state: 'opening', isHandedOn: true });
  moved({ owner: THIRD, epoch: 6, state: 'open', isHandedOn: true });
  expect(did).toEqual(['hold', 'say held', 'say here', 'release']);
});

test('a home that moves on from an owner of which nothing was heard is come to anew: that one knows no connection', () => {
  const { did, moved } = watching();
  // The table keeps the last place of each home alone: whoever is slow does not see those between.
  moved({ owner: THIRD, epoch: 6, state: 'moving', next: OTHER, isHandedOn: true });
  expect(did).toEqual(['ask again', 'hold', 'say held']);
  moved({ epoch: 7, state: 'opening', isHandedOn: true });
  moved({ epoch: 7, state: 'open', isHandedOn: true });
  expect(did.slice(-2)).toEqual(['come anew', 'release']);
  expect(did).not.toContain('say here');
});

test('what is said to a home whose owner has died is kept until somebody has it, behind the connections that come anew', () => {
  const { did, moved } = watching();
  moved({ owner: THIRD, epoch: 6, state: 'opening' });
  // Taken from that one too: what is kept was said to neither of them.
  moved({ owner: SELF, epoch: 7, state: 'opening' });
  expect(did).toEqual(['ask again', 'hold']);
  moved({ owner: THIRD, epoch: 8, state: 'open' });
  expect(did.slice(2)).toEqual(['come anew', 'release']);
  vi.advanceTimersByTime(60_000);
  expect(did).toHaveLength(4);
});

test('what is said to a home that nobody takes is not kept for ever: whoever asked it for something asks again', () => {
  const { did, moved } = watching();
  moved({ owner: THIRD, epoch: 6, state: 'opening' });
  vi.advanceTimersByTime(9_000);
  expect(did).toEqual(['ask again', 'hold']);
  vi.advanceTimersByTime(2_000);
  expect(did.slice(2)).toEqual(['drop what is held', 'ask again']);
  moved({ owner: THIRD, epoch: 6, state: 'open' });
  expect(did.slice(4)).toEqual(['come anew']);
});

test('what is said to a home is kept until its owner is there, where the table tells of the home first', () => {
  const { did, moved, comes } = watching();
  moved({ owner: STRANGER, epoch: 6, state: 'open' });
  expect(did).toEqual(['ask again', 'hold']);
  comes(STRANGER);
  expect(did.slice(2)).toEqual(['come anew', 'release']);
});

test('a home of somebody who came and died unseen is waited for until another has it', () => {
  const { did, moved } = watching();
  moved({ owner: STRANGER, epoch: 6, state: 'moving', next: THIRD });
  moved({ owner: THIRD, epoch: 7, state: 'opening', isHandedOn: true });
  expect(did).toEqual(['ask again', 'hold']);
  moved({ owner: THIRD, epoch: 7, state: 'open', isHandedOn: true });
  // That one knows none of the connections here.
  expect(did.slice(2)).toEqual(['come anew', 'release']);
});

test('somebody who comes is told that nothing more is said to a home which it hands over already', () => {
  const { did, moved, comes } = watching();
  moved({ owner: STRANGER, epoch: 6, state: 'moving', next: THIRD });
  comes(STRANGER);
  expect(did).toEqual(['ask again', 'hold', 'say held']);
});

test('a home whose owner died while it moved is waited for, whichever of the two is told first', () => {
  const { did, moved, dies } = watching();
  dies(OTHER);
  moved({ state: 'moving', next: THIRD });
  moved({ owner: THIRD, epoch: 6, state: 'opening' });
  moved({ owner: THIRD, epoch: 6, state: 'open' });
  expect(did).toEqual(['ask again', 'hold', 'come anew', 'release']);
  vi.advanceTimersByTime(60_000);
  expect(did).toHaveLength(4);
});

test('a home that was taken over and moves on, never seen open, is come to anew: its owner knew no connection', () => {
  const { did, moved } = watching();
  moved({ owner: THIRD, epoch: 6, state: 'opening' });
  moved({ owner: THIRD, epoch: 6, state: 'moving', next: OTHER });
  moved({ epoch: 7, state: 'opening', isHandedOn: true });
  moved({ epoch: 7, state: 'open', isHandedOn: true });
  expect(did).toEqual(['ask again', 'hold', 'say held', 'come anew', 'release']);
  vi.advanceTimersByTime(60_000);
  expect(did).toHaveLength(5);
});
