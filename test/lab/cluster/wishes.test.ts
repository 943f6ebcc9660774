import { describe, expect, test } from 'vitest';
import { followDrain } from '../../../lab/cluster/wishes.js';
import type { HomePlace, HomeState, Peer } from '../../../server/cluster/membership.js';

const NORTH = peer(1, 'north', true);
const SOUTH = peer(2, 'south');
const ELSEWHERE = [place(0, 2), place(1, 2), place(2, 2)];

describe('a node that is drained', () => {
  test('is done when all that it had is open elsewhere and it has taken back the wish', () => {
    const look = watched();
    expect(look([place(0, 1), place(1, 1), place(2, 2, 'opening')])).toEqual({ step: 'homes', homes: 2 });
    expect(look([place(0, 1, 'moving'), place(1, 2), place(2, 2, 'opening')])).toEqual({
      step: 'homes',
      homes: 1,
    });
    expect(look([place(0, 2, 'opening'), place(1, 2), place(2, 2)])).toEqual({ step: 'opening', homes: 1 });
    // Whoever took it has died: it is open by the table, and there is nobody.
    expect(look([place(0, 9), place(1, 2), place(2, 2)])).toEqual({ step: 'opening', homes: 1 });
    // What others had all the time is not waited for.
    expect(look([place(0, 2), place(1, 2), place(2, 2, 'opening')])).toEqual({ step: 'leaving' });
    expect(look(ELSEWHERE, [SOUTH])).toEqual({ step: 'gone' });
    expect(look(ELSEWHERE, [SOUTH], [])).toEqual({ step: 'left' });
  });

  test('has gone and left the wish behind where it was killed, once others have its homes', () => {
    const look = watched();
    expect(look([place(0, 1), place(1, 1), place(2, 2)])).toEqual({ step: 'homes', homes: 2 });
    expect(look([place(0, 1), place(1, 1), place(2, 2)], [SOUTH])).toEqual({ step: 'opening', homes: 2 });
    expect(look(ELSEWHERE, [SOUTH])).toEqual({ step: 'gone' });
  });

  test('is not drained where somebody takes the wish back, and is another one where it was started again', () => {
    const undone = watched();
    expect(undone([place(0, 1), place(1, 2), place(2, 2)])).toEqual({ step: 'homes', homes: 1 });
    expect(undone([place(0, 1), place(1, 2), place(2, 2)], [peer(1, 'north'), SOUTH], [])).toEqual({
      step: 'undone',
    });
    const again = watched();
    expect(again([place(0, 1), place(1, 2), place(2, 2)])).toEqual({ step: 'homes', homes: 1 });
    expect(again([place(0, 2), place(1, 3), place(2, 2)], [SOUTH, peer(3, 'north')], [])).toEqual({
      step: 'left',
    });
  });

  test('has its wish read behind the moment at which it was written', () => {
    const look = watched();
    expect(look(ELSEWHERE, [peer(1, 'north'), SOUTH], [])).toEqual({ step: 'leaving' });
    expect(look(ELSEWHERE)).toEqual({ step: 'leaving' });
  });
});

/** Looks at one state of the table after the other. */
function watched() {
  const stepIn = followDrain('north');
  return (homes: HomePlace[], peers: Peer[] = [NORTH, SOUTH], drains: string[] = ['north']) =>
    stepIn({ shape: { format: 1, homes: homes.length, replicas: 1 }, peers, homes, drains, pins: new Map() });
}

function peer(number: number, node: string, isLeaving = false): Peer {
  return { number, node, worker: 0, versions: { oldest: 1, newest: 2 }, addresses: [], isLeaving };
}

function place(home: number, owner: number, state: HomeState = 'open'): HomePlace {
  return { home, owner, epoch: 3, state };
}
