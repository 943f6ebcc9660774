import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listShippedScenarios } from '../../scenarios/shipped.js';
import { LanguageServer } from '../support/language-server.js';

let server: LanguageServer;
beforeAll(async () => {
  server = await LanguageServer.start();
}, 30_000);
afterAll(() => server.close());

/** A scenario beside those that ship, that names their schema by the same line. */
const written = (phases: string): string => `# yaml-language-server: $schema=./scenario.schema.json
name: mine
target: embedded
clients: { count: 10 }
phases:
${phases}`;

const open = (name: string, phases: string) => server.open(join('scenarios', name), written(phases));

describe('an editor that knows the line at the top of a scenario', () => {
  test('underlines nothing in what ships', async () => {
    for (const { path, name } of await listShippedScenarios()) {
      const file = server.open(path, await readFile(path, 'utf8'));
      expect(await file.diagnostics(), name).toEqual([]);
    }
  }, 60_000);

  test('offers the keys of a phase, while one is typed', async () => {
    const file = open('typed.yaml', '  - name: talk\n    dur\n');
    expect(await file.completionBehind('    dur')).toContain('duration');
    const empty = open('empty.yaml', '  - name: talk\n    ');
    const offered = await empty.completionBehind('  - name: talk\n    ');
    expect(offered).toEqual(expect.arrayContaining(['duration', 'rate', 'away', 'churn', 'cut']));
    expect(offered).not.toContain('connectRate');
    expect(offered).not.toContain('name');
  });

  test('says what a key of a phase means, as docs/scenario.md does', async () => {
    const file = open('hovered.yaml', '  - name: talk\n    duration: 2s\n    rate: 100/s\n');
    expect(await file.hoverOn('rate: 100')).toContain('Messages that fall due a second, all agents together');
    expect(await file.hoverOn('duration')).toContain('How long it lasts. It must be at least 100ms.');
  });

  test('underlines a key that no phase has, and a value that is no duration, where they stand', async () => {
    const key = await open('key.yaml', '  - name: talk\n    duration: 2s\n    rtae: 100/s\n').diagnostics();
    expect(key.map(({ message, range }) => [message, range.start])).toEqual([
      ['Property rtae is not allowed.', { line: 7, character: 4 }],
    ]);
    const value = await open('value.yaml', '  - name: talk\n    duration: 2 fortnights\n').diagnostics();
    expect(value.map(({ message, range }) => [message, range.start.line])).toEqual([
      [expect.stringContaining('This is not a duration; write a number and a unit'), 6],
    ]);
  });
});
