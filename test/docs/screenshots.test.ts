import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { filesIn } from '../support/source-files.js';

const FOLDER = 'docs/screenshots';
const PICTURES = filesIn(FOLDER, '.webp');
const page = readFileSync('docs/screenshots.md', 'utf8');
const shown = [...page.matchAll(/!\[[^\]]+\]\(screenshots\/([^)]+)\)/g)].map(([, name = '']) => name);

test('every page is there at a desk, on a phone and on paper, in that order', () => {
  const names = [...new Set(shown.map((name) => name.replace(/-(desk|phone|print)\.webp$/, '')))];
  expect(names.length).toBeGreaterThanOrEqual(10);
  expect(shown).toEqual(
    names.flatMap((name) => ['desk', 'phone', 'print'].map((medium) => `${name}-${medium}.webp`)),
  );
  expect(shown.filter((name) => !existsSync(join(FOLDER, name)))).toEqual([]);
});

test('no picture lies there that the page does not show', () => {
  expect(PICTURES.map((file) => basename(file)).filter((name) => !shown.includes(name))).toEqual([]);
});

test('each is loaded in a moment: 150 KB at most, and 3 MB all together', () => {
  const sizes = PICTURES.map((file) => statSync(file).size);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(150_000);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(3_000_000);
});

test('those at a desk are 1440 pixels wide', async () => {
  for (const file of PICTURES.filter((name) => name.endsWith('-desk.webp')))
    expect((await sharp(file).metadata()).width, file).toBe(1440);
});
