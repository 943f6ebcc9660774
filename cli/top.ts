import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { readStats } from '../lab/admin-client.js';
import { InputError } from '../record/input-error.js';
import { printable, printableData } from '../record/printable.js';
import { type ClusterPlaceFlags, clusterPlaceOptions, readClusterPlace } from './cluster-options.js';
import type { ClusterLook } from './cluster-top-rows.js';
import { ExitStatus, type Finish } from './exit-status.js';
import { listenForInterrupts } from './interrupts.js';
import { DEFAULT_ADMIN_URL } from './reload.js';
import { looksView, type TopView, topView } from './top-view.js';

interface TopOptions extends ClusterPlaceFlags {
  interval: string;
  once?: boolean;
  json?: boolean;
}

const LEAST_INTERVAL_MS = 250;

export function topCommand(finish: Finish): Command {
  const command = new Command('top')
    .description(
      'Shows the queues of a running server, that which is furthest behind first, with its workers and its counters; or the nodes of a cluster.',
    )
    .argument('[url]', `admin port of the server (default: ${DEFAULT_ADMIN_URL})`)
    .option('--interval <seconds>', 'time between two looks', '1')
    .option('--once', 'look twice, print what happened between, and end')
    .option(
      '--json',
      'print a line of JSON each time: /stats, or of a cluster what `c2m cluster status --json` says and /stats of each node',
    );
  return clusterPlaceOptions(command, false)
    .addHelpText(
      'after',
      `
Examples:
  c2m top
  c2m top http://127.0.0.1:9465 --interval 5
  c2m top --once | grep mailbox-writes
  c2m top --json | jq .queues
  c2m top --cluster nats://10.0.0.5:4222
`,
    )
    .action(async (url: string | undefined, options: TopOptions) => {
      finish(await top(url, options));
    });
}

async function top(url: string | undefined, options: TopOptions): Promise<ExitStatus> {
  const { interval } = options;
  const intervalMs = Number(interval) * 1000;
  if (!(intervalMs >= LEAST_INTERVAL_MS)) {
    throw new InputError(`--interval: "${interval}" is not a time; write seconds, at least 0.25`);
  }
  if (!options.cluster) {
    const server = url ?? DEFAULT_ADMIN_URL;
    return watch(() => readStats(server), topView(process.stdout, options), intervalMs, options);
  }
  if (url !== undefined)
    throw new InputError(`${url} is one server, and --cluster is all of a cluster: write one of them`);
  return topOfCluster(options, intervalMs);
}

async function topOfCluster(options: TopOptions, intervalMs: number): Promise<ExitStatus> {
  const place = readClusterPlace(options);
  // Only who speaks to NATS loads what that needs.
  const { OperatedCluster } = await import('../lab/cluster/operated-cluster.js');
  const { clusterTopData, clusterTopRows } = await import('./cluster-top-rows.js');
  const cluster = await OperatedCluster.open(place);
  const view = looksView<ClusterLook>(process.stdout, options, {
    rows: (before, now, room) => clusterTopRows(printableLook(before), printableLook(now), room),
    data: clusterTopData,
  });
  try {
    const look = async (): Promise<ClusterLook> => {
      const stats = await cluster.stats();
      return { name: cluster.name, state: cluster.table.state, stats };
    };
    return await watch(look, view, intervalMs, options);
  } finally {
    await cluster.close();
  }
}

/** Names and versions are the nodes'. */
function printableLook({ name, state, stats }: ClusterLook): ClusterLook {
  const told = new Map([...stats].map(([node, each]) => [printable(node), printableData(each)]));
  return { name, state: { ...state, peers: printableData(state.peers) }, stats: told };
}

async function watch<Look>(
  look: () => Promise<Look>,
  view: TopView<Look>,
  intervalMs: number,
  { once, json }: TopOptions,
): Promise<ExitStatus> {
  const interrupts = listenForInterrupts({ hangup: true });
  const isOver = new AbortController();
  interrupts.onRequest(() => isOver.abort());
  try {
    let before = await look();
    if (json) view.show(before, before);
    while (!interrupts.isRequested) {
      const wasAborted = await sleep(intervalMs, false, { signal: isOver.signal }).catch(() => true);
      if (wasAborted) break;
      const now = await look();
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
