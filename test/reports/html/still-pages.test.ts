import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import hdr from 'hdr-histogram-js';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../../../bench/chromium.js';
import { compareSets } from '../../../record/comparison/compare-sets.js';
import { capacityPage } from '../../../reports/html/capacity-page.js';
import { comparisonPage } from '../../../reports/html/comparison-page.js';
import { sideBySidePage } from '../../../reports/html/side-by-side-page.js';
import { capacityFixture } from '../../fixtures/capacity.js';
import { accessibilityFaults, colourFaults } from '../../fixtures/page-checks.js';
import { recordFixture } from '../../fixtures/record.js';
import { testFolder } from '../../support/folder.js';

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await launchBrowser();
  page = await browser.newPage();
});
afterAll(() => browser.close());

async function open(html: string, width: number): Promise<void> {
  const file = join(testFolder(), 'page.html');
  await writeFile(file, html);
  await page.emulateMedia({ media: null, colorScheme: null });
  await page.setViewportSize({ width, height: 900 });
  await page.goto(pathToFileURL(file).href);
}

let compared: string | undefined;

function comparison(): string {
  compared ??= comparisonOfTwo();
  return compared;
}

function comparisonOfTwo(): string {
  const latency = hdr.build({ lowestDiscernibleValue: 1, highestTrackableValue: 60_000_000 });
  for (let value = 400; value < 80_000; value += 97) latency.recordValue(value);
  const histograms = { connect: latency, accepted: latency, delivered: latency };
  const resting = (settings: object) =>
    recordFixture((each) => {
      each.scenario.resolved = { target: { settings } };
    }).record;
  const [record, other] = [resting({}), resting({ coalesceMs: 5 })];
  const outcome = compareSets({ name: 'before', runs: [record] }, { name: 'after', runs: [other] });
  return comparisonPage(outcome, { base: histograms, current: histograms });
}

function sideBySide(count: number, runs = 1): string {
  const { record } = recordFixture();
  const columns = Array.from({ length: count }, (_, index) => ({
    name: `server ${index}`,
    runs: Array.from({ length: runs }, () => record),
    reports: ['a/report.html'],
  }));
  return sideBySidePage('shoot-out', columns);
}

describe.each([
  ['a comparison', comparison],
  ['seven servers side by side', () => sideBySide(7)],
  ['a search for the capacity', () => capacityPage(capacityFixture())],
])('%s', (_, html) => {
  test.each([1440, 390])('is read by eye, keyboard and screen reader, %i pixels wide', async (width) => {
    await open(html(), width);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await colourFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  });

  test('is printed with nothing cut at the edge of the paper', async () => {
    await open(html(), 688);
    await page.emulateMedia({ media: 'print' });
    const cut = await page.evaluate(`[...document.querySelectorAll('.panel')].flatMap((panel) => {
      const edge = panel.getBoundingClientRect().right;
      return [...panel.querySelectorAll('table, svg, svg text')]
        .filter((element) => element.getBoundingClientRect().right > edge)
        .map((element) => panel.id + ': ' + element.textContent.slice(0, 40));
    })`);
    expect(cut).toEqual([]);
  });
});

describe('the curves of a comparison', () => {
  test('name every percentile in full, within the picture, at a desk and on a phone', async () => {
    for (const width of [1440, 390]) {
      await open(comparison(), width);
      const names = (await page.evaluate(`[...document.querySelectorAll('.curve')].map((curve) => {
        const { left, right } = curve.getBoundingClientRect();
        return [...curve.querySelectorAll('text')]
          .filter((text) => text.getBoundingClientRect().right <= right + 1 && text.getBoundingClientRect().left >= left - 1)
          .map((text) => text.textContent)
          .filter((name) => name.startsWith('p'));
      })`)) as string[][];
      expect(names.length).toBeGreaterThan(2);
      for (const each of names) expect(each).toEqual(['p0', 'p50', 'p90', 'p99', 'p99.9', 'p99.99']);
    }
  });

  test('have letters on a phone that are large enough to be read', async () => {
    await open(comparison(), 390);
    const heights = (await page.evaluate(
      `[...document.querySelectorAll('.curve text')].map((text) => text.getBoundingClientRect().height)`,
    )) as number[];
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(11);
  });

  test('stand on paper with their names', async () => {
    await open(comparison(), 688);
    await page.emulateMedia({ media: 'print' });
    const breaks = await page.evaluate(
      `[...document.querySelectorAll('.curve')].map((curve) => getComputedStyle(curve.closest('figure')).breakInside)`,
    );
    expect(new Set(breaks as string[])).toEqual(new Set(['avoid']));
  });
});

test('a comparison of many runs shows what was judged without being scrolled at a desk', async () => {
  const set = (name: string, first: number) => ({
    name,
    runs: Array.from({ length: 8 }, (_, index) => {
      return recordFixture((each) => {
        each.startedAt = new Date(Date.UTC(2026, 0, 1, 0, 2 * index + first)).toISOString();
        for (const latency of Object.values(each.latency))
          if (latency.count > 0) latency.p99 = 123.4 + 97 * index * (1 + first);
      }).record;
    }),
  });
  const outcome = compareSets(set('before', 0), set('after', 1));
  await open(comparisonPage(outcome, { base: {}, current: {} }), 1440);
  const [whole, seen] = (await page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.querySelector('#figures .scroll');
    return [scrollWidth, clientWidth];
  })()`)) as [number, number];
  expect(whole).toBeLessThanOrEqual(seen);
});

test('the level that holds is named within the picture, wherever the limit lies', async () => {
  const [search] = capacityFixture().searches;
  if (!search) throw new Error('there is no search');
  const trials = search.trials.filter(({ level }) => [500, 1000, 2000].includes(level));
  const holds = { level: 500, length: 'full', verdict: 'held' } as const;
  const breaks = { level: 2000, length: 'full', verdict: 'broke' } as const;
  const broken = trials.map((trial) =>
    trial.level === 2000 ? { ...trial, verdict: 'broke' as const } : trial,
  );
  await open(
    capacityPage(capacityFixture({ searches: [{ ...search, trials: broken, holds, breaks }] })),
    1440,
  );
  const outside = await page.evaluate(`[...document.querySelectorAll('.still.wide')].filter((chart) =>
    chart.querySelector('.zone-label').getBoundingClientRect().right > chart.getBoundingClientRect().right).length`);
  expect(outside).toBe(0);
});

test('a comparison says of a setting that one side does not have that it is not set, and says it once', () => {
  const words = 'another workload: target.settings.coalesceMs is not set, 5';
  const html = comparison().replace(/<title>.*?<\/title>/, '');
  expect(html.split(words)).toHaveLength(2);
});

describe('servers side by side', () => {
  test('are named beside each of their figures on a phone', async () => {
    await open(sideBySide(3), 390);
    const row = page.locator('tbody tr', { has: page.locator('th:text-is("messages lost")') });
    const names = await row
      .locator('td')
      .evaluateAll((cells) =>
        cells.map((cell) => (globalThis as never as Window).getComputedStyle(cell, '::before').content),
      );
    expect(names).toEqual(['"server 0"', '"server 1"', '"server 2"']);
  });

  test('tell of a median only where there were several runs', () => {
    expect(sideBySide(2)).toContain('One run of each');
    expect(sideBySide(2, 3)).toContain('Median, and the lowest and the highest');
  });
});
