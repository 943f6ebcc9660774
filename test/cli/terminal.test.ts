import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { replay, startInTerminal } from '../support/pseudo-terminal.js';
import { startC2m } from './c2m.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'c2m-terminal-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A row of each kind that the view of a run has. */
const RUN_ROWS = [/━ .* s of about /, /^ {2}phase /, /^ {2}connections /, /^ {2}messages /, /^ {2}latency /];
const LOWER_RUN_ROWS = [/ accepted /, /^ {2}backlog /, /^ {2}load /, /^ {2}trouble /, /^ {2}Ctrl-C /];

function countOf(pattern: RegExp, rows: string[]): number {
  return rows.filter((row) => pattern.test(row)).length;
}

/** `c2m run quickstart` with few clients, for a time. */
function startRunInTerminal(duration: string) {
  const settings = [
    'clients.count=50',
    'clients.connectRate=100/s',
    `phases=[{name: talk, duration: ${duration}, rate: 100/s}]`,
    'gates=["messages.lost == 0"]',
    // A busy machine is none of its business.
    'generator.lagLimit=60s',
  ];
  return startInTerminal(
    'dist/cli/c2m.js',
    'run',
    'quickstart',
    '--out',
    join(folder, 'record'),
    ...settings.flatMap((setting) => ['--set', setting]),
  );
}

describe('in a terminal of 80x24, from its last row', () => {
  test('c2m run shows each row once in each frame, and its summary stands alone', async () => {
    const { status, output } = await startRunInTerminal('1500ms').ended;
    expect(status, output).toBe(0);
    const { frames, last, isCursorVisible, isEarlierIntact } = await replay(output);

    // Four a second, for two seconds at least, unless the machine is busy; the last one takes the view away.
    const views = frames.slice(0, -1);
    expect(views.length).toBeGreaterThan(4);
    const whole = views.findIndex((rows) => countOf(/^ {2}trouble /, rows) > 0);
    expect(whole).toBeGreaterThan(0);
    for (const [index, rows] of views.entries()) {
      const kinds = index < whole ? RUN_ROWS.slice(0, 2) : [...RUN_ROWS, ...LOWER_RUN_ROWS];
      expect(kinds.map((kind) => countOf(kind, rows))).toEqual(kinds.map(() => 1));
      expect(rows).toHaveLength(index < whole ? 6 : 13);
    }
    expect(views.at(-1)).toContainEqual('  trouble     none');
    expect(isEarlierIntact).toBe(true);
    expect(isCursorVisible).toBe(true);
    expect(last.slice(0, 2)).toEqual([
      '',
      expect.stringMatching(/^ *PASSED {3}record \(quickstart, 50 connections, /),
    ]);
    for (const kind of [...RUN_ROWS.slice(0, 4), ...LOWER_RUN_ROWS.slice(1)]) {
      expect(countOf(kind, last)).toBe(0);
    }
  });

  test('a second Ctrl-C leaves nothing of the view behind, and the cursor where it can be seen', async () => {
    const run = startRunInTerminal('60s');
    await run.said(/trouble/);
    run.type('\u0003');
    await run.said(/ending; Ctrl-C again/);
    run.type('\u0003');
    const { status, output } = await run.ended;
    expect(status, output).toBe(130);
    const { last, isCursorVisible, isEarlierIntact } = await replay(output);

    expect(last).toEqual([]);
    expect(isCursorVisible).toBe(true);
    expect(isEarlierIntact).toBe(true);
  });

  test('an error that nobody caught stands alone', async () => {
    const screen = JSON.stringify(join(process.cwd(), 'dist/cli/redrawn-screen.js'));
    const script = `
      import { redrawnScreen } from ${screen};
      redrawnScreen(process.stdout).draw(() => ['row 1', 'row 2', 'row 3']);
      throw new Error('nobody caught this');`;
    const { output } = await startInTerminal('--input-type=module', '-e', script).ended;
    const { frames, last, isCursorVisible, isEarlierIntact } = await replay(output);

    expect(frames[0]).toEqual(['', 'row 1', 'row 2', 'row 3']);
    expect(countOf(/nobody caught this/, last)).toBeGreaterThan(0);
    expect(countOf(/^row/, last)).toBe(0);
    expect(isCursorVisible).toBe(true);
    expect(isEarlierIntact).toBe(true);
  });

  test('c2m top shows each row once in each frame, and leaves its last table behind', async () => {
    const server = startC2m(
      'serve',
      '--store',
      'memory',
      '--listen',
      'tcp://127.0.0.1:0',
      '--admin',
      'http://127.0.0.1:0',
    );
    const [, url = ''] = await server.said(/admin +(http:\/\/[\d.:]+)/);
    const top = startInTerminal('dist/cli/c2m.js', 'top', url, '--interval', '0.25');
    await top.said(/(Ctrl-C ends.*){3}/s);
    top.type('\u0003');
    const { status, output } = await top.ended;
    server.kill('SIGTERM');
    await server.ended;
    expect(status, output).toBe(0);
    const { frames, last, isCursorVisible, isEarlierIntact } = await replay(output);

    const kinds = [/^c2m /, /^logins [\d,]+\/s/, /^queue /, /^mailbox-writes /, /^worker 0 /];
    for (const rows of [...frames, last]) {
      expect(kinds.map((kind) => countOf(kind, rows))).toEqual(kinds.map(() => 1));
    }
    expect(frames.slice(0, -2).map((rows) => rows.at(-1))).toEqual(frames.slice(2).map(() => 'Ctrl-C ends'));
    expect(countOf(/Ctrl-C/, last)).toBe(0);
    expect(isCursorVisible).toBe(true);
    expect(isEarlierIntact).toBe(true);
  });
});
