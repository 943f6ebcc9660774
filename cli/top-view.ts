import chalk from 'chalk';
import type { ServerStats } from '../protocol/stats.js';
import { formatBytes, formatCount, formatMilliseconds } from '../reports/format.js';

const MS_PER_SECOND = 1000;
/** Of many workers, those whose queues are longest. */
const QUEUES_SHOWN = 20;
const WORKERS_SHOWN = 12;

/** One queue between two looks. */
interface QueueRow {
  name: string;
  length: number;
  arrivedPerSecond: number;
  servedPerSecond: number;
  behindMs: number;
  max: number;
  isAlerting: boolean;
}

/** What a server did between two answers of `/stats`, as lines for a terminal. */
export function topLines(before: ServerStats, now: ServerStats): string[] {
  const seconds = Math.max(0.001, (lastMs(now) - lastMs(before)) / MS_PER_SECOND);
  return [
    headLine(now),
    countersLine(before, now, seconds),
    '',
    ...queueLines(before, now, seconds),
    '',
    ...workerLines(before, now, seconds),
  ];
}

function headLine(now: ServerStats): string {
  const { store, handlers, restarts } = now;
  const minutes = Math.floor((lastMs(now) - now.startedAtMs) / 60_000);
  return [
    `c2m ${now.version}, up ${formatCount(minutes)} min`,
    `${formatCount(now.connections)} connections`,
    `${formatCount(store.items)} items in ${store.kind}${store.diskBytes > 0 ? `, ${formatBytes(store.diskBytes)}` : ''}`,
    `handlers ${handlers.version}`,
    restarts.length > 0 ? chalk.yellow(`${restarts.length} restarts`) : 'no restart',
  ].join('   ');
}

function countersLine(before: ServerStats, now: ServerStats, seconds: number): string {
  const rate = (name: 'logins' | 'accepted' | 'delivered' | 'acknowledged' | 'refused') =>
    `${name} ${perSecond((now.counters[name] - before.counters[name]) / seconds)}`;
  return [rate('logins'), rate('accepted'), rate('delivered'), rate('acknowledged'), rate('refused')].join(
    '   ',
  );
}

function queueLines(before: ServerStats, now: ServerStats, seconds: number): string[] {
  const rows = Object.keys(now.queues)
    .map((name) => queueRow(name, before, now, seconds))
    .sort((one, other) => other.behindMs - one.behindMs || other.length - one.length || other.max - one.max);
  const lines = rows.slice(0, QUEUES_SHOWN).map((row) => {
    const words = [
      row.name.padEnd(20),
      formatCount(row.length).padStart(9),
      formatMilliseconds(row.behindMs).padStart(9),
      perSecond(row.arrivedPerSecond).padStart(10),
      perSecond(row.servedPerSecond).padStart(10),
      formatCount(row.max).padStart(10),
    ].join(' ');
    return row.isAlerting ? chalk.red(`${words}  ALERT`) : row.behindMs > 0 ? words : chalk.dim(words);
  });
  const head = `${'queue'.padEnd(20)} ${'length'.padStart(9)} ${'behind'.padStart(9)} ${'in'.padStart(10)} ${'out'.padStart(10)} ${'highest'.padStart(10)}`;
  const rest = rows.length - QUEUES_SHOWN;
  return [chalk.bold(head), ...lines, ...(rest > 0 ? [chalk.dim(`and ${rest} shorter ones`)] : [])];
}

function queueRow(name: string, before: ServerStats, now: ServerStats, seconds: number): QueueRow {
  const { arrived = 0, served = 0, max = 0, mostServedPerSecond = 0 } = now.queues[name] ?? {};
  const earlier = before.queues[name] ?? { arrived: 0, served: 0 };
  const since = before.samples.at(-1)?.sequence ?? 0;
  const length = Math.max(
    0,
    ...now.samples.filter(({ sequence }) => sequence > since).map(({ queues }) => queues[name] ?? 0),
  );
  const servedPerSecond = Math.max(0, served - earlier.served) / seconds;
  return {
    name,
    length,
    arrivedPerSecond: Math.max(0, arrived - earlier.arrived) / seconds,
    servedPerSecond,
    // At the best rate that it was ever served at: an idle queue with one item in it is not late.
    behindMs: mostServedPerSecond === 0 ? 0 : (length * MS_PER_SECOND) / mostServedPerSecond,
    max,
    isAlerting: now.alerts.some(({ queue, clearedAtMs }) => queue === name && clearedAtMs === null),
  };
}

function workerLines(before: ServerStats, now: ServerStats, seconds: number): string[] {
  const rows = now.workers.map((worker) => {
    const earlier = before.workers.find(({ pid }) => pid === worker.pid);
    return { ...worker, cores: earlier ? (worker.cpuSeconds - earlier.cpuSeconds) / seconds : 0 };
  });
  const lines = rows
    .sort((one, other) => other.cores - one.cores)
    .slice(0, WORKERS_SHOWN)
    .map((row) =>
      [
        `worker ${row.worker}`.padEnd(12),
        `pid ${row.pid}`.padEnd(12),
        `${formatCount(row.connections)} connections`.padStart(20),
        `${Math.round(row.cores * 100)} % of a core`.padStart(16),
        formatBytes(row.privateBytes).padStart(10),
        `lag p99 ${formatMilliseconds(row.eventLoopLagP99Ms)}`.padStart(18),
      ].join(' '),
    );
  const rest = rows.length - WORKERS_SHOWN;
  return rest > 0 ? [...lines, chalk.dim(`and ${rest} less busy ones`)] : lines;
}

/** When the server last sampled its queues: both looks count on its clock. */
function lastMs(stats: ServerStats): number {
  return stats.samples.at(-1)?.atMs ?? stats.startedAtMs;
}

function perSecond(rate: number): string {
  return `${formatCount(Math.round(rate))}/s`;
}
