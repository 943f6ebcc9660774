import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser } from '../../bench/chromium.js';
import { scalabilityOf } from '../../lab/capacity/scalability-of.js';
import { capacityPage } from '../../reports/html/capacity-page.js';
import { capacityFixture, searchFixture } from '../fixtures/capacity.js';
import { testFolder } from '../support/folder.js';

let browser: Browser;
let page: Page;
/** What the page said on the console, errors that it did not catch included. */
const said: string[] = [];
const requested: string[] = [];
beforeAll(async () => {
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  page.on('request', (request) => requested.push(request.url()));
});
afterAll(() => browser.close());

const overWorkers = [1, 2, 3, 4, 6, 8].map((workers) =>
  searchFixture({
    workers,
    conclusion: `chat with ${workers} workers holds something`,
    holds: { level: 1900 * workers ** 0.7, length: 'full', verdict: 'held' },
  }),
);

it.each([
  ['one search', capacityFixture()],
  [
    'a search over the workers',
    capacityFixture({ searches: overWorkers, scalability: scalabilityOf(overWorkers) }),
  ],
])(
  'the page of %s asks for nothing, complains of nothing, and fits a desk and a phone',
  async (_, capacity) => {
    const file = join(testFolder(), 'capacity.html');
    await writeFile(file, capacityPage(capacity));
    const { href } = pathToFileURL(file);
    for (const width of [1440, 390]) {
      said.length = 0;
      requested.length = 0;
      await page.setViewportSize({ width, height: 900 });
      await page.goto(href);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      expect(await page.locator('svg[role=img]').count()).toBeGreaterThanOrEqual(2);
      expect(said).toEqual([]);
      expect(requested.filter((url) => !url.startsWith('data:'))).toEqual([href]);
    }
  },
);
