import { describe, expect, test } from 'vitest';
import { canBeRedrawn, type Room, redrawnScreen } from '../../cli/redrawn-screen.js';
import { earlierRows, testTerminal } from '../support/terminal.js';

/** As many rows as asked for, each another one, and other ones in each frame. */
function numbered(count: number, name: string): string[] {
  return Array.from({ length: count }, (_, index) => `${name} ${index + 1}`);
}

describe('a screen that is redrawn, at the bottom of a terminal of 80x24', () => {
  test('shows each row once after a frame that grows, one that shrinks and one that stays', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    for (const [count, name] of [
      [3, 'first'],
      [9, 'grown'],
      [9, 'same'],
      [4, 'shrunk'],
      [0, 'gone'],
      [12, 'again'],
    ] as const) {
      screen.draw(() => numbered(count, name));

      const frame = count === 0 ? [] : ['', ...numbered(count, name)];
      expect(await terminal.rows()).toEqual([...earlier, ...frame]);
    }
  });

  test('is taken away without a trace, and what is printed next stands in its place', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(12, 'row'));

    expect(await terminal.isCursorVisible()).toBe(false);
    screen.clear();
    screen.clear();
    terminal.print('PASSED\n$ \n');

    expect(await terminal.rows()).toEqual([...earlier, 'PASSED', '$']);
    expect(await terminal.isCursorVisible()).toBe(true);
  });

  test('leaves its last frame where it is when asked to, and what is printed next stands beneath it', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(12, 'row'));

    screen.leave(() => numbered(5, 'last'));
    terminal.print('$ \n');

    expect(await terminal.rows()).toEqual([...earlier, '', ...numbered(5, 'last'), '$']);
    expect(await terminal.isCursorVisible()).toBe(true);
  });

  test('cuts lines that are too wide, in colour and of wide characters too', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    const draw = (): void =>
      screen.draw(() => [
        'x'.repeat(80),
        'y'.repeat(81),
        `\u001b[31m${'z'.repeat(200)}\u001b[39m`,
        '漢'.repeat(60),
        'last',
      ]);
    draw();
    draw();

    expect(await terminal.rows()).toEqual([
      ...earlier,
      '',
      'x'.repeat(80),
      `${'y'.repeat(79)}…`,
      `${'z'.repeat(79)}…`,
      `${'漢'.repeat(39)}…`,
      'last',
    ]);
  });

  test('holds where the terminal thinks a character wider than we do', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    // One character to us; this emulator shows the family as people side by side.
    const families = '👨‍👩‍👧‍👦'.repeat(38);
    screen.draw(() => [families, 'last 1']);
    screen.draw(() => [families, 'last 2']);

    const rows = await terminal.rows();
    expect(rows).toHaveLength(earlier.length + 3);
    expect(rows.at(-1)).toBe('last 2');
  });
});

describe('what somebody else writes between two frames', () => {
  test('stays, and the frame goes on beneath it, each row once', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(8, 'first'));
    terminal.print('(node:7) a warning\n');
    screen.draw(() => numbered(10, 'second'));
    terminal.print('another\n');
    screen.draw(() => numbered(8, 'third'));

    const foreign = ['(node:7) a warning', 'another'];
    expect(await terminal.rows()).toEqual([...earlier, ...foreign, '', ...numbered(8, 'third')]);
    screen.clear();
    expect(await terminal.rows()).toEqual([...earlier, ...foreign]);
  });

  test('is not lost where it is longer than the frame', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(8, 'row'));
    const stack = numbered(20, 'Error: a process has died, and this is where, in words longer than a row:');
    terminal.print(`${stack.join('\n')}\n`);
    screen.draw(() => numbered(8, 'row'));

    expect(await terminal.rows()).toEqual([...earlier, ...stack, '', ...numbered(8, 'row')]);
  });

  test('leaves no trace where it was no more than the ^C of the terminal', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(3, 'row'));
    terminal.print('^C');
    screen.draw(() => numbered(3, 'row'));

    expect(await terminal.rows()).toEqual([...earlier, '', ...numbered(3, 'row')]);
  });
});

describe('a terminal of another size', () => {
  test('that is lower than the frame shows its beginning, each row once, and keeps what was there before', async () => {
    const terminal = testTerminal({ rows: 10 });
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    for (const name of ['first', 'second', 'third']) screen.draw(() => numbered(14, name));

    expect(await terminal.rows()).toEqual([...earlier, '', ...numbered(8, 'third')]);
    screen.clear();
    expect(await terminal.rows()).toEqual(earlier);
  });

  test.each([
    [1, 80],
    [2, 80],
    [24, 1],
  ])('of %i rows and %i columns does no harm', async (rows, columns) => {
    const terminal = testTerminal({ rows, columns });
    const screen = redrawnScreen(terminal.stream);
    screen.draw(() => numbered(3, 'row'));
    screen.draw(() => numbered(3, 'row'));
    screen.clear();

    expect(await terminal.rows()).toEqual([]);
  });

  test.each([
    ['narrower', 50, 24],
    ['wider', 120, 24],
    ['lower', 80, 12],
    ['higher', 80, 40],
    ['smaller both ways', 30, 9],
  ])('that gets %s is drawn anew at once, each row once', async (_, columns, rows) => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    const frame = (room: Room): string[] => [`${room.columns}x${room.rows}`, ...numbered(12, 'row')];
    screen.draw(frame);
    await terminal.resize(columns, rows);

    const after = ['', `${Math.min(80, columns)}x${rows - 2}`, ...numbered(12, 'row')];
    expect(await terminal.rows()).toEqual([...earlier, ...after.slice(0, rows - 1)]);
    screen.clear();
    expect(await terminal.rows()).toEqual(earlier);
  });

  test('that is torn to and fro between 80 columns and many shows each row once', async () => {
    const terminal = testTerminal({ columns: 200 });
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    const full = (room: Room): string[] => numbered(12, 'row').map((row) => row.padEnd(room.columns, '.'));
    screen.draw(full);
    for (const columns of [100, 160, 80, 81, 300, 80]) {
      await terminal.resize(columns, 24);

      expect(await terminal.rows()).toEqual([...earlier, '', ...full({ columns: 80, rows: 12 })]);
    }
    screen.clear();
    expect(await terminal.rows()).toEqual(earlier);
  });

  test('that gets so narrow that rows break keeps what was there before, and shows the frame whole', async () => {
    const terminal = testTerminal();
    const earlier = earlierRows(terminal);
    const screen = redrawnScreen(terminal.stream);
    const full = (room: Room): string[] => numbered(5, 'row').map((row) => row.padEnd(room.columns, '.'));
    screen.draw(full);
    await terminal.resize(45, 24);

    // Between them this emulator may leave rows of the frame that it has broken.
    const rows = await terminal.rows();
    expect(rows.slice(0, earlier.length)).toEqual(earlier);
    expect(rows.slice(-6)).toEqual(['', ...full({ columns: 45, rows: 22 })]);
    screen.clear();
    expect((await terminal.rows()).slice(0, earlier.length)).toEqual(earlier);
  });

  test('whose size nobody knows is taken for one of 80x24', async () => {
    const terminal = testTerminal();
    Object.assign(terminal.stream, { columns: 0, rows: 0 });
    const screen = redrawnScreen(terminal.stream);
    screen.draw(({ columns, rows }) => [`${columns} x ${rows}`]);

    expect(await terminal.rows()).toEqual(['', '80 x 22']);
    screen.clear();
  });
});

test('a terminal that cannot move its cursor, and what is no terminal, is not redrawn', () => {
  const { stream } = testTerminal();
  expect(canBeRedrawn(stream)).toBe(true);
  expect(canBeRedrawn(Object.assign(stream, { isTTY: false }))).toBe(false);
});
