import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';

/** CSS pixels, as a desk and a phone have them. */
export const WIDTHS = { desk: 1440, phone: 390 };
const FIRST_SCREEN = { desk: 900, phone: 844 };
/** A phone's page is many screens long: it is cut into columns that stand beside one another. */
const PHONE_COLUMN = 1600;
const MOST_PHONE_COLUMNS = 3;
/** The margin below the last panel is no column. */
const LEAST_COLUMN = 30;
const MOST_DESK_HEIGHT = 2200;
/** Sheets of a printed page that are shown, and how wide each is. */
const MOST_SHEETS = 4;
const SHEET_WIDTH = 500;
const GAP = 16;
const DESK_COLOUR = '#9aa3ad';
/** Of one picture: forty of them are fetched in a moment. */
const MOST_BYTES = 120_000;

const run = promisify(execFile);

/** Opens an address as wide as a desk or a phone has it, once its charts are drawn. */
export async function openPage(browser, address, medium) {
  const context = await browser.newContext({
    viewport: { width: WIDTHS[medium], height: FIRST_SCREEN[medium] },
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
    locale: 'en-GB',
  });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(address);
  await page.waitForFunction(`[...document.querySelectorAll('figure.chart')].every((chart) =>
    chart.querySelector('canvas, .empty'))`);
  if (faults.length > 0) throw new Error(`${address}: ${faults.join('; ')}`);
  return page;
}

/** What is on the page that is open, for its width: at a desk as it is, of a phone in columns; what is further down is left out. */
export async function photograph(page, medium) {
  const shown = await page.evaluate('document.documentElement.scrollWidth');
  if (shown > WIDTHS[medium]) throw new Error(`${page.url()} is ${shown} pixels wide at ${WIDTHS[medium]}`);
  const whole = await page.screenshot({ fullPage: true });
  if (medium === 'desk') return await cropped(whole, MOST_DESK_HEIGHT);
  const { width, height } = await sharp(whole).metadata();
  const columns = [];
  for (
    let top = 0;
    top < height && height - top > LEAST_COLUMN && columns.length < MOST_PHONE_COLUMNS;
    top += PHONE_COLUMN
  ) {
    const part = { left: 0, top, width, height: Math.min(PHONE_COLUMN, height - top) };
    columns.push(await sharp(whole).extract(part).png().toBuffer());
  }
  return columns.length === 1 ? columns[0] : await besideOneAnother(columns, columns.length);
}

/** The page as it is printed on A4, sheet beside sheet. */
export async function print(page) {
  const folder = await mkdtemp(join(tmpdir(), 'c2m-print-'));
  try {
    const pdf = join(folder, 'page.pdf');
    await writeFile(pdf, await page.pdf({ format: 'A4', printBackground: false }));
    await run(
      'pdftoppm',
      ['-png', '-scale-to-x', SHEET_WIDTH, '-scale-to-y', '-1', pdf, join(folder, 'sheet')].map(String),
    );
    const names = (await readdir(folder)).filter((name) => name.endsWith('.png')).sort();
    const sheets = await Promise.all(names.slice(0, MOST_SHEETS).map((name) => readFile(join(folder, name))));
    return await besideOneAnother(sheets, Math.min(sheets.length, 4));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** As WebP, as good as fits. */
export async function asWebp(picture) {
  for (const quality of [55, 40]) {
    const webp = await sharp(picture).webp({ quality, effort: 6 }).toBuffer();
    if (webp.length <= MOST_BYTES) return webp;
  }
  const { width } = await sharp(picture).metadata();
  return await asWebp(
    await sharp(picture)
      .resize(Math.round(width * 0.8))
      .png()
      .toBuffer(),
  );
}

async function cropped(picture, most) {
  const { width, height } = await sharp(picture).metadata();
  return height <= most
    ? picture
    : await sharp(picture).extract({ left: 0, top: 0, width, height: most }).png().toBuffer();
}

async function besideOneAnother(pictures, columns) {
  const sizes = await Promise.all(pictures.map((picture) => sharp(picture).metadata()));
  const width = Math.max(...sizes.map((size) => size.width)) + GAP;
  const height = Math.max(...sizes.map((size) => size.height)) + GAP;
  const rows = Math.ceil(pictures.length / columns);
  return await sharp({
    create: {
      width: columns * width + GAP,
      height: rows * height + GAP,
      channels: 3,
      background: DESK_COLOUR,
    },
  })
    .composite(
      pictures.map((input, index) => ({
        input,
        left: GAP + (index % columns) * width,
        top: GAP + Math.floor(index / columns) * height,
      })),
    )
    .png()
    .toBuffer();
}
