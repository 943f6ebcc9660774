import { setTimeout as sleep } from 'node:timers/promises';
import { readStats } from '../../lab/admin-client.js';
import type { OpenedHome } from '../../protocol/stats.js';
import { homesOf, startCluster, usersAt } from './embedded.js';
import { leaveWaiting } from './waiting.js';

const RECIPIENTS = 1000;
const LOOK_EVERY_MS = 20;
const OPEN_WITHIN_MS = 120_000;
/** It is started again by hand, once that is over. */
const AWAY_MS = 600_000;

export interface MeasuredTakeover {
  waiting: number;
  /** Messages a second while they came. */
  filledPerSecond: number;
  /** From SIGKILL of its node until the home is open at the other one, as that one says. */
  openedMs: number;
  /** What of that was the home itself, from when it was claimed. */
  opened: OpenedHome;
}

/** Two nodes with a home each, three servers of NATS: lets messages wait in one home, kills its node, and waits for it. */
export async function measureTakeover(waiting: number): Promise<MeasuredTakeover> {
  const limits = { newRecipientsPerSecond: 0, sendsPerSecond: 0 };
  const bench = await startCluster({ nodes: 2, nats: 3, homes: 2 }, { limits });
  const { cluster, servers } = bench;
  let killed: Promise<string> | undefined;
  try {
    const [recipients, senders] = [await usersAt(bench, 0, RECIPIENTS), await usersAt(bench, 1, 100)];
    const filledFromMs = performance.now();
    await leaveWaiting(servers[1]?.port ?? 0, waiting, recipients, senders);
    const filledMs = performance.now() - filledFromMs;
    const atMs = Date.now();
    killed = cluster.act({ kind: 'kill-node', atMs: 0, node: 1, restartAfterMs: AWAY_MS }, () => undefined);
    const { opened, items } = await openedAt(servers[1]?.adminUrl ?? '');
    if (items < waiting) throw new Error(`${items} of ${waiting} messages are there after a takeover`);
    return {
      waiting,
      filledPerSecond: (waiting * 1000) / filledMs,
      openedMs: opened.atMs - atMs,
      opened,
    };
  } finally {
    cluster.hurry();
    await killed;
    await cluster.close();
  }
}

/** Waits until that node has both homes. */
async function openedAt(adminUrl: string): Promise<{ opened: OpenedHome; items: number }> {
  const untilMs = performance.now() + OPEN_WITHIN_MS;
  for (;;) {
    const { cluster, store } = await readStats(adminUrl);
    const opened = cluster?.workers[0]?.opened.at(-1);
    if (cluster && opened && homesOf(cluster, cluster.node).length === 2)
      return { opened, items: store.items };
    if (performance.now() > untilMs) throw new Error('the home was not taken over');
    await sleep(LOOK_EVERY_MS);
  }
}
