import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { topView } from '../../cli/top-view.js';
import type { ServerStats } from '../../protocol/stats.js';
import { queueFixture, statsFixture, workerFixture } from '../fixtures/stats.js';
import { earlierRows, testTerminal } from '../support/terminal.js';

const ROWS = [
  '',
  'c2m 0.1.0, up 0 min   5,000 connections   12 items in memory   handlers 1',
  'no restart',
  'logins 0/s   accepted 1,000/s   delivered 1,000/s   acknowledged 1,000/s',
  'refused 0/s',
  '',
  'queue                   length    behind          in         out   highest',
  'mailbox-writes              40     20 ms     1,000/s     1,000/s        80',
  'outbound                     7    3.5 ms     1,000/s     1,000/s         7',
  'logins                       0      0 ms         0/s         0/s       100',
  '',
  'worker 0  pid 4000        2,500 open  60 % of a core    48 MiB lag p99 1.23 ms',
  'worker 1  pid 4001        2,500 open  25 % of a core    48 MiB lag p99 1.23 ms',
];
const HINT = 'Ctrl-C ends';

/** A server with 40 queues, all of them alerting, and 30 workers, whose every figure is long. */
function largeServer(second: number): ServerStats {
  return statsFixture(second, (stats) => {
    const names = Array.from({ length: 40 }, (_, index) => `mailbox-writes#${index + 10}`);
    stats.queues = Object.fromEntries(names.map((name) => [name, queueFixture(second * 1e6, 9_999_999)]));
    stats.alerts = names.map((queue) => ({ queue, raisedAtMs: 1, clearedAtMs: null, threshold: 1, peak: 2 }));
    stats.workers = Array.from({ length: 30 }, (_, worker) => ({
      ...workerFixture(worker, second, 1),
      pid: 4_194_304,
      connections: 1_000_000,
      eventLoopLagP99Ms: 12.34,
    }));
    stats.connections = 30_000_000;
    stats.store = { kind: 'lmdb', items: 12_345_678, diskBytes: 1.5 * 2 ** 40, commits: 0, commitMs: 0 };
    stats.restarts = [{ worker: 1, atMs: 1, reason: 'SIGKILL' }];
  });
}

describe('the view of a server, at the bottom of a terminal of 80x24', () => {
  test('shows each row once, look after look, and the last look stays when it ends', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal, '$ c2m top');
    const view = topView(terminal.stream, {});
    for (const second of [2, 3, 4]) {
      view.show(statsFixture(second - 1), statsFixture(second));
      expect(await terminal.rows()).toEqual([...earlier, ...ROWS, HINT]);
    }

    expect(await terminal.isCursorVisible()).toBe(false);
    view.end();
    terminal.print('$ \n');
    expect(await terminal.rows()).toEqual([...earlier, ...ROWS, '$']);
    expect(await terminal.isCursorVisible()).toBe(true);
  });

  test('shows each row once where queues and workers come and go', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const view = topView(terminal.stream, {});
    const alone = (second: number): ServerStats =>
      statsFixture(second, (stats) => {
        stats.queues = {};
        stats.workers = stats.workers.slice(0, 1);
      });
    view.show(alone(1), alone(2));
    view.show(statsFixture(2), statsFixture(3));
    expect(await terminal.rows()).toEqual([...earlier, ...ROWS, HINT]);
    view.show(alone(3), alone(4));

    expect(await terminal.rows()).toEqual([...earlier, ...ROWS.toSpliced(7, 3).slice(0, 9), HINT]);
    view.end();
  });

  test('shows of a large server what is furthest behind and who is busiest, and cuts no figure off', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const view = topView(terminal.stream, {});
    view.show(largeServer(1), largeServer(2));

    const shown = (await terminal.rows()).slice(earlier.length);
    expect(shown).toHaveLength(23);
    expect(shown.slice(0, 8)).toEqual([
      '',
      'c2m 0.1.0, up 0 min   30,000,000 connections   12,345,678 items in lmdb, 1.5 TiB',
      'handlers 1   1 restart',
      ...ROWS.slice(3, 7),
      'mailbox-writes#10            0      0 ms 1,000,000/s 1,000,000/s 9,999,999 ALERT',
    ]);
    expect(shown.slice(-3)).toEqual([
      'worker 4  pid 4194304 1,000,000 open 100 % of a core    48 MiB lag p99 12.3 ms',
      'and 25 less busy ones',
      HINT,
    ]);
    expect(shown.filter((row) => row.includes('…'))).toEqual([]);
    view.end();
  });
});

describe('the view of a server on a terminal of another size', () => {
  test('that is ten rows high shows what is furthest behind, each row once', async () => {
    const terminal = testTerminal({ rows: 10 });
    const earlier = earlierRows(terminal);
    const view = topView(terminal.stream, {});
    for (const second of [2, 3]) view.show(statsFixture(second - 1), statsFixture(second));

    expect(await terminal.rows()).toEqual([...earlier, ...ROWS.slice(0, 8), HINT]);
    view.end();
  });

  test('that changes in the middle is drawn anew at once', async () => {
    const terminal = testTerminal({ columns: 132, rows: 40 });
    const earlier = earlierRows(terminal);
    const view = topView(terminal.stream, {});
    view.show(statsFixture(1), statsFixture(2));
    await terminal.resize(80, 24);

    expect(await terminal.rows()).toEqual([...earlier, ...ROWS, HINT]);
    view.end();
  });
});

/** A stream that is no terminal of the emulator's; what was written to it, without colours. */
function recorder(stream: { isTTY: boolean; columns?: number; rows?: number }) {
  const written: string[] = [];
  const write = (text: string): number => written.push(stripVTControlCharacters(text));
  return { stream: { ...stream, write } as unknown as NodeJS.WriteStream, written };
}

test('a look that is asked for once is printed whole, as far as it reaches', () => {
  const { stream, written } = recorder({ isTTY: true, columns: 80, rows: 10 });
  topView(stream, { once: true }).show(statsFixture(1), statsFixture(2));

  expect(written).toEqual([`${ROWS.slice(1).join('\n')}\n\n`]);
});

test('in a pipe each look is a table with lines as long as they like, and JSON is a line', () => {
  const { stream, written } = recorder({ isTTY: false });
  topView(stream, {}).show(statsFixture(1), statsFixture(2));
  topView(stream, { json: true }).show(statsFixture(1), statsFixture(2));

  expect(written[0]).toContain('handlers 1   no restart\nlogins 0/s');
  expect(JSON.parse(written[1] ?? '')).toEqual(statsFixture(2));
});
