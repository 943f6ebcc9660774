import { describe, expect, test } from 'vitest';
import { followDrain } from '../../../lab/cluster/wishes.js';
import type { HomePlace, HomeState, Peer } from '../../../server/cluster/membership.js';

const peers = [peer(1, 'north'), peer(2, 'south')];

describe('a node that is drained', () => {
  test('is done when all that it had is open elsewhere, not when it has handed over the last home', () => {
    const homesLeft = followDrain('north');
    const look = (...homes: HomePlace[]) =>
      homesLeft({
        shape: { format: 1, homes: 3, replicas: 1 },
        peers,
        homes,
        drains: ['north'],
        pins: new Map(),
      });
    expect(look(place(0, 1), place(1, 1), place(2, 2, 'opening'))).toEqual({ here: 2, closed: 0 });
    expect(look(place(0, 1, 'moving'), place(1, 2), place(2, 2, 'opening'))).toEqual({ here: 1, closed: 1 });
    expect(look(place(0, 2, 'opening'), place(1, 2), place(2, 2, 'opening'))).toEqual({ here: 0, closed: 1 });
    // Whoever took it has died: it is open by the table, and there is nobody.
    expect(look(place(0, 9), place(1, 2), place(2, 2, 'opening'))).toEqual({ here: 0, closed: 1 });
    // What others had all the time is not waited for.
    expect(look(place(0, 2), place(1, 2), place(2, 2, 'opening'))).toEqual({ here: 0, closed: 0 });
  });

  test('is done at once where it had no homes', () => {
    const homes = [place(0, 2), place(1, 2, 'opening')];
    const state = { shape: { format: 1, homes: 2, replicas: 1 }, peers, homes, drains: [], pins: new Map() };
    expect(followDrain('north')(state)).toEqual({ here: 0, closed: 0 });
  });
});

function peer(number: number, node: string): Peer {
  return { number, node, worker: 0, versions: { oldest: 1, newest: 2 }, addresses: [], isLeaving: false };
}

function place(home: number, owner: number, state: HomeState = 'open'): HomePlace {
  return { home, owner, epoch: 3, state };
}
