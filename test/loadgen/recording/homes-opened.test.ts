import { describe, expect, test } from 'vitest';
import { HomesOpened } from '../../../loadgen/recording/homes-opened.js';
import type { OpenedHome, ServerStats } from '../../../protocol/stats.js';

const START_MS = 1_000_000;

/** What a node tells of the homes that it has opened, with what a test is about. */
function told(...opened: Partial<OpenedHome>[]): Pick<ServerStats, 'cluster'> {
  const homes = opened.map((home) => ({ home: 1, epoch: 2, isHandedOn: false, tookMs: 100, ...home }));
  return { cluster: { workers: [{ opened: homes }] } } as unknown as ServerStats;
}

const at = (seconds: number) => ({ atMs: START_MS + 1000 * seconds });

describe('homes of a cluster that go to another node', () => {
  test('are marks: those that came at about the same time and in the same way are one', () => {
    const homes = new HomesOpened();
    homes.add(
      'node-2',
      told(
        { home: 1, ...at(10), tookMs: 500 },
        { home: 2, ...at(10.9), tookMs: 800 },
        { home: 3, ...at(10.2), isHandedOn: true },
        { home: 4, ...at(14) },
      ),
    );
    homes.add(
      'node-3',
      told({ home: 5, ...at(10.3), isHandedOn: true }, { home: 6, ...at(10.4), isHandedOn: true }),
    );
    expect(homes.marks(START_MS)).toEqual([
      { atSeconds: 10, label: 'node-2 took over 2 homes in 1.4 s', isOfCluster: true },
      { atSeconds: 10.2, label: '1 home moved to node-2', isOfCluster: true },
      { atSeconds: 10.3, label: '2 homes moved to node-3', isOfCluster: true },
      { atSeconds: 14, label: 'node-2 took over 1 home in 0.1 s', isOfCluster: true },
    ]);
  });

  test('are counted, all together and by node, with the longest takeover', () => {
    const homes = new HomesOpened();
    homes.add('node-1', told({ home: 1, ...at(5), tookMs: 700 }, { home: 2, ...at(6), tookMs: 900 }));
    homes.add('node-2', told({ home: 3, ...at(7), tookMs: 5000, isHandedOn: true }));
    expect(homes.summary(START_MS)).toEqual({ takeovers: 2, moves: 1, takeover: { max: 900 } });
    expect([...homes.byNode(START_MS)]).toEqual([
      ['node-1', { takenOver: 2, movedIn: 0 }],
      ['node-2', { takenOver: 0, movedIn: 1 }],
    ]);
  });

  test('are told of once, however often the node tells', () => {
    const homes = new HomesOpened();
    for (const _ of [1, 2]) homes.add('node-1', told({ ...at(5) }));
    homes.add('node-1', told({ ...at(5) }, { epoch: 3, ...at(9) }));
    expect(homes.summary(START_MS).takeovers).toBe(2);
  });

  test('are none where the cluster has only just come into being, before the run or in it', () => {
    const homes = new HomesOpened();
    homes.add('node-1', told({ epoch: 1, ...at(1) }, { home: 2, ...at(-1) }));
    homes.add('node-2', { cluster: null } as ServerStats);
    expect(homes.marks(START_MS)).toEqual([]);
    expect(homes.summary(START_MS)).toEqual({ takeovers: 0, moves: 0, takeover: { max: null } });
  });
});
