import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { statusText } from '../../cli/cluster-status-text.js';
import { type ClusterLook, clusterTopData, clusterTopRows } from '../../cli/cluster-top-rows.js';
import { clusterStatus } from '../../lab/cluster/cluster-status.js';
import type { TableState } from '../../lab/cluster/cluster-table.js';
import type { OpenedHome, ServerStats } from '../../protocol/stats.js';
import type { HomePlace, Peer } from '../../server/cluster/membership.js';
import { statsFixture } from '../fixtures/stats.js';

const AS_MANY = { columns: 80, rows: Number.POSITIVE_INFINITY };

function peer(number: number, node: string, isLeaving = false): Peer {
  const addresses = [`tcp://10.0.0.${number}:4000`];
  return { number, node, worker: 0, versions: { oldest: 1, newest: 2 }, addresses, isLeaving };
}

function place(home: number, owner: number, change: Partial<HomePlace> = {}): HomePlace {
  return { home, owner, epoch: 3, state: 'open', ...change };
}

function table(change: Partial<TableState> = {}): TableState {
  return {
    shape: { format: 1, homes: 4, replicas: 3 },
    peers: [peer(1, 'north'), peer(2, 'south')],
    homes: [place(0, 1), place(1, 2), place(2, 1), place(3, 2)],
    drains: [],
    pins: new Map(),
    ...change,
  };
}

/** What a node says of itself so many seconds after its start; `behind` items stand in its longest queue. */
function node(name: string, second: number, behind: number, number: number): ServerStats {
  const opened: OpenedHome = {
    ...{ home: 2, epoch: 3, isHandedOn: false, tookMs: 1234, fenceMs: 10, snapshotMs: 1000, replayMs: 224 },
    ...{ records: 12, bytes: 3456, atMs: Date.UTC(2026, 2, 14, 9, 26, 53) },
  };
  const nothing = { count: 0, tookMs: 0 };
  return statsFixture(second, (stats) => {
    for (const sample of stats.samples) sample.queues = { 'mailbox-writes': behind };
    for (const worker of stats.workers) worker.atMs = stats.startedAtMs + second * 1000;
    stats.cluster = {
      ...{ name: 'c2m', node: name, peers: [], homes: [] },
      workers: [
        {
          ...{
            worker: 0,
            peer: number,
            homes: 2,
            turnsUnderWay: 3,
            logBytes: 12.5 * 2 ** 20,
            busBytes: 2048,
          },
          ...{ heldBytes: 0, repeatedBatches: 0, opened: [opened] },
          openings: { handedOn: nothing, takenOver: { count: 1, tookMs: 1234 } },
        },
      ],
    };
  });
}

function look(second: number, state = table(), without: string[] = []): ClusterLook {
  const all: [string, ServerStats][] = [
    ['north', node('north', second, 40, 1)],
    ['south', node('south', second, 400, 2)],
  ];
  return { name: 'c2m', state, stats: new Map(all.filter(([name]) => !without.includes(name))) };
}

function textOf(state: TableState, without: string[] = []): string[] {
  const [before, now] = [look(9, state, without), look(10, state, without)];
  return stripVTControlCharacters(statusText(clusterStatus('c2m', state, before.stats, now.stats))).split(
    '\n',
  );
}

describe('the status of a cluster', () => {
  test('has a line for each node, where clients come to it, and the worst queue of all', () => {
    expect(textOf(table())).toEqual([
      'cluster c2m   2 nodes   4 homes: all are open   3 replicas of each log',
      '',
      'node   homes  connections       longest queue  memory   CPU    c2m     bus',
      'north      2        5,000   mailbox-writes 40  96 MiB  85 %  0.1.0  1 to 2',
      '  peer 1; clients at tcp://10.0.0.1:4000',
      'south      2        5,000  mailbox-writes 400  96 MiB  85 %  0.1.0  1 to 2',
      '  peer 2; clients at tcp://10.0.0.2:4000',
      '',
      'furthest behind: mailbox-writes of south, 400 long, 200 ms',
      '',
    ]);
  });

  test('names homes that are not served, and what operators want', () => {
    const state = table({
      peers: [peer(1, 'north', true), peer(2, 'south'), peer(3, 'west')],
      homes: [
        place(0, 1, { state: 'moving', next: 2 }),
        place(1, 2, { state: 'opening' }),
        place(2, 9),
        place(3, 3),
      ],
      drains: ['gone', 'north'],
      pins: new Map([[3, 'west']]),
    });
    const text = textOf(state, ['west']);
    expect(text[0]).toBe(
      'cluster c2m   3 nodes   4 homes: 0 open, 1 moving, 1 opening, 1 without owner, 1 at nodes that do not answer or are cut off   3 replicas of each log',
    );
    expect(text).toContain('  ! it hands its homes over, and goes');
    expect(text).toContain('  ! it does not answer');
    expect(text.slice(-9)).toEqual([
      'home 0    moves from north to south',
      'home 1    south opens it',
      'home 2    nobody has it',
      'home 3    west has it, and does not answer or is cut off',
      '',
      'drain     gone, which is not there: started again it would leave at once',
      'drain     north',
      'home 3    is wanted at west',
      '',
    ]);
    expect(clusterStatus('c2m', state, new Map(), new Map()).isServed).toBe(false);
  });

  test('believes a node that says it is cut off rather than the table', () => {
    const stats = new Map([['north', node('north', 10, 0, 0)]]);
    const state = table({ peers: [peer(1, 'north')], homes: [place(0, 1)] });
    const status = clusterStatus('c2m', state, stats, stats);
    expect(status).toMatchObject({ isServed: false, homes: { open: 0, silent: 1 } });
    expect(statusText(status)).toContain('it is cut off from the cluster');
  });

  test('of a cluster without nodes says that none is there', () => {
    expect(textOf(table({ peers: [] }))).toContain('no node is there');
  });
});

describe('the live view of a cluster', () => {
  const rowsOf = (before: ClusterLook, now: ClusterLook, room = AS_MANY): string[] =>
    clusterTopRows(before, now, room).map(stripVTControlCharacters);
  const HEAD = 'node                  open  homes    messages  turns log behind        bus';

  test('has two lines for each node, that which is furthest behind first, and none wider than 80', () => {
    const rows = rowsOf(look(9), look(10));
    expect(rows).toEqual([
      'cluster c2m   2 nodes   4 homes: all are open   accepted 2,000/s',
      'delivered 2,000/s   refused 0/s',
      '',
      HEAD,
      'south                5,000      2     1,000/s      3   12.5 MiB      2 KiB',
      '  mailbox-writes 400, 200 ms behind   home 2 taken over in 1.23 s, 10 s ago',
      'north                5,000      2     1,000/s      3   12.5 MiB      2 KiB',
      '  mailbox-writes 40, 20 ms behind   home 2 taken over in 1.23 s, 10 s ago',
    ]);
  });

  test('has whoever does not answer before all others', () => {
    const rows = rowsOf(look(9), look(10, table(), ['north']));
    expect(rows.slice(rows.indexOf(HEAD)).slice(0, 3)).toEqual([
      HEAD,
      'north                    –      2           –      –          –          –',
      '  it does not answer',
    ]);
  });

  test('of a low terminal shows as many nodes as fit, and says how many do not', () => {
    const rows = rowsOf(look(9), look(10), { columns: 80, rows: 8 });
    expect(rows).toHaveLength(7);
    expect(rows.at(-1)).toBe('and 1 node more');
  });

  test('is for programs the status, with what each node says', () => {
    expect(clusterTopData(look(9), look(10))).toMatchObject({
      schema: 'c2m.cluster/1',
      isServed: true,
      stats: { north: { schema: 'c2m.stats/1' }, south: { cluster: { node: 'south' } } },
    });
  });
});
