import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { planTarget } from '../../lab/target.js';
import { loadCells } from '../../scenarios/matrix.js';
import { filesIn } from '../support/source-files.js';

const SCENARIOS = filesIn('docs/cookbook', '.yaml');
const index = readFileSync('docs/cookbook/README.md', 'utf8');

test('there are twelve questions, each with its scenario', () => {
  expect(SCENARIOS).toHaveLength(12);
});

test.each(SCENARIOS)('%s is a scenario that would run, and has a page that shows how', async (file) => {
  for (const { loaded } of await loadCells(file)) await planTarget(loaded.scenario);
  const name = basename(file, '.yaml');
  const page = readFileSync(`docs/cookbook/${name}.md`, 'utf8');
  expect(page).toMatch(new RegExp(`c2m (run|ab) ${name}\\.yaml`));
  expect(page).toContain(`records/${name}`);
  expect(index).toContain(`](${name}.md) | [${name}.yaml](${name}.yaml)`);
});
