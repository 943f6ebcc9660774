import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../../bench/chromium.js';
import { type RunRecord, runRecordSchema } from '../../record/run.js';
import { type RunningCommand, startC2m } from '../cli/c2m.js';
import { accessibilityFaults, sectionTexts, tabStops } from '../fixtures/page-checks.js';
import { testFolder } from '../support/folder.js';

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** A run with a page, until somebody stops it. */
function watchedRun(folder: string, ...more: string[]): RunningCommand {
  return startC2m(
    ...['run', '--ui', 'ci-smoke', '--out', folder, '--set', 'clients.count=20'],
    ...[
      '--set',
      'target.embedded.workers=1',
      '--set',
      'gates=["messages.lost == 0", "connections.peak >= 20"]',
    ],
    ...['--set', 'phases=[{name: talk, duration: 5m, rate: 20/s}]', ...more],
  );
}

async function addressOf(run: RunningCommand): Promise<string> {
  return (await run.said(/Live page {2}(http:\S+)/))[1] as string;
}

interface OpenPage {
  page: Page;
  /** What the page said on the console, errors that it did not catch included. */
  said: string[];
}

async function open(address: string, width = 1280): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  const page = await context.newPage();
  const said: string[] = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`error: ${error.message}`));
  await page.goto(address);
  await page.waitForSelector('#live');
  return { page, said };
}

describe('c2m run --ui', { timeout: 120_000 }, () => {
  test('grows while the run goes on, takes a rate and a stop, and ends as the report', async () => {
    const folder = join(testFolder(), 'watched');
    const run = watchedRun(folder);
    const { page, said } = await open(await addressOf(run));
    expect(page.url()).not.toContain('token');

    const took = page.locator('.facts div', { hasText: 'Took' }).locator('dd');
    await expect.poll(() => page.locator('.verdict').textContent()).toBe('Running');
    await expect.poll(() => page.locator('#chart-messages canvas').count()).toBe(1);
    const first = await took.textContent();
    await expect.poll(() => took.textContent()).not.toBe(first);
    expect(await page.locator('[aria-current="step"]').textContent()).toContain('talk');
    expect(await page.locator('.gates li').first().textContent()).toContain('so far');

    // What the reader has done to the page stays.
    await page.locator('#scenario summary').click();
    await page.locator('#chart-messages .legend button', { hasText: 'due' }).click();
    await page.locator('#chart-latency .choices button', { hasText: 'connect' }).click();
    const before = await took.textContent();
    await expect.poll(() => took.textContent()).not.toBe(before);
    expect(await page.locator('#scenario details').getAttribute('open')).not.toBeNull();
    expect(
      await page.locator('#chart-messages .legend button', { hasText: 'due' }).getAttribute('aria-pressed'),
    ).toBe('false');

    await page.fill('#rate', 'fast');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('#answer').textContent()).toContain('"fast" is not a rate');
    await page.fill('#rate', '300/min');
    await page.click('#rate-form button');
    await expect
      .poll(() => page.locator('#answer').textContent())
      .toMatch(/^5\/s from [\d.]+ s of the run on/);
    await expect
      .poll(() => page.locator('#chart-connections .chart-notes').textContent())
      .toContain('rate 5/s');

    expect(await accessibilityFaults(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1280, height: 900 });

    // By keyboard alone, through the links of the head; the dialog has the focus while it is open, and gives it back.
    await page.locator('.mark').click();
    const stops = await tabStops(page, 13);
    expect(stops.filter(({ isSeen }) => !isSeen)).toEqual([]);
    const names = stops.map(({ name }) => name);
    expect(names.slice(names.indexOf('theme'), names.indexOf('theme') + 4)).toEqual([
      'theme',
      'rate',
      'Change the rate',
      'stop',
    ]);
    await page.focus('#stop');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('why');
    await page.keyboard.press('Escape');
    expect(await page.evaluate('document.activeElement.id')).toBe('stop');
    expect(await page.locator('#stop-dialog').isVisible()).toBe(false);

    await page.click('#stop');
    await page.fill('#why', 'seen enough');
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.click('#stop-dialog button[value="stop"]');
    const { status, stderr } = await run.ended;
    expect([status, stderr]).toEqual([130, '']);

    await expect.poll(() => page.locator('#live-title').textContent()).toBe('The run is over');
    expect(await page.locator('#answer').textContent()).toContain(`${folder}/report.html`);
    expect(await page.locator('#stop').count()).toBe(0);
    expect(await page.locator('.verdict').textContent()).toBe('Partial');
    const record: RunRecord = runRecordSchema.parse(
      JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')),
    );
    expect(record.verdict).toBe('partial');
    expect(record.rateChanges).toMatchObject([{ phase: 'talk', perSecond: 5 }]);
    expect(record.notes.join()).toMatch(/stopped on its page by \S+@\S+: seen enough/);

    const live = await sectionTexts(page);
    const drawn = await drawnCharts(page);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.setViewportSize({ width: 1280, height: 900 });
    expect(said.filter((words) => !words.includes('ERR_CONNECTION_REFUSED'))).toEqual([]);

    await page.goto(pathToFileURL(join(folder, 'report.html')).href);
    // The reader has chosen another latency and hidden a line; the legend of a chart is what is drawn.
    const report = await sectionTexts(page);
    expect(Object.keys(live)).toEqual(Object.keys(report));
    for (const [name, text] of Object.entries(report)) {
      if (name !== 'chart-latency') expect(live[name], name).toBe(text);
    }
    expect(drawn).toEqual(await drawnCharts(page));
  });
});

function drawnCharts(page: Page): Promise<string[]> {
  return page.evaluate(
    `[...document.querySelectorAll('canvas')].map((canvas) => canvas.closest('figure').id)`,
  );
}
