import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../../../bench/chromium.js';
import { writeReports } from '../../../reports/write.js';
import { PUBLISHED_RESULTS } from '../../../scenarios/published-results.js';
import { manyAgents, twoHosts, withHosts } from '../../fixtures/agents.js';
import { accessibilityFaults } from '../../fixtures/page-checks.js';
import {
  type RecordFixture,
  recordFixture,
  silentFixture,
  writeRecordFolder,
} from '../../fixtures/record.js';
import { labelsOf, overlaps, watchLabels } from '../../support/chart-labels.js';
import { printedShares } from '../../support/pdf-pages.js';

const CHARTS = [
  'connections',
  'failures',
  'messages',
  'latency',
  'distribution',
  'queues',
  'cpu',
  'memory',
  'generator-lag',
  'event-loop-lag',
];

const folders: string[] = [];
let browser: Browser;
let full: string;
/** Of a run with more than fits: short phases, actions on top of each other, thresholds close together. */
let crowded: string;
/** Of 300 agents on 20 hosts, one of which was cut off. */
let distributed: string;
/** Of few agents on two hosts, with a queue that fell behind. */
let small: string;

beforeAll(async () => {
  browser = await launchBrowser();
  full = await report(recordFixture());
  crowded = await report(crowdedFixture());
  distributed = await report(
    recordFixture((record) => {
      withHosts(record, manyAgents());
    }),
  );
  small = await report(
    recordFixture((record) => {
      withHosts(record, twoHosts());
      record.backlog.queues = [
        {
          name: 'writes',
          max: 900,
          p99: 90,
          threshold: 1000,
          alerts: 0,
          behindMs: 326,
          waitMs: 0,
          arrivedPerSecond: 900,
          servedPerSecond: 900,
        },
      ];
    }),
  );
});
afterAll(async () => {
  await browser.close();
  screens.clear();
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
});

function crowdedFixture(): RecordFixture {
  const fixture = recordFixture((record) => {
    record.phases = Array.from({ length: 20 }, (_, index) => ({
      name: `step-number-${index}`,
      startSeconds: 1.5 * index,
      endSeconds: 1.5 * (index + 1),
      latency: record.latency,
    }));
    record.marks = [10, 10.2, 10.4, 12, 12.1, 20, 28].map((atSeconds) => ({
      atSeconds,
      label: 'kill-worker 0',
    }));
    record.marks.push({ atSeconds: 21, label: 'node-2 took over 8 homes in 1.4 s', isOfCluster: true });
    record.backlog.alerts = [700, 720, 740, 2000].map((threshold, index) => ({
      queue: `a-queue-with-a-long-name-${index}`,
      startSeconds: 10 + index,
      endSeconds: 20,
      threshold,
      peak: 2640,
    }));
    record.reference = { name: 'whatsapp-2012', ...PUBLISHED_RESULTS['whatsapp-2012'] };
    record.backlog.queues.push({
      name: 'q'.repeat(80),
      max: 1e6,
      p99: 1,
      threshold: 1e9,
      alerts: 0,
      behindMs: 3,
    });
    record.connections.failures = { ['Reason'.repeat(20)]: 3 };
  });
  for (const sample of fixture.samples) {
    sample.phase = fixture.record.phases.find(({ endSeconds }) => sample.t <= endSeconds)?.name ?? 'drain';
  }
  return fixture;
}

async function report(fixture: RecordFixture): Promise<string> {
  const folder = await writeRecordFolder(fixture);
  folders.push(folder);
  await writeReports(folder, fixture.record);
  return join(folder, 'report.html');
}

const WIDE = { viewport: { width: 1280, height: 800 } };
const DARK = { ...WIDE, colorScheme: 'dark' } as const;
const SMALL = { viewport: { width: 700, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** As wide as what fits between the margins of a printed page. */
const PAPER = { viewport: { width: 688, height: 900 } };

interface OpenReport {
  page: Page;
  /** What the page said on the console, errors that it did not catch included. */
  said: string[];
  requested: string[];
}

interface Screen extends OpenReport {
  /** The file that it shows as it was loaded, if no test has changed it. */
  shows: string | undefined;
}

/** One page for each kind of screen: to make a page costs more than to load a report into it. */
const screens = new Map<BrowserContextOptions, Screen>();

async function screenOf(options: BrowserContextOptions): Promise<Screen> {
  const known = screens.get(options);
  if (known) return known;
  const context = await browser.newContext({ ...options, offline: true });
  const page = await context.newPage();
  const screen: Screen = { page, said: [], requested: [], shows: undefined };
  page.on('console', (message) => screen.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => screen.said.push(`error: ${error.message}`));
  page.on('request', (request) => screen.requested.push(request.url()));
  await watchLabels(page);
  screens.set(options, screen);
  return screen;
}

/** Loads a report, for a test that presses something in it, prints it or changes it. */
async function open(file: string, options: BrowserContextOptions = WIDE): Promise<OpenReport> {
  const screen = await screenOf(options);
  await load(screen, file);
  return screen;
}

/** The same for a test that only looks at it, as others have done before. */
async function look(file: string, options: BrowserContextOptions = WIDE): Promise<OpenReport> {
  const screen = await screenOf(options);
  if (screen.shows !== file) {
    await load(screen, file);
    screen.shows = file;
  }
  return screen;
}

async function load(screen: Screen, file: string): Promise<void> {
  screen.shows = undefined;
  screen.said = [];
  screen.requested = [];
  await screen.page.emulateMedia({ media: null });
  await screen.page.goto(pathToFileURL(file).href);
}

/** With all that is folded opened. */
async function lookUnfolded(file: string, options: BrowserContextOptions): Promise<Page> {
  const screen = await screenOf(options);
  const shows = `${file}, unfolded`;
  if (screen.shows !== shows) {
    await load(screen, file);
    await screen.page.evaluate(
      `document.querySelectorAll('#agents details').forEach((each) => { each.open = true; })`,
    );
    screen.shows = shows;
  }
  return screen.page;
}

/** For each chart, how many colours its canvas has; a canvas that nothing was drawn on has one. */
function coloursDrawn(page: Page): Promise<Record<string, number>> {
  return page.evaluate(`Object.fromEntries([...document.querySelectorAll('figure.chart canvas')].map((canvas) => {
    const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    return [canvas.closest('figure').id.replace('chart-', ''), new Set(pixels).size];
  }))`);
}

describe('report.html', () => {
  it.each([
    ['light', WIDE],
    ['dark', DARK],
  ])(
    'opens without a network, says nothing on the console and draws every chart in %s',
    async (colorScheme, options) => {
      const { page, said, requested } = await look(full, options);
      const colours = await coloursDrawn(page);
      expect(Object.keys(colours)).toEqual(CHARTS);
      for (const chart of CHARTS) expect(colours[chart], chart).toBeGreaterThan(8);
      expect(said).toEqual([]);
      expect(requested.filter((url) => !url.startsWith('data:'))).toEqual([pathToFileURL(full).href]);
      const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(background).toBe(colorScheme === 'light' ? 'rgb(244, 245, 247)' : 'rgb(14, 18, 23)');
    },
  );

  it('shows the verdict, every gate with its value, and the key figures', async () => {
    const { page } = await look(full);
    expect(await page.locator('.verdict').textContent()).toBe('Passed');
    const gates = await page.locator('.gates li').allInnerTexts();
    expect(gates.map((gate) => gate.split(/\s*\n\s*/))).toContainEqual([
      'memory.bytesPerConnection.total < 16KiB',
      '14.2 KiB',
      'passed',
    ]);
    const tiles = await page.locator('.tile').allInnerTexts();
    expect(tiles).toHaveLength(8);
    expect(tiles.join('\n')).toContain('4,997');
  });

  it('answers what broke first on its first screen, wide or on a phone', async () => {
    for (const options of [WIDE, PHONE]) {
      const { page } = await look(full, options);
      const answer = page.locator('.first-break');
      expect(await answer.locator('p').textContent()).toBe(
        'First to leave its normal range: connects at 2 s, in the phase connect: 3 of 2,093 attempts failed (LoginTimeout 2, ECONNRESET 1).',
      );
      const box = await answer.boundingBox();
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(options.viewport.height);
    }
  });

  it('draws what failed on an axis of its own, not beside thousands of connections', async () => {
    const { page } = await look(full);
    const lines = await page.locator('#chart-failures .legend .label').allInnerTexts();
    expect(lines).toEqual(['connects failed', 'connections dropped']);
    expect(await page.locator('#chart-connections .legend').textContent()).not.toMatch(/failed|dropped/);
  });

  it('names the longest queue and its alert in words', async () => {
    const { page } = await look(full);
    const notes = await page.locator('#chart-queues .chart-notes').textContent();
    expect(notes).toContain('The longest queue was mailboxes, 2,640 at its peak (its threshold is 2,000).');
    expect(notes).toContain('mailboxes stood above 2,000 from 20.2 s to 22.9 s, 2,640 at its peak.');
  });

  it('draws the whole host beside the server and the agents, so that a full one is seen to be full', async () => {
    const { page } = await look(full);
    expect(await page.locator('#chart-cpu .legend .label').allInnerTexts()).toEqual([
      'server',
      'agents',
      'the host',
    ]);
  });

  it('has nothing to lay beside a run that names no result', async () => {
    const { page } = await look(full);
    expect(await page.locator('#scaling').count()).toBe(0);
  });

  it('says that nobody logged in, and ticks no gate that holds for that reason', async () => {
    const fixture = silentFixture();
    fixture.record.connections.peak = 0;
    fixture.record.gates = [{ expression: 'messages.lost == 0', value: 0, passed: true }];
    const { page } = await open(await report(fixture));
    expect(await page.locator('#chart-messages').textContent()).toContain(
      'No message was sent: nobody logged in.',
    );
    expect(await page.locator('.gates li').textContent()).toContain('says nothing: nobody logged in');
    expect(await page.locator('.gates .icon.good').count()).toBe(0);
  });

  it('carries the licence of the library that draws its charts', async () => {
    const html = await readFile(full, 'utf8');
    expect(html).toContain('Copyright (c) 2022 Leon Sorokin');
    expect(html).toContain('The above copyright notice and this permission notice shall be included');
  });

  it('heads a damaged record with that, and says what is missing', async () => {
    const fixture = recordFixture();
    const folder = await writeRecordFolder(fixture);
    folders.push(folder);
    await rm(join(folder, 'timeline.ndjson'));
    await writeReports(folder, fixture.record);
    const { page, said } = await open(join(folder, 'report.html'));
    expect(await page.locator('.verdict').textContent()).toBe('Damaged');
    expect(await page.locator('.claim').textContent()).toContain('timeline.ndjson is missing');
    expect(await page.locator('#chart-connections').textContent()).toContain('timeline.ndjson is missing');
    expect(said).toEqual([]);
  });

  it('fits a phone without scrolling sideways', async () => {
    const { page } = await look(full, PHONE);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const widths = (await page.evaluate(
      `[...document.querySelectorAll('canvas')].map((canvas) => canvas.getBoundingClientRect().right)`,
    )) as number[];
    for (const right of widths) expect(right).toBeLessThanOrEqual(390);
  });

  it.each([
    ['a phone', PHONE],
    ['a small screen', SMALL],
    ['a wide screen', WIDE],
  ])(
    'writes no two words of a chart on each other on %s, however much there is to tell',
    async (_, options) => {
      for (const file of [full, crowded]) {
        const { page } = await look(file, options);
        const labels = await labelsOf(page);
        expect(new Set(labels.map(({ chart }) => chart))).toEqual(new Set(CHARTS));
        expect(overlaps(labels)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width);
      }
    },
  );

  it('lays the run beside the published result that its scenario names, and says what bounded each phase', async () => {
    const { page } = await look(crowded);
    const [beside, stages] = await page.locator('#scaling table').all();
    const text = (await beside?.innerText()) ?? '';
    expect(text).toContain('2,277,845');
    expect(text).toMatch(/connections a core\s+2,499\s+94,910\s+2\.63 %/);
    const rows = await stages?.locator('tbody th').allInnerTexts();
    expect(rows).toEqual(crowdedFixture().record.phases.map(({ name }) => name));
  });

  it.each([
    ['light, wide', WIDE, () => [crowded, distributed, full]],
    ['dark, wide', DARK, () => [full]],
    ['light, on a phone', PHONE, () => [crowded]],
  ])('breaks no rule of accessibility, %s', async (_, options, files) => {
    for (const file of files()) {
      const { page } = await look(file, options);
      expect(await accessibilityFaults(page), file).toEqual([]);
    }
  });

  it('shows every cell of every table on a phone, without scrolling within one', async () => {
    for (const file of [crowded, distributed]) {
      const page = await lookUnfolded(file, PHONE);
      const cut = await page.evaluate(`[...document.querySelectorAll('.scroll, td, th, pre')]
        .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.textContent.slice(0, 60))`);
      expect(cut).toEqual([]);
    }
  });

  it.each([PHONE, SMALL, WIDE])(
    'keeps hosts and agents within a screen of $viewport.width pixels, opened or not',
    async (options) => {
      const page = await lookUnfolded(distributed, options);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(options.viewport.width);
    },
  );

  it('lets a keyboard scroll what was folded and is wider than its place', async () => {
    const page = await lookUnfolded(distributed, SMALL);
    const scrolled = `[...document.querySelectorAll('#agents details .scroll')]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)`;
    expect(await page.evaluate(`${scrolled}.length`)).toBeGreaterThan(10);
    // The browser tells of what was opened a moment later.
    await expect
      .poll(() => page.evaluate(`${scrolled}.filter(({ tabIndex }) => tabIndex !== 0).length`))
      .toBe(0);
  });

  it('shows each host and agent on a line of its own, lost ones first, folded where there are hundreds', async () => {
    const { page, said } = await open(distributed);
    const hosts = page.locator('#agents > .scroll tbody th');
    expect(await hosts.first().textContent()).toContain('host-07');
    expect(await hosts.nth(1).textContent()).toContain('host-12');
    expect(await hosts.count()).toBe(12);
    await page.locator('#agents summary', { hasText: /^8 more hosts$/ }).click();
    expect(await page.locator('#agents > details tbody th').count()).toBe(8);
    expect(await page.locator('#agents .hosts tbody tr').count()).toBe(300);
    expect(await page.locator('#agents .hosts tbody tr:visible').count()).toBe(0);
    await page.locator('#agents summary', { hasText: 'Agents on host-12' }).click();
    const shown = page.locator('#agents .hosts tbody tr:visible');
    expect(await shown.count()).toBe(15);
    expect(await shown.first().textContent()).toContain('187');
    expect(await page.locator('#chart-connections').textContent()).toContain(
      'agents 105 to 119 on host-07 lost at 20.1 s',
    );
    expect(said).toEqual([]);
  });

  it('shows few agents without a click, and of a run in one process nothing', async () => {
    const { page } = await look(small);
    expect(await page.locator('#agents .hosts tbody tr:visible').count()).toBe(6);
    expect(await page.locator('#agents .losses').textContent()).toContain('agent 4 on b was lost at 12.4 s');
    await look(full);
    expect(await page.locator('#agents').count()).toBe(0);
  });

  it('does not let an item wait 0 ms in a queue that fell behind: nobody has seen it wait', async () => {
    const { page } = await look(small);
    expect(await page.locator('#queues').textContent()).toContain('326 ms behind');
    expect(await page.locator('#queues').textContent()).not.toContain('0 ms on average');
    expect(await page.locator('#queues td[data-head="wait"]').innerText()).toBe('–');
  });

  it('turns dark and light again by its button, charts included', async () => {
    const { page } = await open(full);
    const corner = `[...document.querySelector('#chart-connections canvas').getContext('2d').getImageData(80, 60, 1, 1).data].join()`;
    const light = await page.evaluate(corner);
    await page.click('#theme');
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    const dark = await page.evaluate(corner);
    expect(dark).not.toBe(light);
    await page.click('#theme');
    expect(await page.evaluate(corner)).toBe(light);
  });

  it('tells the values under the cursor, in every chart at the same time', async () => {
    const { page } = await open(full);
    await page.locator('#chart-messages .u-over').hover({ position: { x: 400, y: 60 } });
    const tooltip = page.locator('#chart-messages .tooltip');
    expect(await tooltip.textContent()).toMatch(/^at \d+ s · talkdue[\d,]+\/ssent/);
    expect(await page.locator('#chart-connections .legend .value').first().textContent()).toBe('4,997');
    expect(await page.locator('#chart-connections .tooltip').isVisible()).toBe(false);
    await page.mouse.move(2, 2);
    expect(await tooltip.isVisible()).toBe(false);
    expect(await page.locator('#chart-connections .legend .value').first().textContent()).toBe('max 4,997');
  });

  it('zooms all charts over time by a drag, and out by a double click', async () => {
    const { page } = await open(full);
    const over = page.locator('#chart-messages .u-over');
    await over.scrollIntoViewIfNeeded();
    const box = await over.boundingBox();
    if (!box) throw new Error('the chart has no box');
    const before = await canvasOf(page, 'cpu');
    await page.mouse.move(box.x + 300, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 50, { steps: 4 });
    await page.mouse.up();
    await page.mouse.move(2, 2);
    expect(await canvasOf(page, 'cpu')).not.toBe(before);
    await over.dblclick({ position: { x: 100, y: 50 } });
    await page.mouse.move(2, 2);
    expect(await canvasOf(page, 'cpu')).toBe(before);
  });

  it('lets the reader choose which latency is drawn and hide a line', async () => {
    const { page, said } = await open(full);
    const before = await canvasOf(page, 'latency');
    await page.click('#chart-latency .choices button:has-text("connect")');
    const chosen = await canvasOf(page, 'latency');
    expect(chosen).not.toBe(before);
    await page.click('#chart-latency .legend button:has-text("max")');
    expect(await canvasOf(page, 'latency')).not.toBe(chosen);
    expect(said).toEqual([]);
  });

  it('is printed on white, with charts as wide as the paper', async () => {
    const { page, said } = await open(full, DARK);
    await page.evaluate(`addEventListener('beforeprint', () => {
      window.printed = {
        background: getComputedStyle(document.documentElement).getPropertyValue('--panel').trim(),
        width: document.querySelector('#chart-connections canvas').getBoundingClientRect().width,
      };
    })`);
    await page.pdf({ format: 'A4' });
    expect(await page.evaluate('window.printed')).toEqual({ background: '#ffffff', width: 660 });
    expect(said).toEqual([]);
  });

  it('leaves no printed page half white, but for the last', async () => {
    for (const file of [full, crowded]) {
      const { page } = await open(file);
      for (const format of ['A4', 'Letter']) {
        const shares = printedShares(await page.pdf({ format }));
        expect(shares.length).toBeGreaterThan(3);
        for (const share of shares.slice(0, -1)) expect(share, `${format}: ${shares}`).toBeGreaterThan(0.5);
      }
    }
  });

  it('is printed with labels no larger than what they label', async () => {
    const { page } = await open(full, PAPER);
    await page.emulateMedia({ media: 'print' });
    const sizes =
      (await page.evaluate(`Object.fromEntries(['.facts dt', '.facts dd', '.grid dt', '.grid dd', '.tile h2', 'footer']
      .map((place) => [place, parseFloat(getComputedStyle(document.querySelector(place)).fontSize)]))`)) as Record<
        string,
        number
      >;
    for (const [place, size] of Object.entries(sizes)) expect(size, place).toBeLessThanOrEqual(11);
  });

  it('cuts no table at the edge of the paper', async () => {
    const { page } = await open(crowded, PAPER);
    await page.emulateMedia({ media: 'print' });
    const cut = await page.evaluate(`[...document.querySelectorAll('.panel')].flatMap((panel) => {
      const edge = panel.getBoundingClientRect().right;
      return [...panel.querySelectorAll('table, pre, li')]
        .filter((element) => element.getBoundingClientRect().right > edge)
        .map((element) => panel.id + ': ' + element.textContent.slice(0, 40));
    })`);
    expect(cut).toEqual([]);
  });

  it('says in words what was not recorded', async () => {
    const { page, said } = await open(await report(silentFixture()));
    expect(await page.locator('#chart-messages').textContent()).toContain('No message was sent');
    expect(await page.locator('#chart-queues').textContent()).toContain('the scenario names no admin port');
    expect(await page.locator('#chart-distribution').textContent()).toContain('No latency was recorded.');
    expect(await page.locator('#ledger').textContent()).toContain('nothing to account for');
    expect(await page.locator('#failures').textContent()).toContain(
      'No connection failed and none was dropped.',
    );
    expect(Object.keys(await coloursDrawn(page))).toEqual([
      'connections',
      'failures',
      'cpu',
      'memory',
      'event-loop-lag',
    ]);
    expect(said).toEqual([]);
  });

  it('is made from run.json alone when the run ended before its first second', async () => {
    const fixture = recordFixture((record) => {
      record.verdict = 'partial';
      record.phases = [];
    });
    const folder = await writeRecordFolder(fixture);
    folders.push(folder);
    await rm(join(folder, 'timeline.ndjson'));
    await rm(join(folder, 'latency.hlog'));
    await writeReports(folder, fixture.record);
    const { page, said } = await open(join(folder, 'report.html'));
    expect(await page.locator('.verdict').textContent()).toBe('Partial');
    expect(await page.locator('#chart-connections').textContent()).toContain('The record holds no timeline');
    expect(said).toEqual([]);
  });

  it('runs nothing that a scenario or an error message smuggles in', async () => {
    const evil = `</script><script>document.title="owned"</script><img src=x onerror=alert(1)>\u2028$' $&`;
    const fixture = recordFixture((record) => {
      record.name = evil;
      record.description = evil;
      record.scenario.source = evil;
      record.scenario.overrides = [evil];
      record.scenario.resolved = { evil };
      record.notes = [evil];
      record.phases = [{ name: evil, startSeconds: 0, endSeconds: 31 }];
      record.connections.failures = { [evil]: 1 };
      record.backlog.queues.push({ name: evil, max: 1, p99: 1, threshold: null, alerts: 0 });
      record.gates.push({ expression: evil, value: null, passed: false, note: evil });
    });
    for (const sample of fixture.samples) if (sample.server) sample.server.queues[evil] = 1;
    const { page, said, requested } = await open(await report(fixture));
    expect(await page.title()).toContain('</script>');
    expect(await page.locator('#scenario pre').first().textContent()).toContain(
      '<img src=x onerror=alert(1)>',
    );
    expect(await page.locator('img').count()).toBe(0);
    expect(said).toEqual([]);
    expect(requested).toHaveLength(1);
  });

  it('is written beside junit.xml and summary.md, and the same each time', async () => {
    const fixture = recordFixture();
    const file = await report(fixture);
    const first = await readFile(file, 'utf8');
    await writeFile(file, '');
    await writeReports(join(file, '..'), fixture.record);
    expect(await readFile(file, 'utf8')).toBe(first);
    expect(await readFile(join(file, '..', 'junit.xml'), 'utf8')).toContain('<testsuite ');
    expect(await readFile(join(file, '..', 'summary.md'), 'utf8')).toContain('## ✅ Passed');
  });
});

function canvasOf(page: Page, chart: string): Promise<string> {
  return page.evaluate(`document.querySelector('#chart-${chart} canvas').toDataURL()`);
}
