import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.js';
import { type Count, measuredWindow } from './cost.js';
import type { Subject } from './subject.js';
import { type Sample, Watch } from './watch.js';
import type { Workload } from './workload.js';

/** What was seen of one run of one tool. */
export interface Run {
  samples: Sample[];
  counts: readonly Count[];
  /** What the tool itself says of the run, in one line. */
  says: string;
  /** Memory of a client by the tool's own account, where it keeps one. */
  clientBytes?: number | null;
}

/** A load generator. `speaks` are the drivers of c2m whose protocol and workload it has as well. */
export interface Tool {
  name: string;
  speaks: readonly string[];
  /** What it counts and what it does not, for whoever compares. */
  counts: string;
  /** @param purpose `talk` measures messages; `idle` only wants all clients connected */
  run(protocol: string, subject: Subject, workload: Workload, purpose: 'talk' | 'idle'): Promise<Run>;
}

/** How long clients stay connected where only their memory is measured. */
export const IDLE_SECONDS = 3;
const SLACK_SECONDS = 30;
const EVERY_MS = 100;

/**
 * Watches a foreign tool until the measured part is over, or until all clients were connected for a while, and ends it: a
 * closed loop that the server slows down would go on for long.
 */
export async function watchUntilMeasured(
  child: Child,
  subject: Subject,
  workload: Workload,
  purpose: 'talk' | 'idle',
): Promise<Run> {
  const counts = subject.counter?.counts ?? [];
  const watch = new Watch({ root: child.pid, port: subject.port, clients: workload.clients, purpose });
  const until =
    performance.now() +
    1000 * ((4 * workload.clients) / workload.connectsPerSecond + 4 * workload.seconds + SLACK_SECONDS);
  let hasEnded = false;
  void child.ended.then(() => {
    hasEnded = true;
  });
  try {
    while (!hasEnded && performance.now() < until) {
      await sleep(EVERY_MS);
      if (purpose === 'talk' ? measuredWindow(counts, watch.samples, workload) : hasIdled(watch.samples))
        break;
    }
  } finally {
    watch.stop();
    await child.end();
  }
  return { samples: watch.samples, counts, says: lastLines(child.output()) };
}

function hasIdled(samples: readonly Sample[]): boolean {
  const first = samples.find(({ areConnected }) => areConnected);
  return first !== undefined && performance.now() > first.atMs + IDLE_SECONDS * 1000;
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-5).join(' | ');
}
