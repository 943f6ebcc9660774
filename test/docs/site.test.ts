import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../../bench/chromium.js';
import { accessibilityFaults } from '../fixtures/page-checks.js';
import { filesIn } from '../support/source-files.js';

describe('the site', () => {
  let site: string;

  beforeAll(() => {
    site = mkdtempSync(join(tmpdir(), 'c2m-site-'));
    const options = ['--config=website/eleventy.config.js', `--output=${site}`, '--quiet'];
    execFileSync('node_modules/.bin/eleventy', options);
  });

  afterAll(() => rmSync(site, { recursive: true, force: true }));

  /** Of pages, not of the reports that lie beside them. */
  const pages = () => filesIn(site, '.html').filter((file) => !file.endsWith('/report.html'));

  test('has every page of docs/, and the reports of its records', () => {
    const built = filesIn(site, '.html').map((file) => relative(site, file));
    const wanted = filesIn('docs', '.md').map((file) =>
      relative('docs', file)
        .replace(/README\.md$/, 'index.md')
        .replace(/\.md$/, '.html'),
    );
    expect(built).toEqual(expect.arrayContaining(wanted));
    expect(built).toEqual(
      expect.arrayContaining(['architecture.html', 'guide/records/quickstart/report.html']),
    );
  });

  test('has no link that leads nowhere', () => {
    const ids = new Map(
      pages().map((file) => [
        file,
        new Set([...readFileSync(file, 'utf8').matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
      ]),
    );
    const broken = pages().flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/ (?:href|src)="(?!https?:|mailto:)([^"]*)"/g)]
        .map(([, link = '']) => link)
        .filter((link) => {
          const [path = '', id] = decodeURIComponent(link).split('#');
          const there = path === '' ? file : normalize(join(dirname(file), path));
          const target = there.endsWith('/') ? join(there, 'index.html') : there;
          return !existsSync(target) || (id !== undefined && ids.has(target) && !ids.get(target)?.has(id));
        })
        .map((link) => `${relative(site, file)}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('is read at a desk and on a phone, by eye, keyboard and screen reader', async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      for (const width of [1440, 390])
        for (const path of ['guide/02-reading-the-report.html', 'cookbook/limit.html']) {
          await page.setViewportSize({ width, height: 900 });
          await page.goto(`file://${site}/${path}`);
          expect(await accessibilityFaults(page)).toEqual([]);
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
        }
    } finally {
      await browser.close();
    }
  });

  test('shows what stands between braces as it is', () => {
    expect(readFileSync(join(site, 'guide/05-your-websocket-server.html'), 'utf8')).toContain('{{payload}}');
  });
});
