// Opens every page that c2m makes as a newcomer would, at a desk, on a phone and printed, and keeps what is seen in
// docs/screenshots/. The records are those of docs/; only the live page is that of a run that is made for it.
//   npm run screenshots
//   npm run screenshots -- capacity ui-list      these alone
//   npm run screenshots -- --png FOLDER          as PNG, and not in docs/
// Needs a chromium (C2M_CHROMIUM names one) and pdftoppm (Debian: poppler-utils).
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchBrowser } from '../dist/bench/chromium.js';
import { asWebp, openPage, photograph, print } from './screenshots/camera.mjs';
import { BROWSED, browse, hasGoneOn, liveRun, writePages } from './screenshots/pages.mjs';

const { values, positionals } = parseArgs({ options: { png: { type: 'string' } }, allowPositionals: true });
const output = values.png ?? 'docs/screenshots';
const isWanted = (name) => positionals.length === 0 || positionals.includes(name);

const folder = await mkdtemp(join(tmpdir(), 'c2m-screenshots-'));
const browser = await launchBrowser();
try {
  await mkdir(output, { recursive: true });
  const pages = await writePages(folder);
  for (const [name, address] of Object.entries(pages).filter(([name]) => isWanted(name)))
    await take(name, address);
  await whileServed(await browse(folder), async (address) => {
    for (const [name, arrive] of Object.entries(BROWSED).filter(([name]) => isWanted(name)))
      await take(name, address, arrive);
  });
  if (isWanted('live'))
    await whileServed(await liveRun(folder), (address) => take('live', address, hasGoneOn));
} finally {
  await browser.close();
  await rm(folder, { recursive: true });
}

/** @param arrive what is done on the page that the address leads to, to see what is meant */
async function take(name, address, arrive) {
  for (const medium of ['desk', 'phone', 'print']) {
    const page = await openPage(browser, address, medium === 'print' ? 'desk' : medium);
    await arrive?.(page);
    await page.waitForLoadState();
    const picture = medium === 'print' ? await print(page) : await photograph(page, medium);
    await page.context().close();
    const [bytes, ending] = values.png === undefined ? [await asWebp(picture), 'webp'] : [picture, 'png'];
    await writeFile(join(output, `${name}-${medium}.${ending}`), bytes);
    console.log(`${name}-${medium}.${ending}  ${Math.round(bytes.length / 1024)} KiB`);
  }
}

/** Whatever comes of it, the command that serves the page is ended. */
async function whileServed({ address, close }, look) {
  try {
    await look(address);
  } finally {
    await close();
  }
}
