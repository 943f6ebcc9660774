import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { launchBrowser } from './chromium.js';

/**
 * Watches a run on its page in Chromium: neither the page nor the process that serves it may grow with the time.
 * `npm run bench:live-page -- --minutes 10`; needs a chromium (C2M_CHROMIUM names one).
 *
 * What is measured every twenty seconds: the heap of the page after a collection, the elements and listeners that it holds,
 * and the resident memory of the process. Set against each other are the second and third tenth of the time and the last two:
 * before that charts are drawn for the first time and code is compiled.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '300' },
    clients: { type: 'string', default: '500' },
  },
});
const minutes = Number(values.minutes);
const EVERY_MS = 20_000;
const MIB = 1024 * 1024;
/** More than ten minutes of points and the noise of a collector; a leak of one chart a second has hundreds of MiB. */
const LIMITS = { heapMiB: 4, nodes: 300, listeners: 50, rssMiB: 24 };

interface Reading {
  minute: number;
  heapMiB: number;
  nodes: number;
  listeners: number;
  rssMiB: number;
  /** Seconds of the run that the page shows. */
  shown: string;
}

const folder = mkdtempSync(join(tmpdir(), 'c2m-live-page-'));
const run = spawn(
  process.execPath,
  [
    ...['dist/cli/c2m.js', 'run', '--ui', 'ci-smoke', '--quiet', '--out', join(folder, 'run')],
    ...['--set', `clients.count=${values.clients}`, '--set', 'gates=["messages.lost == 0"]'],
    ...['--set', `phases=[{name: talk, duration: ${Math.ceil(minutes) + 5}m, rate: ${values.rate}/s}]`],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
process.on('exit', () => {
  run.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
const ended = new Promise<number | null>((resolve) => run.on('close', resolve));
const address = await new Promise<string>((resolve) => {
  let text = '';
  run.stdout.on('data', (bytes: Buffer) => {
    text += bytes;
    const found = /Live page {2}(\S+)/.exec(text)?.[1];
    if (found) resolve(found);
  });
});

const browser = await launchBrowser();
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const faults: string[] = [];
page.on('pageerror', ({ message }) => faults.push(message));
await page.goto(address);
await page.waitForSelector('#chart-messages canvas', { timeout: 60_000 });
const debuggerOf = await page.context().newCDPSession(page);
await debuggerOf.send('Performance.enable');

const readings: Reading[] = [];
const startedMs = performance.now();
console.log('minute  heap MiB  elements  listeners  RSS MiB  page shows');
while (performance.now() - startedMs < minutes * 60_000) {
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  const reading = await read();
  readings.push(reading);
  const { minute, heapMiB, nodes, listeners, rssMiB, shown } = reading;
  console.log(
    `${minute.toFixed(1).padStart(6)}  ${heapMiB.toFixed(2).padStart(8)}  ${String(nodes).padStart(8)}  ` +
      `${String(listeners).padStart(9)}  ${rssMiB.toFixed(1).padStart(7)}  ${shown}`,
  );
}
await page.click('#stop');
await page.click('#stop-dialog button[value="stop"]');
const status = await ended;
await page.waitForFunction(`document.querySelector('#live-title')?.textContent === 'The run is over'`);
await browser.close();

const grown = (of: (reading: Reading) => number): number =>
  mean(readings.slice(-Math.ceil(readings.length / 5)).map(of)) -
  mean(readings.slice(Math.floor(readings.length / 10), Math.ceil((readings.length * 3) / 10)).map(of));
const growth = {
  heapMiB: grown(({ heapMiB }) => heapMiB),
  nodes: grown(({ nodes }) => nodes),
  listeners: grown(({ listeners }) => listeners),
  rssMiB: grown(({ rssMiB }) => rssMiB),
};
if (status !== 130) faults.push(`the run ended with ${status} after it was stopped on its page`);
for (const [name, limit] of Object.entries(LIMITS)) {
  const by = growth[name as keyof typeof LIMITS];
  console.log(`${name.padEnd(9)} grew by ${by.toFixed(2)}, may grow by ${limit}`);
  if (by > limit) faults.push(`${name} grew by ${by.toFixed(2)} in ${minutes} minutes, past ${limit}`);
}
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);

async function read(): Promise<Reading> {
  await debuggerOf.send('HeapProfiler.collectGarbage');
  const { metrics } = await debuggerOf.send('Performance.getMetrics');
  const at = (name: string): number => metrics.find((metric) => metric.name === name)?.value ?? 0;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${run.pid}/status`, 'utf8'))?.[1];
  return {
    minute: (performance.now() - startedMs) / 60_000,
    heapMiB: at('JSHeapUsedSize') / MIB,
    nodes: at('Nodes'),
    listeners: at('JSEventListeners'),
    rssMiB: Number(resident) / 1024,
    shown: (await page.locator('.facts div', { hasText: 'Took' }).locator('dd').textContent()) ?? '',
  };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
