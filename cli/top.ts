import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { readStats } from '../lab/admin-client.js';
import { InputError } from '../record/input-error.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { DEFAULT_ADMIN_URL } from './reload.js';
import { topView } from './top-view.js';

interface TopOptions {
  interval: string;
  once?: boolean;
  json?: boolean;
}

const LEAST_INTERVAL_MS = 250;

export function topCommand(finish: Finish): Command {
  return new Command('top')
    .description(
      'Shows the queues of a running server, that which is furthest behind first, with its workers and its counters.',
    )
    .argument('[url]', 'admin port of the server', DEFAULT_ADMIN_URL)
    .option('--interval <seconds>', 'time between two looks', '1')
    .option('--once', 'look twice, print what happened between, and end')
    .option('--json', 'print /stats as a line of JSON each time')
    .addHelpText(
      'after',
      `
Examples:
  c2m top
  c2m top http://127.0.0.1:9465 --interval 5
  c2m top --once | grep mailbox-writes
  c2m top --json | jq .queues
`,
    )
    .action(async (url: string, options: TopOptions) => {
      finish(await top(url, options));
    });
}

async function top(url: string, options: TopOptions): Promise<ExitStatus> {
  const { interval, once, json } = options;
  const intervalMs = Number(interval) * 1000;
  if (!(intervalMs >= LEAST_INTERVAL_MS)) {
    throw new InputError(`--interval: "${interval}" is not a time; write seconds, at least 0.25`);
  }
  const view = topView(process.stdout, options);
  const interrupts = listenForInterrupts({ hangup: true });
  const isOver = new AbortController();
  interrupts.onRequest(() => isOver.abort());
  try {
    let before = await readStats(url);
    if (json) view.show(before, before);
    while (!interrupts.isRequested) {
      const wasAborted = await sleep(intervalMs, false, { signal: isOver.signal }).catch(() => true);
      if (wasAborted) break;
      const now = await readStats(url);
      view.show(before, now);
      before = now;
      if (once) break;
    }
    return ExitStatus.Passed;
  } finally {
    view.end();
    interrupts.release();
  }
}
